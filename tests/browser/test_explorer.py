"""The explorer in a real browser: it computes what Python computes, and every control moves the picture."""

from __future__ import annotations

import numpy as np
import pytest

import labelnoise as ln
from labelnoise.explorer import explorer_page

NOISES = {
    "uniform": lambda n: ln.UniformNoise(),
    "flip": lambda n: ln.FlipNoise(),
    "two_alternatives": ln.MatrixNoise.two_alternatives,
}


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("explorer") / "explorer.html"
    path.write_text(explorer_page(), encoding="utf-8")
    return path


@pytest.fixture
def explorer(open_page, page_file):
    return open_page(page_file)


def random_setting(rng):
    classes = int(rng.choice([*range(2, 21), 100]))
    return {
        "classes": classes,
        "ks": np.unique(rng.integers(1, 101, rng.integers(1, 4))).tolist(),
        "noise": str(rng.choice(list(NOISES)[: 3 if classes > 2 else 2])),
        "ties": str(rng.choice(["strict", "random", "lowest"])),
        "concentration": float(rng.choice([0, 1, rng.random(), 0.1 * rng.random()])),
        "clean": float(rng.choice([1, rng.uniform(0.3, 1)])),
        "rest": str(rng.choice(["even", "next"])),
        "label": int(rng.integers(classes)),
        "rate": float(rng.choice([0, 1, rng.random()], p=[0.05, 0.05, 0.9])),
    }


def curve(setting, noise_rates):
    """Python's curve of one neighborhood."""
    n, label, clean = setting["classes"], setting["label"], setting["clean"]
    row = np.full(n, (1 - clean) / (n - 1) if setting["rest"] == "even" else 0.0)
    if setting["rest"] == "next":
        row[(label + 1) % n] = 1 - clean
    row[label] = clean
    noise, rule = NOISES[setting["noise"]](n), {key: setting[key] for key in ("ties", "concentration")}
    return ln.accuracy_curve(row[None], [label], noise, noise_rates, setting["ks"], classes=range(n), **rule)


@pytest.mark.parametrize("n_settings", [40, pytest.param(500, marks=pytest.mark.slow)])
def test_the_accuracy_is_that_of_python(explorer, n_settings):
    rng = np.random.default_rng(n_settings)
    settings = [random_setting(rng) for _ in range(n_settings)]
    computed = explorer.evaluate("all => all.map(s => Mathematics.curves(s).map(c => c.accuracyAt(s.rate)))", settings)
    expected = [curve(setting, setting["rate"]).accuracy[0] for setting in settings]
    for setting, here, there in zip(settings, computed, expected, strict=True):
        assert np.allclose(here, there, rtol=0, atol=1e-9), setting
    assert np.ptp(np.concatenate([e.ravel() for e in expected])) > 0.9  # The settings are not all alike.


def test_the_drawn_curve_is_the_accuracy_at_each_rate(explorer):
    rng = np.random.default_rng(2)
    off = explorer.evaluate(
        """all => all.flatMap(s => Mathematics.curves(s).map(
            c => Math.max(...c.accuracy.map((value, i) => Math.abs(value - c.accuracyAt(i / 200))))))""",
        [random_setting(rng) for _ in range(10)],
    )
    assert max(off) < 1e-12


def test_the_breaking_point_is_the_tolerance_of_python(explorer):
    rng = np.random.default_rng(1)
    settings = [{**random_setting(rng), "ks": [int(rng.integers(1, 40))]} for _ in range(12)]
    computed = explorer.evaluate("all => all.map(s => Mathematics.curves(s)[0].tolerance(0.5))", settings)
    grid = np.linspace(0, 1, 201)
    expected = [curve(setting, grid).tolerance(0.5) for setting in settings]
    assert np.allclose(np.array(computed, dtype=float), expected, rtol=0, atol=2e-6, equal_nan=True)


def test_the_selected_counts_are_beta_binomial(explorer):
    from scipy.stats import betabinom, binom

    computed = explorer.evaluate(
        "() => [[30, 0.2, 0.1], [7, 0.5, 0.9], [100, 0.3, 0], [5, 0.3, 1], [4, 1, 0.5]]"
        ".map(([k, rate, rho]) => Array.from(Mathematics.selectedCounts(k, rate, rho)))"
    )
    expected = [
        betabinom.pmf(range(31), 30, 0.2 * 9, 0.8 * 9),
        betabinom.pmf(range(8), 7, 0.5 / 9, 0.5 / 9),
        binom.pmf(range(101), 100, 0.3),
        [0.7, 0, 0, 0, 0, 0.3],
        [0, 0, 0, 0, 1],
    ]
    for here, there in zip(computed, expected, strict=True):
        assert np.allclose(here, there, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("setting", "rate"),
    [("noise=flip", 0.5), ("noise=uniform", 1), ("noise=two_alternatives", 2 / 3), ("noise=flip&clean=0.8", 0.5)],
)
def test_the_limit_of_many_neighbors_is_where_a_rival_overtakes(open_page, page_file, setting, rate):
    page = open_page(f"{page_file.as_uri()}#{setting}&classes=10")
    assert page.evaluate("Mathematics.overtakingRate(Explorer.state())") == pytest.approx(rate)


PRESSES = {
    "classes": "ArrowLeft",
    "k0": "ArrowRight",
    "k2": "ArrowLeft",
    "rate": "ArrowRight",
    "concentration": "ArrowRight",
    "clean": "ArrowLeft",
}
CHOICES = {"noise": "flip", "ties": "lowest", "keep": "0.9"}


def picture(page):
    page.wait_for_timeout(60)  # longer than a frame
    return page.evaluate("['chart', 'bars', 'counts', 'sentence'].map(id => document.getElementById(id).innerHTML)")


@pytest.mark.parametrize("control", [*PRESSES, *CHOICES])
def test_each_control_moves_the_picture_by_keyboard_and_is_in_the_address(explorer, control):
    before = picture(explorer)
    if control in PRESSES:
        explorer.focus(f"#{control}")
        explorer.keyboard.press(PRESSES[control])
    else:
        explorer.select_option(f"#{control}", CHOICES[control])
    explorer.wait_for_url(lambda url: "#" in url)  # The address is written after the picture was drawn anew.
    after = picture(explorer)
    assert after[0] != before[0]
    shared = explorer.url
    explorer.goto("about:blank")
    explorer.goto(shared)
    assert picture(explorer) == after


def test_dragging_along_the_curve_changes_the_noise_rate(explorer):
    box = explorer.locator("#chart").bounding_box()
    middle = box["y"] + box["height"] / 2
    explorer.mouse.move(box["x"] + 0.5 * box["width"], middle)
    explorer.mouse.down()
    seen = []
    for place in (0.2, 0.7):
        explorer.mouse.move(box["x"] + place * box["width"], middle)
        explorer.wait_for_timeout(60)
        seen.append(explorer.evaluate("Explorer.state().rate"))
        assert f"{100 * seen[-1]:g} %" in explorer.inner_text("#sentence")
    explorer.mouse.up()
    explorer.mouse.move(box["x"] + 0.4 * box["width"], middle)
    assert seen[0] < 0.3 < 0.6 < seen[1] == explorer.evaluate("Explorer.state().rate")


def test_examples_say_what_the_theory_says(explorer):
    breaks = []
    for example in explorer.locator("[data-preset]").all()[:4]:
        example.click()
        explorer.wait_for_timeout(60)
        assert example.get_attribute("aria-pressed") == "true"
        breaks.append(float(explorer.locator("#summary td:last-child").last.inner_text().split()[0]))
    uniform, flip, two, concentrated = breaks
    assert uniform > 94
    assert flip == concentrated == 50
    assert two == pytest.approx(66.7, abs=3)
    curve_points = explorer.evaluate("Mathematics.curves({...Explorer.state(), ks: [30]})[0].accuracy.slice(0, 201)")
    assert np.allclose(curve_points, 1 - np.linspace(0, 1, 201))


def test_fewer_curves_can_be_compared_and_reset_brings_all_back(explorer):
    assert explorer.locator("#chart polyline").count() == 3
    explorer.uncheck("#with1")
    explorer.wait_for_timeout(60)
    assert explorer.locator("#chart polyline").count() == explorer.locator("#summary tr").count() == 1
    assert explorer.is_disabled("#k1")
    explorer.click("#reset")
    explorer.wait_for_timeout(60)
    assert explorer.locator("#chart polyline").count() == 3


def test_two_classes_have_no_two_alternatives(open_page, page_file):
    page = open_page(f"{page_file.as_uri()}#classes=2&noise=two_alternatives")
    assert page.evaluate("Explorer.state().noise") == "flip"
    assert page.locator("#noise option:disabled").count() == 1


def test_an_address_without_meaning_is_ignored(open_page, page_file):
    page = open_page(f"{page_file.as_uri()}#classes=1e9&k=0,x,-3&noise=<b>&rate=nan&clean=7&label=-1&keep=2&x=<img>")
    assert page.evaluate("Explorer.state()") == {
        **{"classes": 10, "ks": [10, 30, 100], "noise": "uniform", "ties": "random", "concentration": 0},
        **{"clean": 1, "rest": "even", "label": 0, "rate": 0.6, "keep": 0.5},
    }


def test_the_file_starts_with_its_own_setting(open_page, tmp_path):
    path = tmp_path / "own.html"
    path.write_text(explorer_page({"classes": 5, "k": [7], "noise": "flip", "concentration": 0.25}), encoding="utf-8")
    page = open_page(path)
    assert "K = 7" in page.inner_text("#sentence")
    assert page.evaluate("Explorer.state().concentration") == 0.25


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (390, True)])
def test_the_page_fits_its_window_and_follows_the_color_scheme(open_page, page_file, width, dark):
    page = open_page(page_file, width=width, dark=dark)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, paper[4:-1].split(","))) < 100) == dark
    colors = page.evaluate("[...document.querySelectorAll('#chart .curve')].map(c => getComputedStyle(c).stroke)")
    assert len(set(colors)) == 3


def test_the_colors_of_k_are_those_of_the_figures(explorer):
    from matplotlib.colors import to_rgb

    from labelnoise.figures.style import ordered_colors

    for ks in ([30], [10, 30], [10, 30, 100]):
        explorer.evaluate("address => { location.hash = address; }", f"k={','.join(map(str, ks))}")
        explorer.wait_for_timeout(100)
        drawn = explorer.evaluate("[...document.querySelectorAll('polyline')].map(c => getComputedStyle(c).stroke)")
        expected = [color[:3] for color in ordered_colors(ks).values()]
        for here, there in zip(drawn, expected, strict=True):
            rgb = np.array([int(part) for part in here[4:-1].split(",")]) / 255
            assert np.allclose(rgb, to_rgb(there), atol=0.5 / 255)


def test_every_control_has_a_name(explorer):
    named = explorer.evaluate("""() => [...document.querySelectorAll("input, select, button")].map(
        c => (c.labels?.length ?? 0) > 0 || c.hasAttribute("aria-label") || c.textContent.trim() !== "")""")
    assert all(named)
    assert explorer.locator("svg:not([aria-labelledby])").count() == 0


def test_the_policy_of_the_page_forbids_scripts_that_are_not_its_own(page_file, chromium):
    page = chromium.new_page()
    page.goto(page_file.as_uri())
    page.evaluate("""() => {
        const script = document.createElement("script");
        script.textContent = "window.foreign = true";
        document.body.append(script);
    }""")
    assert page.evaluate("window.foreign") is None
    page.close()
