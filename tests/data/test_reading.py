"""Features and labels are read together: what is a feature, what is a class, and what is said about it."""

import bz2
import gzip
import lzma

import numpy as np
import pandas as pd
import pytest

from labelnoise.data import read_data, read_features, read_labels

N = 40
RNG = np.random.default_rng(0)
LABELS = np.arange(N) % 2
FRAME = pd.DataFrame({"a": RNG.normal(size=N), "b": RNG.normal(size=N), "outcome": LABELS})


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def saved(frame, path, **kwargs):
    frame.to_csv(path, index=False, **kwargs) if path.suffix == ".csv" else frame.to_parquet(path)
    return path


class TestFeatures:
    @pytest.mark.parametrize("suffix", ["csv", "parquet"])
    @pytest.mark.parametrize("name", ["outcome", "class", "species_id", "quality"])
    def test_the_label_column_is_no_feature_under_any_name(self, tmp_path, suffix, name):
        path = saved(FRAME.rename(columns={"outcome": name}), tmp_path / f"data.{suffix}")
        data = read_data(f"{path}:{name}", features=path)
        assert list(data.values) == ["a", "b"]
        assert data.reading.left_out == {name: "the label"}
        assert data.reading.labels == name
        np.testing.assert_array_equal(data.labels, LABELS)

    def test_the_same_file_under_another_path_is_the_same_file(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        saved(FRAME, tmp_path / "data.csv")
        assert list(read_data("./data.csv:outcome", features=tmp_path / "data.csv").values) == ["a", "b"]

    def test_the_label_column_of_another_table_is_no_feature(self, tmp_path):
        path = saved(FRAME, tmp_path / "data.csv")
        labels = saved(FRAME[["outcome"]].sample(frac=1, random_state=0), tmp_path / "labels.csv")
        assert list(read_data(f"{labels}:outcome", features=path).values) == ["a", "b"]

    def test_the_label_cannot_be_named_as_a_feature(self, tmp_path):
        path = saved(FRAME, tmp_path / "data.csv")
        with pytest.raises(ValueError, match=r"column 'outcome' of .* was named for both"):
            read_data(f"{path}:outcome", features=f"{path}:a,outcome")
        with pytest.raises(ValueError, match="must name each column once; got 'a', 'a'"):
            read_data(f"{path}:outcome", features=f"{path}:a,a")

    @pytest.mark.parametrize(
        ("column", "why"),
        [
            (LABELS * 7 + 3, "a copy of the label"),
            (np.where(LABELS, -0.5, 2.5), "a copy of the label"),
            (np.arange(N), "a running number"),
            (RNG.permutation(N) + 1, "a running number in another order"),
            (["note"] * N, "text"),
        ],
    )
    def test_columns_that_are_no_features_are_left_out_and_said(self, tmp_path, column, why):
        path = saved(FRAME.assign(other=column), tmp_path / "data.csv")
        reading = read_data(f"{path}:outcome", features=path).reading
        assert reading.features == ("a", "b")
        assert reading.left_out["other"].startswith(why)
        assert len(reading.warnings) == ("copy" in why)

    def test_indicators_of_classes_are_left_out_and_said(self, tmp_path):
        kind = np.array(["cat", "dog", "owl"])[np.arange(N) % 3]
        legs = np.where(kind == "owl", 2, 4)
        nearly = (np.arange(N) % 3 == 0) ^ (np.arange(N) == 5)
        frame = FRAME[["a", "b"]].assign(kind=kind, legs=legs, nearly=nearly.astype(int))
        frame = frame.join(pd.get_dummies(kind, prefix="is", dtype=int))
        path = saved(frame, tmp_path / "data.csv")
        reading = read_data(f"{path}:kind", features=path).reading
        assert reading.features == ("a", "b", "nearly")
        made = ["legs", "is_cat", "is_dog", "is_owl"]
        assert [reading.left_out[name] for name in made] == ["an indicator or grouping of the label"] * 4
        assert len(reading.warnings) == 4
        assert "legs" in read_data(f"{path}:kind", features=f"{path}:a,legs").reading.features

    @pytest.mark.parametrize("name", ["id", "ID", "image_id", "patient id", "imageId", "row_index", "uuid", "idx"])
    def test_identifiers_are_known_by_their_names(self, tmp_path, name):
        path = saved(FRAME.assign(**{name: RNG.integers(10**6, size=N)}), tmp_path / "data.csv")
        reading = read_data(f"{path}:outcome", features=path).reading
        assert reading.left_out[name] == "an identifier by its name"

    @pytest.mark.parametrize("name", ["humid", "grid", "body_mass_index", "paid", "index of refraction"])
    def test_names_that_only_sound_like_it_are_features(self, tmp_path, name):
        path = saved(FRAME.assign(**{name: RNG.integers(5, size=N)}), tmp_path / "data.csv")
        assert name in read_data(f"{path}:outcome", features=path).reading.features

    def test_indexes_are_left_out(self, tmp_path):
        FRAME.to_csv(tmp_path / "unnamed.csv")
        reading = read_data(f"{tmp_path}/unnamed.csv:outcome", features=tmp_path / "unnamed.csv").reading
        assert (reading.features, reading.left_out["(no name)"]) == (("a", "b"), "row numbers, or nothing")
        for index in (pd.Index(RNG.permutation(10 * N)[:N]), pd.Index(RNG.integers(9, size=N), name="sample")):
            FRAME.set_index(index).to_parquet(tmp_path / "index.parquet")
            reading = read_data(f"{tmp_path}/index.parquet:outcome", features=tmp_path / "index.parquet").reading
            assert reading.features == ("a", "b")
            assert reading.left_out[index.name or "__index_level_0__"] == "the index of the data frame"

    @pytest.mark.parametrize(
        "values", [np.arange(N) * 10 + 7000, RNG.permutation(2 * N)[:N], RNG.permutation(10**6)[:N]]
    )
    def test_what_may_be_an_identifier_is_asked_for(self, tmp_path, values):
        path = saved(FRAME.assign(number_of=values), tmp_path / "data.csv")
        with pytest.raises(ValueError, match=r"column 'number_of' .* may be either.* --id-columns number_of"):
            read_data(f"{path}:outcome", features=path)
        assert list(read_data(f"{path}:outcome", features=path, id_columns=["number_of"]).values) == ["a", "b"]
        assert list(read_data(f"{path}:outcome", features=path, id_columns=[]).values) == ["a", "b", "number_of"]
        assert list(read_data(f"{path}:outcome", features=f"{path}:a,number_of").values) == ["a", "number_of"]
        with pytest.raises(ValueError, match="Did you mean 'number_of'"):
            read_data(f"{path}:outcome", features=path, id_columns=["number_off"])

    def test_distinct_whole_numbers_beside_others_are_features_with_a_warning(self, tmp_path):
        path = saved(
            FRAME.assign(price=RNG.permutation(10**6)[:N], rooms=RNG.integers(5, size=N)), tmp_path / "data.csv"
        )
        reading = read_data(f"{path}:outcome", features=path).reading
        assert reading.features == ("a", "b", "price", "rooms")
        assert "give --id-columns price" in reading.warnings[0]

    def test_a_feature_that_determines_the_label_is_warned_of(self, tmp_path):
        path = saved(FRAME.assign(room=np.arange(N) % 4), tmp_path / "data.csv")
        reading = read_data(f"{path}:outcome", features=path).reading
        assert "room" in reading.features
        assert "'room' is a feature that alone determines the label" in reading.warnings[0]

    @pytest.mark.parametrize(("n_classes", "right", "other"), [(10, 0.55, 9), (3, 0.9, 2), (2, 0.94, 1)])
    def test_other_labels_of_the_samples_are_asked_for(self, tmp_path, n_classes, right, other):
        rng = np.random.default_rng(1)
        truth = np.arange(300) % n_classes
        votes = {
            f"rater_{i}": np.where(
                rng.random(300) < right, truth, (truth + rng.integers(1, other + 1, 300)) % n_classes
            )
            for i in range(2)
        }
        frame = FRAME.sample(300, replace=True, random_state=0).drop(columns="outcome").assign(**votes, kind=truth)
        path = saved(frame, tmp_path / "data.csv")
        with pytest.raises(ValueError, match=r"'rater_\d' of .* equals the label in .*data.csv:a,b leaves them out"):
            read_data(f"{path}:kind", features=path)
        named = read_data(f"{path}:kind", features=f"{path}:a,rater_0")
        assert list(named.values) == ["a", "rater_0"]
        assert ["'rater_0' equals the label in" in warning for warning in named.reading.warnings] == [True]
        assert read_data(f"{path}:kind", features=f"{path}:a,b").reading.warnings == ()

    def test_an_annotator_may_have_seen_some_samples_only(self, tmp_path):
        votes = np.where(np.arange(N) % 3, np.nan, LABELS * 2 + 1.0)
        frame = pd.concat([FRAME] * 5).assign(outcome=np.tile(LABELS * 2 + 1, 5), rater=np.tile(votes, 5))
        frame.loc[1, "rater"] = 1  # A wrong one.
        path = saved(frame, tmp_path / "data.csv")
        with pytest.raises(ValueError, match=r"'rater' of .* another label"):
            read_data(f"{path}:outcome", features=path)

    def test_features_that_hold_classes_by_accident_are_features(self, tmp_path, digits):
        pixels, labels = digits[0], digits[1]
        path = saved(pd.DataFrame(pixels).add_prefix("p").assign(kind=labels), tmp_path / "digits.csv")
        assert len(read_data(f"{path}:kind", features=path).reading.features) == pixels.shape[1]
        rng = np.random.default_rng(0)
        agrees = np.where(rng.random(400) < 0.8, np.arange(400) % 2, rng.integers(0, 2, 400))
        rare = np.arange(400) < 20
        few = pd.DataFrame({"a": rng.normal(size=400), "smoker": agrees, "kind": np.arange(400) % 2})
        for frame in (few, few.assign(kind=rare.astype(int), smoker=(rng.random(400) < 0.05).astype(int))):
            path = saved(frame, tmp_path / "two.csv")
            assert read_data(f"{path}:kind", features=path).reading.features == ("a", "smoker")

    def test_test_columns_are_matched_by_name(self, tmp_path):
        path = saved(FRAME, tmp_path / "train.csv")
        train = read_data(f"{path}:outcome", features=path)
        other = saved(FRAME[["b", "outcome", "a"]].assign(more=1), tmp_path / "test.csv")
        test = read_data(other, features=other, like=train)
        pd.testing.assert_frame_equal(test.values, train.values)
        assert test.reading.labels == "outcome"
        for wrong in (FRAME.rename(columns={"a": "z"}), FRAME.drop(columns="a")):
            saved(wrong, other)
            with pytest.raises(ValueError, match=r"test\.csv must have the columns of the training.* lacks 'a'"):
                read_data(f"{other}:outcome", features=other, like=train)

    def test_rows_must_be_as_many_as_labels(self, tmp_path):
        path, short = saved(FRAME, tmp_path / "data.csv"), saved(FRAME[:30][["outcome"]], tmp_path / "short.csv")
        with pytest.raises(ValueError, match=r"data\.csv holds 40 rows and .*short\.csv:outcome 30 labels"):
            read_data(short, features=f"{path}:a,b")

    def test_a_missing_number_names_column_and_row(self, tmp_path):
        path = saved(FRAME.assign(b=FRAME.b.where(FRAME.index != 7)), tmp_path / "data.csv")
        with pytest.raises(ValueError, match=r"column 'b' of .* has none in row 7"):
            read_data(f"{path}:outcome", features=path)


class TestLabels:
    @pytest.mark.parametrize("word", ["", "NA", "#N/A", "nan", "NaN", "None", "NaT", "null"])
    @pytest.mark.parametrize("others", [["cat", "dog"], ["0", "1"], ["0.0", "1.0"]])
    def test_missing_labels_are_no_class(self, tmp_path, word, others):
        path = write(tmp_path / "data.csv", f"label,x\n{others[0]},1\n{word},2\n{others[1]},3\n")
        with pytest.raises(ValueError, match=r"row 1 \(counted from 0\) .*--missing-label"):
            read_labels(path)
        data = read_data(path, features=path, missing_labels=[word])
        assert data.labels.tolist() == [type(data.labels[0].item())(o) for o in others]
        assert (data.reading.rows, data.reading.dropped) == (2, 1)
        assert data.values["x"].tolist() == [1, 3]

    def test_a_word_for_missing_may_be_a_class(self, tmp_path):
        path = write(tmp_path / "data.csv", "label\nNA\nEU\nNA\n")
        assert read_labels(path, classes=["EU", "NA"]).tolist() == ["NA", "EU", "NA"]
        assert read_data(path, classes="EU,NA").reading.classes == ("EU", "NA")

    @pytest.mark.parametrize("suffix", ["csv", "npy", "parquet"])
    def test_minus_one_beside_zero_is_asked_for(self, tmp_path, suffix):
        path, labels = tmp_path / f"labels.{suffix}", np.array([0, 1, -1, 1])
        np.save(path, labels) if suffix == "npy" else saved(pd.DataFrame({"label": labels}), path)
        with pytest.raises(ValueError, match=r"row 2 .* holds '-1', which usually means that there is none"):
            read_labels(path)
        assert read_data(path, missing_labels=["-1"]).labels.tolist() == [0, 1, 1]
        assert read_data(path, classes="-1,0,1").labels.tolist() == [0, 1, -1, 1]
        np.save(tmp_path / "two.npy", np.array([-1, 1, 1]))
        assert read_labels(tmp_path / "two.npy").tolist() == [-1, 1, 1]

    def test_missing_entries_of_parquet_are_left_out(self, tmp_path):
        for values in ([0, None, 1], ["a", None, "b"], [0.0, np.nan, 1.0], [True, None, False]):
            pd.DataFrame({"label": values}).to_parquet(tmp_path / "data.parquet")
            data = read_data(tmp_path / "data.parquet", missing_labels=["nan"])
            assert data.labels.tolist() == [values[0], values[2]]
            assert data.labels.dtype.kind != "O"

    def test_one_class_is_written_in_one_way(self, tmp_path):
        with pytest.raises(ValueError, match=r"it holds '1' and '1\.0'"):
            read_labels(write(tmp_path / "data.csv", "label\n1\n1.0\n2\n"))
        assert read_labels(write(tmp_path / "data.csv", 'label\n1\n"1"\n2\n')).tolist() == [1, 1, 2]

    def test_classes_give_the_order(self, tmp_path):
        path = write(tmp_path / "data.csv", "label\ncat\ndog\n")
        data = read_data(path, classes=["dog", "cat", "bird"])
        assert data.reading.classes == ("dog", "cat", "bird")
        assert data.ordered_labels().codes.tolist() == [1, 0]
        write(tmp_path / "classes.csv", "class\nbird\ncat\ndog\n")
        assert read_data(path, classes=str(tmp_path / "classes.csv")).reading.classes == ("bird", "cat", "dog")
        np.save(tmp_path / "codes.npy", [0, 2, 1])
        assert read_data(tmp_path / "codes.npy", classes="dog,cat,bird").labels.tolist() == ["dog", "bird", "cat"]
        assert read_data(tmp_path / "codes.npy", classes="2,1,0").reading.classes == (2, 1, 0)
        with pytest.raises(ValueError, match="it lacks 'dog'"):
            read_data(path, classes="cat,bird")
        with pytest.raises(ValueError, match="must be distinct"):
            read_data(path, classes="cat,cat,dog")


class TestProbabilities:
    probs = pd.DataFrame(np.eye(3)[[0, 1, 2, 0, 1]], columns=["dog", "cat", "bird"])
    labels = np.array(["dog", "cat", "bird", "dog", "cat"])

    def paths(self, folder, probs, labels):
        np.save(folder / "labels.npy", labels)
        return folder / "labels.npy", saved(probs, folder / "probs.csv")

    @pytest.mark.parametrize("prefix", ["", "prob_", "p."])
    def test_columns_are_matched_with_classes_by_name(self, tmp_path, prefix):
        labels, probs = self.paths(tmp_path, self.probs.add_prefix(prefix), self.labels)
        data = read_data(labels, pred_probs=probs)
        assert data.classes.tolist() == ["dog", "cat", "bird"]
        assert data.reading.agreement == 1
        data = read_data(labels, pred_probs=probs, classes="bird,cat,dog")
        assert list(data.values) == [f"{prefix}{name}" for name in ("bird", "cat", "dog")]
        assert data.reading.agreement == 1

    def test_named_numbers_are_matched_too(self, tmp_path):
        labels, probs = self.paths(tmp_path, self.probs.set_axis(["2", "0", "1"], axis=1), np.array([2, 0, 1, 2, 0]))
        data = read_data(labels, pred_probs=probs, csv={"header": "yes"})
        assert (data.classes.tolist(), data.reading.agreement) == ([2, 0, 1], 1)

    def test_codes_go_with_columns_that_bear_class_names(self, tmp_path):
        labels, probs = self.paths(tmp_path, self.probs, np.array([0, 1, 2, 0, 1]))
        data = read_data(labels, pred_probs=probs)
        assert (data.classes, data.reading.agreement) == (None, 1)
        assert read_data(labels, pred_probs=probs, classes="dog,cat,bird").reading.agreement == 1

    def test_an_unknown_order_is_asked_for(self, tmp_path):
        np.save(tmp_path / "probs.npy", self.probs)
        labels, named = self.paths(tmp_path, self.probs.set_axis(["x", "y1", "z"], axis=1), self.labels)
        for path in (tmp_path / "probs.npy", named):
            with pytest.raises(ValueError, match=r"must be in a known order of classes; .*--classes bird,cat,dog"):
                read_data(labels, pred_probs=path)
        assert read_data(labels, pred_probs=tmp_path / "probs.npy", classes="dog,cat,bird").reading.agreement == 1
        with pytest.raises(ValueError, match="must bear the names of the classes"):
            read_data(labels, pred_probs=named, classes="dog,cat,bird")


class TestText:
    """Every right value, or an error that names the option; then the value with the option."""

    @pytest.mark.parametrize(
        ("text", "option", "labels"),
        [
            ("0\n0\n1\n1\n", {"header": "no"}, [0, 0, 1, 1]),
            ("0\n0\n1\n1\n", {"header": True}, [0, 1, 1]),
            ("5\n0\n4\n", {"header": False}, [5, 0, 4]),
            ("cat\ndog\ncat\nbird\n", {"header": "no"}, ["cat", "dog", "cat", "bird"]),
            ("# a tool\nlabel\ncat\ndog\n", {"comment": "#"}, ["cat", "dog"]),
            ("label\ncat\n# between\ndog\n", {"comment": "#"}, ["cat", "dog"]),
            ("label\ncat\n#dog\n", {"comment": "none"}, ["cat", "#dog"]),
            ("id label\n1 cat\n2 dog\n", {"sep": "space"}, ["cat", "dog"]),
            ("label\ncaf\xe9\n".encode("latin-1"), {"encoding": "latin-1"}, ["café"]),
            ("label\ncat\n".encode("utf-16-le"), {"encoding": "utf-16-le"}, ["cat"]),
            ("label,x;y\na,1\nb;c,2\n", {"sep": "comma"}, ["a", "b;c"]),
            ("label,x;y\na,1\nb,2\n", {"sep": "comma"}, ["a", "b"]),
            ("given label\nbig cat\ndog\n", {"sep": "comma"}, ["big cat", "dog"]),
        ],
    )
    def test_what_can_be_read_in_two_ways_is_asked_for(self, tmp_path, text, option, labels):
        path = write(tmp_path / "labels.csv", text)
        name = next(iter(option))
        with pytest.raises(ValueError, match=rf"labels\.csv must .*{name}="):
            read_labels(path)
        assert read_labels(path, csv=option).tolist() == labels

    @pytest.mark.parametrize(
        ("text", "labels"),
        [
            ("id|label\n1|cat\n2|dog\n", ["cat", "dog"]),
            ("x;label\n0,5;cat\n1,5;dog\n", ["cat", "dog"]),
            ("id\tlabel\n1\tbig cat\n2\tdog\n", ["big cat", "dog"]),
            ("label\nbig cat\ndog\n", ["big cat", "dog"]),
            ("given label\ncat\ndog\n", ["cat", "dog"]),
            ('label,note\ncat,"a;b;c"\n"d,og",\n', ["cat", "d,og"]),
            ("\ufefflabel\ncat\n", ["cat"]),
            ("label\ncat\n".encode("utf-16"), ["cat"]),
            (",0\n0,5\n1,3\n", [5, 3]),
            ("label,x\ncat,1\ndog,2\n\n\n", ["cat", "dog"]),
            ("0,1,label\n0.5,0.25,cat\n0.125,2,dog\n", ["cat", "dog"]),
            ("hash\n#a\n#b\n", ["#a", "#b"]),
        ],
    )
    def test_what_can_be_read_in_one_way_is_read(self, tmp_path, text, labels):
        assert read_labels(write(tmp_path / "labels.csv", text)).tolist() == labels

    def test_a_blank_line_is_a_missing_label(self, tmp_path):
        for text in ("label\ncat\n\ndog\n", "label,x\ncat,1\n\ndog,2\n", "label\ncat\n\n"):
            with pytest.raises(ValueError, match=r"row 1 \(counted from 0\) has none"):
                read_labels(write(tmp_path / "labels.csv", text))

    @pytest.mark.parametrize(
        ("name", "pack"),
        [("a.csv.gz", gzip.compress), ("a.csv.bz2", bz2.compress), ("a.csv.xz", lzma.compress), ("a.csv", bytes)],
    )
    def test_compressed_text_is_read(self, tmp_path, name, pack):
        assert read_labels(write(tmp_path / name, pack(b"label\ncat\n"))).tolist() == ["cat"]

    def test_compression_is_named_by_the_suffix(self, tmp_path):
        with pytest.raises(ValueError, match=r"it is compressed \(gz\)\. Name it a\.csv\.gz"):
            read_labels(write(tmp_path / "a.csv", gzip.compress(b"label\ncat\n")))
        with pytest.raises(ValueError, match=r"must be a complete \.gz file"):
            read_labels(write(tmp_path / "a.csv.gz", gzip.compress(b"label\ncat\n" * 99)[:-9]))

    def test_tabs_and_json_lines_are_read(self, tmp_path):
        assert read_labels(write(tmp_path / "a.tsv", "label\tx\na;b,c\t1\n")).tolist() == ["a;b,c"]
        path = write(tmp_path / "a.jsonl", '{"label": "007", "x": [1, 2]}\n{"label": "7", "x": [3, 4]}\n')
        data = read_data(path, features=path)
        assert data.labels.tolist() == ["007", "7"]
        assert data.values.tolist() == [[1, 2], [3, 4]]
        packed = write(tmp_path / "b.jsonl.gz", gzip.compress(b'{"label": 1, "a": 2.5}\n{"label": 0, "a": 3}\n'))
        assert read_features(packed).tolist() == [[2.5], [3]]

    @pytest.mark.parametrize(
        ("entry", "cure"),
        [
            ('"1,234"', "decimal=comma if it begins the fraction, thousands=comma if it groups digits"),
            ('"0,5"', "--csv decimal=comma"),
            ("1 234", "thousands=space"),
            ("1'234", "thousands=apostrophe"),
            ("50%", "Write plain numbers"),
            ("$50", "Write plain numbers"),
            ('"$1,234.50"', "Write plain numbers"),
            ("12 €", "Write plain numbers"),
            ('"[0.1, 0.2]"', "numpy.save"),
        ],
    )
    @pytest.mark.parametrize("rest", ["{}", "7"])
    def test_numbers_in_other_forms_are_asked_for(self, tmp_path, entry, cure, rest):
        path = write(tmp_path / "x.csv", f"a,b\n0.5,{rest.format(entry)}\n1.5,{entry}\n")
        with pytest.raises(
            ValueError, match=r"column 'b' of .*x\.csv must hold numbers; row . \(counted from 0\)"
        ) as error:
            read_features(path)
        assert cure in str(error.value)

    def test_numbers_in_other_forms_are_read_with_the_option(self, tmp_path):
        path = write(tmp_path / "x.csv", "a;b\n0,5;1.234,25\n1,5;12\n")
        assert read_features(path, csv={"decimal": "comma", "thousands": "point"}).tolist() == [
            [0.5, 1234.25],
            [1.5, 12],
        ]
        with pytest.raises(ValueError, match=r"holds '1\.234,25'"):
            read_features(path, csv={"decimal": "comma"})
        write(path, 'a\n"1,234"\n"12,345.5"\n')
        assert read_features(path, csv={"thousands": "comma"}).tolist() == [[1234], [12345.5]]
        write(path, 'a\n"1,23"\n')
        with pytest.raises(ValueError, match="holds '1,23'"):
            read_features(path, csv={"thousands": "comma"})

    def test_true_and_false_are_numbers_as_in_parquet(self, tmp_path):
        frame = pd.DataFrame({"a": [1.5, 2.5], "b": [True, False]})
        for path in (tmp_path / "x.csv", tmp_path / "x.parquet"):
            assert read_features(saved(frame, path)).tolist() == [[1.5, 1], [2.5, 0]]

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"separator": ";"}, "got 'separator'"),
            ({"sep": "semi"}, "must be one character or its name"),
            ({"header": "maybe"}, "must be yes or no"),
            ({"decimal": ",", "thousands": ","}, "decimal and thousands must differ"),
            ({"encoding": "utf-99"}, "must be a known one"),
        ],
    )
    def test_options_are_checked(self, tmp_path, options, message):
        with pytest.raises(ValueError, match=message):
            read_labels(write(tmp_path / "a.csv", "label\ncafé\n"), csv=options)

    def test_an_entry_that_begins_like_a_comment_is_no_comment(self, tmp_path):
        path = write(tmp_path / "a.csv", "# tool\nlabel,x\n#N/A,1\ncat,2\n#dog,3\n")
        with pytest.raises(ValueError, match=r"row 0 .* holds '#N/A'"):
            read_labels(path, csv={"comment": "#"})
        assert read_data(path, csv={"comment": "#"}, missing_labels=["#N/A"]).labels.tolist() == ["cat"]
