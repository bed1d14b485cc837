"""`curve` and `corrupt` on files: what they say they read, and options that decide."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.schema import documented

import labelnoise as ln
from labelnoise.cli.main import main
from labelnoise.jobs.curve import CurveResult
from labelnoise.jobs.doubts import contradicted_share

N = 120
RNG = np.random.default_rng(1)
LABELS = np.arange(N) % 3
FRAME = pd.DataFrame(RNG.normal(size=(N, 2)) * 0.4 + LABELS[:, None], columns=["h", "w"]).assign(kind=LABELS)
WORDS = np.array(["dog", "cat", "bird"])


@pytest.fixture
def here(tmp_path, monkeypatch, capsys):
    """A call of the command line in this process; it gives exit status, output and errors."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    FRAME.to_csv("data.csv", index=False)

    def call(command, *arguments):
        monkeypatch.setattr(
            sys, "argv", ["labelnoise", command, *map(str, arguments), "--output-dir", "out", "--overwrite"]
        )
        with pytest.raises(SystemExit) as exit_:
            main()
        return exit_.value.code, *capsys.readouterr()

    return call


def curve(here, *arguments):
    """Return the JSON of `curve` at noise rate 0 and k = 5, and what was said on standard error."""
    status, out, err = here("curve", "--noise", "flip", "-k", "5", "--noise-rates", "0", "--json", *arguments)
    assert status == 0, err
    return json.loads(out), err


def accuracy(features, labels, k=5):
    return ln.predict_knn(ln.neighbors(features, k=k), labels, labels, ln.FlipNoise(), 0.0, k).accuracy.item()


def first(result):
    return next(row[name] for row in result["table"] for name in ("predicted", "accuracy") if name in row)


def test_what_was_read_is_said_and_is_in_the_json(here):
    source = ("--features", "data.csv", "--labels", "data.csv:kind")
    result, err = curve(here, *source)
    assert first(result) == pytest.approx(accuracy(FRAME[["h", "w"]].to_numpy(), LABELS))
    reading = result["reading"]
    assert (reading["features"], reading["left_out"], reading["rows"]) == (["h", "w"], {"kind": "the label"}, N)
    assert (reading["classes"], reading["test_samples"]) == ([0, 1, 2], "each sample against all others")
    assert "left out      kind (the label)" in err
    assert result["specification"]["reading"] == reading
    status, out, err = here("curve", *source, "--noise-rates", "0,0.2", "-k", "5")
    assert (status, err) == (0, "")
    assert out.index("columns used") < out.index("accuracy in")
    assert "assume that the given labels are clean" in out


def test_test_columns_are_matched_by_name(here):
    near = FRAME.assign(h=FRAME.h + 0.01)
    near[["w", "kind", "h"]].to_csv("test.csv", index=False)
    source = ("--features", "data.csv", "--labels", "data.csv:kind", "--test-features", "test.csv")
    result, _ = curve(here, *source, "--test-labels", "test.csv:kind")
    hoods = ln.neighbors(FRAME[["h", "w"]], near[["h", "w"]], k=5)
    expected = ln.predict_knn(hoods, LABELS, LABELS, ln.FlipNoise(), 0.0, 5).accuracy.item()
    assert first(result) == pytest.approx(expected)
    assert result["reading"]["test"]["features"] == ["h", "w"]
    near.rename(columns={"w": "z"}).to_csv("test.csv", index=False)
    status, _, err = here("curve", *source, "--test-labels", "test.csv:kind")
    assert (status, "lacks 'w' and has others: 'z'" in err) == (2, True)


def test_probabilities_with_class_names_are_matched(here):
    probs = np.full((N, 3), 0.05)
    probs[np.arange(N), LABELS] = 0.9
    pd.DataFrame(probs, columns=WORDS).to_csv("probs.csv", index=False)
    pd.DataFrame({"label": WORDS[LABELS]}).to_csv("labels.csv", index=False)
    np.save("probs.npy", probs)
    expected = ln.accuracy_curve(probs, LABELS, ln.FlipNoise(), 0.0, 5).accuracy.item()
    result, err = curve(here, "--pred-probs", "probs.csv", "--labels", "labels.csv")
    assert (first(result), result["reading"]["agreement"]) == (pytest.approx(expected), 1.0)
    assert "argmax is the label  100.0 %" in err
    result, _ = curve(here, "--pred-probs", "probs.npy", "--labels", "labels.csv", "--classes", "dog,cat,bird")
    assert first(result) == pytest.approx(expected)
    status, _, err = here("curve", "--pred-probs", "probs.npy", "--labels", "labels.csv")
    assert (status, "--classes bird,cat,dog" in err) == (2, True)


def test_options_say_how_files_are_read(here):
    frame = FRAME.astype({"kind": str}).assign(number=RNG.permutation(500)[:N])
    frame.loc[[3, 5], "kind"] = ["unknown", "NA"]
    frame.to_csv("data.csv", sep=";", decimal=",", index=False)
    how = ("--csv", "sep=semicolon,decimal=comma", "--missing-label", "unknown,NA", "--id-columns", "number")
    result, _ = curve(here, "--features", "data.csv", "--labels", "data.csv:kind", *how)
    keep = np.delete(np.arange(N), [3, 5])
    assert first(result) == pytest.approx(accuracy(FRAME[["h", "w"]].to_numpy()[keep], LABELS[keep]))
    assert (result["reading"]["rows"], result["reading"]["dropped"]) == (N - 2, 2)
    for option, value in (("--csv", "sep"), ("--csv", "sep=;,"), ("--id-columns", "none"), ("--classes", "0,1")):
        status, _, err = here("curve", "--features", "data.csv", "--labels", "data.csv:kind", *how[2:4], option, value)
        assert status == 2, (option, err)


def test_options_of_text_say_how_a_noise_matrix_is_written(here):
    FRAME.to_csv("data.csv", sep=";", decimal=",", index=False)
    matrix = np.array([[0.7, 0.2, 0.1], [0.0, 1.0, 0.0], [0.3, 0.3, 0.4]])
    Path("noise.csv").write_text("\n".join(";".join(str(q).replace(".", ",") for q in row) for row in matrix))
    source = ("--features", "data.csv", "--labels", "data.csv:kind", "--csv", "sep=semicolon,decimal=comma")
    result, _ = curve(here, *source, "--noise", "noise.csv", "--noise-rates", "0.4")
    hoods = ln.neighbors(FRAME[["h", "w"]].to_numpy(), k=5)
    expected = ln.predict_knn(hoods, LABELS, LABELS, ln.MatrixNoise(matrix), 0.4, 5).accuracy.item()
    assert first(result) == pytest.approx(expected)
    status, _, err = here(
        "corrupt", "--labels", "data.csv:kind", *source[4:], "--noise", "noise.csv", "--noise-rate", 1
    )
    assert status == 0, err


def test_corrupt_reads_the_same_way(here):
    FRAME.assign(kind=WORDS[LABELS]).to_csv("data.csv", index=False)
    source = ("--labels", "data.csv:kind", "--features", "data.csv", "--classes", "dog,cat,bird")
    status, out, err = here("corrupt", *source, "--noise-rate", 1, "--noise", "flip", "--json")
    assert status == 0
    assert json.loads(out)["reading"]["features"] == ["h", "w"]
    assert "left out      kind (the label)" in err
    (pd.read_csv("data.csv")[["h", "w"]][:100]).to_csv("short.csv", index=False)
    status, _, err = here("corrupt", *source[:2], "--features", "short.csv", "--noise-rate", 1)
    assert (status, "short.csv holds 100 rows and data.csv:kind 120 labels" in err) == (2, True)


def test_corrupt_says_which_row_of_the_file_each_label_is_of(here):
    words = np.where(np.arange(N) % 5, WORDS[LABELS], "")
    FRAME.assign(kind=words).to_csv("data.csv", index=False)
    assert here("corrupt", "--labels", "data.csv:kind", "--noise-rate", 0.3, "--missing-label", "")[0] == 0
    rows = np.flatnonzero(words != "")
    for table in (pd.read_csv("out/noisy_labels.csv"), pd.read_parquet("out/noisy_labels.parquet")):
        np.testing.assert_array_equal(table["index"], rows)
        np.testing.assert_array_equal(table["clean_label"], words[rows])
    np.testing.assert_array_equal(ln.NoisyLabels.load("out/noisy_labels.npz").index, rows)


def test_a_mapping_names_classes(here):
    FRAME.assign(kind=WORDS[LABELS]).to_csv("data.csv", index=False)
    flip = ("corrupt", "--labels", "data.csv:kind", "--noise-rate", 1, "--noise", "flip", "--mapping")
    assert here(*flip, "cat=dog,dog=cat")[0] == 0
    table = pd.read_csv("out/noisy_labels.csv")
    assert table["label"].tolist() == [{"cat": "dog", "dog": "cat"}.get(word, word) for word in WORDS[LABELS]]
    for mapping, says in {
        "cat=dog": "must be a permutation of the classes that it names",
        "cat=cow,cow=cat": "must name classes of the labels, which are ['bird', 'cat', 'dog']; got 'cow'",
        "cat=dog,dog": "must be pairs OLD=NEW",
        "cat,dog,bird": "such as 1,2,0, or pairs of class names, such as cat=dog,dog=cat",
        "1,0": "--classes on the command line",
    }.items():
        status, _, err = here(*flip, mapping)
        assert (status, says in err) == (2, True), err


def test_errors_about_options_come_before_files_are_read_and_name_options(here):
    nothing = ("--labels", "missing.npy", "--features", "missing.npy")
    for options, says in {
        ("curve", "--noise-rates", "20%"): "such as 0,0.1,0.2 (0.2 is 20 %); got '20%'",
        ("curve", "--noise-rates", "20"): "must lie in [0, 1]; got 20",
        ("corrupt", "--noise-rate", "20"): "must lie in [0, 1]; got 20",
        ("curve", "--noise", "flip", "--mapping", "1,1"): "must be a permutation",
        ("curve", "--concentration", "2"): "must lie in [0, 1]; got 2",
    }.items():
        status, _, err = here(*options, *nothing)
        assert (status, says in err) == (2, True), err
    np.save("ids.npy", 1000 * np.arange(6))
    status, _, err = here("corrupt", "--labels", "ids.npy", "--noise-rate", 0.5)
    assert (status, "--classes FILE" in err) == (2, True)


def test_tolerance_of_a_target(here):
    source = ("--features", "data.csv", "--labels", "data.csv:kind", "-k", "3,15", "--noise", "flip")
    status, out, _ = here("curve", *source, "--noise-rates", "0,0.2,0.4", "--target", "0.9")
    assert status == 0
    expected = ln.predict_knn(
        ln.neighbors(FRAME[["h", "w"]], k=15), LABELS, LABELS, ln.FlipNoise(), [0, 0.2, 0.4], [3, 15]
    )
    rows = json.loads(Path("out/curve.json").read_text())["tolerance"]
    for row, rate in zip(rows, expected.tolerance(0.9), strict=True):
        assert row["noise_rate"] == (None if np.isnan(rate) else pytest.approx(rate))
    assert "K = 3: " in out
    status, out, _ = here("curve", *source, "--noise-rates", "0,0.1", "--target", "0.2")
    assert "20 % accuracy up to a noise rate of at least 0.100, the largest asked for" in out
    status, out, _ = here("curve", *source, "--noise-rates", "0,0.1", "--target", "0.99999")
    assert "below 99.999 % accuracy at the smallest noise rate" in out
    status, _, err = here("curve", *source, "--target", "90")
    assert (status, "A percentage? Divide it by 100." in err) == (2, True)


def test_concentrated_placement_predicts_its_concentration(here):
    source = ("--features", "data.csv", "--labels", "data.csv:kind", "--noise-rates", "0.3", "-k", "5", "--json")
    values = {}
    for options in ((), ("--placement", "concentrated"), ("--concentration", "0.5"), ("--concentration", "0.2")):
        status, out, _ = here("curve", *source, *options)
        assert status == 0
        values[options] = first(json.loads(out))
    assert values["--placement", "concentrated"] == values["--concentration", "0.5"]
    assert len(set(values.values())) == 3


@pytest.mark.parametrize(
    "options",
    [
        ("corrupt", "--noise-rate", 0.3, "--concentration", 0.4),
        ("corrupt", "--noise-rate", 0.3, "--concentration", 0.4, "--placement", "hubs"),
        ("curve", "--concentration", 0.4, "--placement", "spread"),
        ("curve", "--concentration", 0.4, "--simulate"),
    ],
)
def test_a_concentration_is_refused_beside_a_placement_that_does_not_take_it(here, options):
    status, _, err = here(*options, "--labels", "missing.csv", "--features", "missing.csv")
    assert status == 2
    assert f"--concentration 0.4 does not go with {'hubs' if 'hubs' in options else 'spread'} placement" in err


def test_a_concentration_alone_is_predicted_and_said(here):
    source = ("--features", "data.csv", "--labels", "data.csv:kind", "--noise-rates", "0.3", "-k", "5")
    assert "ties random, noise of concentration 0.4\n" in here("curve", *source, "--concentration", 0.4)[1]
    assert "ties random\n" in here("curve", *source)[1]


def test_each_neighborhood_size_is_computed_once_in_the_order_asked_for(here):
    source = ("--features", "data.csv", "--labels", "data.csv:kind", "--noise-rates", "0.3", "--json")
    status, out, _ = here("curve", *source, "-k", "5,3,5,3,3")
    assert (status, [row["k"] for row in json.loads(out)["table"]]) == (0, [5, 3])


def test_labels_that_look_noisy_are_warned_of(here):
    source = ("--features", "data.csv", "--labels", "data.csv:kind")
    result, err = curve(here, *source)
    assert result["reading"]["warnings"] == []
    near = [FRAME.assign(h=FRAME.h + step, w=FRAME.w - step) for step in (0, 0.01, 0.02)]
    more = pd.concat(near, ignore_index=True)
    noisy = ln.corrupt(more["kind"].to_numpy(), ln.UniformNoise(), 0.25, random_state=0).labels
    more.assign(kind=noisy).to_csv("data.csv", index=False)
    result, err = curve(here, *source, "-k", "10")
    assert "the labels look noisy" in result["reading"]["warnings"][-1]
    assert "warning: the labels look noisy" in err


def test_classes_written_differently_and_columns_in_other_units_are_warned_of(here):
    names = [f"{('class', 'Class')[row % 2]} {kind}" for row, kind in enumerate(FRAME["kind"])]
    FRAME.assign(kind=names, w=1000 * FRAME.w, d=FRAME.h).to_csv("data.csv", index=False)
    source = ("--features", "data.csv:h,w,d", "--labels", "data.csv:kind")
    warnings = curve(here, *source, "-k", "3")[0]["reading"]["warnings"]
    assert "classes are written differently, and count as different" in warnings[0]
    assert "1 of 3 columns (w) hold" in warnings[1]
    standardized = curve(here, *source, "-k", "3", "--metric", "standardized")[0]
    assert "columns (w)" not in " ".join(standardized["reading"]["warnings"])
    assert "standardized distance" in standardized["specification"]["data"]


@pytest.mark.parametrize("noise", [ln.UniformNoise(), ln.FlipNoise()])
def test_the_sign_of_noisy_labels_is_silent_on_clean_ones(digits, noise):
    features, labels, *_ = digits
    hoods = ln.neighbors(features, k=10)
    assert contradicted_share(hoods, labels, labels)[0] < 0.02
    noisy = ln.corrupt(labels, noise, 0.2, random_state=0).labels
    assert 0.15 < contradicted_share(hoods, noisy, noisy)[0] < 0.25


@pytest.fixture
def softmax(here):
    """A clean softmax of 120 samples in files; the working directory is that of `here`."""
    rows = np.random.default_rng(0).dirichlet([9, 1, 0.5], N)
    probs = np.array([np.roll(row, label) for row, label in zip(rows, LABELS, strict=True)])
    np.save("probs.npy", probs)
    np.save("labels.npy", LABELS)
    return probs


SOFTMAX = ("--pred-probs", "probs.npy", "--labels", "labels.npy", "--noise", "flip", "--noise-rates", "0,0.2,0.4")


def test_the_accuracy_of_a_network_gives_its_effective_k(here, softmax):
    truth = ln.accuracy_curve(softmax, LABELS, ln.FlipNoise(), 0.3, 17).accuracy.item()
    status, out, _ = here("curve", *SOFTMAX, "-k", "5", "--network-accuracy", f"0.3:{truth}", "--json")
    assert status == 0
    result = json.loads(out)
    network, found = (
        result["specification"]["network"],
        ln.fit_effective_k(([0.3], [truth]), softmax, LABELS, ln.FlipNoise()),
    )
    assert (network["value"], network["low"], network["high"]) == (17, found.low, found.high)
    assert network["most_telling_noise_rate"] is None
    assert set(network) == set(documented("Effective K of labelnoise curve"))
    assert {row["k"] for row in result["table"]} == {5, 17}
    rates = [row["noise_rate"] for row in network["curve"]]
    band = found.predict(rates)
    assert {0.0, 0.2, 0.3, 0.4} <= set(rates)
    assert [row["predicted"] for row in network["curve"]] == pytest.approx(band.accuracy.tolist())
    assert [row["upper"] for row in network["curve"]] == pytest.approx(band.upper.tolist())
    status, out, _ = here("curve", *SOFTMAX, "-k", "5", "--network-accuracy", f"0.3:{truth}")
    assert f"effective K = 17 (95 % interval {found.low} to {found.high}), from the accuracy at noise rate 0.3" in out
    assert Path("out/curve.png").stat().st_size > 0


def test_an_accuracy_that_does_not_tell_k_is_said_to(here, softmax):
    status, out, _ = here("curve", *SOFTMAX, "-k", "5", "--network-accuracy", "0.5:0.49,0.5:0.48")
    better = ln.most_telling_noise_rate(softmax, LABELS, ln.FlipNoise())
    assert (status, "fits every K from 1 to 300" in out) == (0, True)
    assert f"Train at noise rate {better:g}" in out


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("0.3", "must be RATE:ACCURACY, separated by commas"),
        ("0.3:0.9:1", "must be RATE:ACCURACY, separated by commas"),
        ("0.3:high", "must be RATE:ACCURACY, separated by commas"),
        ("0.3:90", "A percentage? Divide it by 100."),
        ("30:0.9", "A percentage? Divide it by 100."),
    ],
)
def test_an_accuracy_of_a_network_in_another_form_is_bad_input(here, softmax, given, message):
    status, _, err = here("curve", *SOFTMAX, "--network-accuracy", given)
    assert (status, message in err) == (2, True)


def test_the_accuracy_of_a_network_needs_its_clean_softmax_and_spread_noise(here, softmax):
    source = ("--features", "data.csv", "--labels", "data.csv:kind")
    status, _, err = here("curve", *source, "--network-accuracy", "0.3:0.9")
    assert (status, "give --pred-probs FILE" in err) == (2, True)
    status, _, err = here("curve", *SOFTMAX, "--network-accuracy", "0.3:0.9", "--concentration", "0.4")
    assert (status, "curves of spread noise; got a concentration of 0.4" in err) == (2, True)


def test_a_curve_that_recovers_is_not_at_least_at_its_target():
    curve = ln.accuracy_curve([[1.0, 0.0]] * 4, [0] * 4, ln.UniformNoise(), [0.0, 0.5, 1.0], 1)
    dips = replace(curve, accuracy=np.array([[0.9], [0.5], [0.9]]), source=None)
    result = CurveResult("curve", "", "", dips, None, {}, 0.0, {}, target=0.7)
    (found,) = result.tolerances()
    assert found == {"k": 1, "noise_rate": None, "between": [0.0, 0.5], "at_least": False}


def test_a_target_lost_between_far_noise_rates_of_a_placement_is_bracketed(here):
    source = ("--features", "data.csv", "--labels", "data.csv:kind", "-k", "5", "--noise", "flip", "--simulate")
    placed = (*source, "--placement", "hubs", "--repeats", 1, "--target", "0.9")
    status, out, _ = here("curve", *placed, "--noise-rates", "0,0.8", "--name", "far")
    assert status == 0
    assert "K = 5: 90 % accuracy up to a noise rate between 0 and 0.8; measure noise rates between" in out
    assert "nan" not in out  # One noise draw has no standard deviation.
    (row,) = json.loads(Path("out/far.json").read_text())["tolerance"]
    assert (row["noise_rate"], row["between"], row["at_least"]) == (None, [0.0, 0.8], False)
    dense = ",".join(f"{rate:.2f}" for rate in np.arange(0, 0.81, 0.05))
    assert here("curve", *placed, "--noise-rates", dense, "--name", "near")[0] == 0
    (row,) = json.loads(Path("out/near.json").read_text())["tolerance"]
    assert 0 < row["noise_rate"] < 0.8
    assert row["between"] is None


def test_classes_that_the_accuracy_hides_are_said(here):
    rng = np.random.default_rng(0)
    rare = np.arange(200) < 10
    frame = pd.DataFrame({"h": rng.standard_normal(200) + rare, "w": rng.standard_normal(200)})
    frame.assign(kind=np.where(rare, "ill", "well")).to_csv("rare.csv", index=False)
    source = ("--features", "rare.csv", "--labels", "rare.csv:kind", "-k", "1,30", "--noise-rates", "0,0.2")
    status, out, err = here("curve", *source, "--json")
    assert status == 0
    record = json.loads(out)
    useless, hidden = record["reading"]["warnings"][-2:]
    assert "K = 1, 30 is not better than always answering the most frequent class well, which 95.0 %" in useless
    assert "class ill, 5.0 % of the test samples" in hidden
    assert "0.0 % at K = 30" in hidden
    assert hidden in err.replace("\n", " ")
    per_class = record["specification"]["per_class"]
    assert per_class["classes"] == ["ill", "well"]
    accuracy = np.array(per_class["accuracy"])
    assert accuracy.shape == (2, 2, 2)
    mean = accuracy @ [0.05, 0.95]
    assert mean.ravel() == pytest.approx([row["accuracy"] for row in record["table"]], abs=1e-5)


@pytest.mark.parametrize("source", [("--features", "data.csv"), ("--pred-probs", "rare.npy")])
def test_only_hidden_classes_are_said(here, source):
    np.save("rare.npy", np.tile([0.0, 0.1, 0.9], (120, 1)))
    _, _, err = here("curve", *source, "--labels", "data.csv:kind", "-k", "5", "--noise-rates", "0,0.2", "--json")
    assert ("not better than always" in err) == (source[0] == "--pred-probs")
    assert ("right less than half as often" in err) == (source[0] == "--pred-probs")


def test_class_names_like_formulas_are_written_as_they_are_or_defused_for_spreadsheets(here):
    names = np.array(["=1+1", "-2 eggs", "plain"])
    FRAME.assign(kind=names[LABELS]).to_csv("data.csv", index=False)
    for options, first_name in (((), "=1+1"), (("--spreadsheet",), "'=1+1")):
        status, _, err = here("corrupt", "--labels", "data.csv:kind", "--noise-rate", 0.2, *options)
        assert status == 0, err
        assert pd.read_csv("out/noisy_labels.csv")["clean_label"][0] == first_name
        assert pd.read_parquet("out/noisy_labels.parquet")["clean_label"][0] == "=1+1"


def test_a_search_by_workers_is_kept_and_gives_the_same(here, monkeypatch):
    """The neighbor search of `curve` in blocks: the same table, and the second time nothing is searched."""
    source = ("--features", "data.csv", "--labels", "data.csv:kind", "--simulate")
    expected, _ = curve(here, *source)
    kept, _ = curve(here, *source, "--store", "runs")
    assert kept["table"] == expected["table"]
    assert kept["specification"]["options"] == expected["specification"]["options"]
    assert len(list(Path("runs/finished").iterdir())) == 15
    monkeypatch.setattr("labelnoise.neighborhoods.blocks.search_rows", lambda *_: pytest.fail("it is kept"))
    again, _ = curve(here, *source, "--workers", "1", "--store", "runs")
    assert again["table"] == expected["table"]


def test_executors_that_cannot_be_are_refused_before_files_are_read(here):
    source = ("--features", "none.csv", "--labels", "none.csv:kind")
    for arguments, message in (
        (("--executor", "ssh://host"), "`executor` must be one of dask://HOST:PORT or slurm://"),
        (("--executor", "dask://host:1", "--workers", "2"), "give one of the two"),
        (("--workers", "0"), "`workers` must be at least 1; got 0"),
    ):
        status, _, err = here("curve", *source, *arguments)
        assert (status, message in err) == (2, True), err
    np.save("probs.npy", np.full((N, 3), 1 / 3))
    status, _, err = here("curve", "--pred-probs", "probs.npy", "--labels", "data.csv:kind", "--workers", "2")
    assert status == 2
    assert "--pred-probs alone needs none" in err
