"""The report in a real browser: plots are drawn, switches and tables work by mouse and by keyboard."""

import csv

import numpy as np
import pytest
from helpers.results import write_curve
from sklearn.datasets import load_digits

import labelnoise as ln
from labelnoise.jobs.report import run_report

NAMES = ["<img src=x onerror=alert(1)>", "</script>", '<b>"2"', "<!-- 3", "=4+1", "$5$", "a & 6", "&lt;7", "8\n8", "9"]


@pytest.fixture(scope="module")
def curve_page(tmp_path_factory):
    """The page of a curve of two K and two tie rules."""
    folder = tmp_path_factory.mktemp("curve")
    write_curve(folder, ties=("random", "strict"))
    return run_report(folder)[1]


@pytest.fixture(scope="module")
def diagnosis(tmp_path_factory):
    """A diagnosis of 400 digits with hostile class names, of which the images are there, and its page."""
    image = pytest.importorskip("PIL.Image")
    folder = tmp_path_factory.mktemp("diagnosis")
    data, target = load_digits(return_X_y=True)
    noisy = ln.corrupt(target[:400], ln.FlipNoise(), 0.2, random_state=0)
    found = ln.diagnose([NAMES[label] for label in noisy.labels], features=data[:400], random_state=0)
    paths = [str(folder / f"{row}.png") for row in range(400)]
    for path, pixels in zip(paths, data[:400], strict=True):
        image.fromarray((16 * pixels.clip(0, 15)).reshape(8, 8).astype(np.uint8)).save(path)
    object.__setattr__(found, "paths", np.array(paths, dtype=object))
    return found, found.save(folder)["page"]


def drawn(page):
    """Wait until every plot is drawn, as it is for printing, and return the page."""
    wait_until(page, "window.Plotly !== undefined")
    page.wait_for_timeout(50)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    wait_until(page, "[...document.querySelectorAll('.plot')].every((box) => box.dataset.drawn)")
    return page


def wait_until(page, condition):
    """Wait until a condition holds; playwright's own function needs `eval`, which the page's policy forbids."""
    for _ in range(600):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never happened: {condition}")


def visible(page):
    return page.evaluate("document.querySelector('.plot').data.map(({ visible }) => visible !== false)")


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (390, True)])
def test_pages_fit_their_window_and_draw_everything(open_page, curve_page, diagnosis, width, dark):
    for path, n_plots in ((curve_page, 1), (diagnosis[1], 5)):
        page = drawn(open_page(path, width=width, dark=dark))
        assert page.locator(".plot .main-svg").count() >= n_plots
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(255, 255, 255)") is not dark
        assert page.evaluate("document.querySelector('.plot')._fullLayout.paper_bgcolor") == (
            "#14171c" if dark else "#fff"
        )


@pytest.mark.parametrize("rates", [(0.0, 0.005, 0.02), (0.2,)])
def test_ticks_of_small_noise_rates_and_of_a_single_one_differ(open_page, tmp_path, rates):
    write_curve(tmp_path, measured=False, rates=rates)
    page = drawn(open_page(run_report(tmp_path)[1]))
    ticks = page.locator(".plot .xtick text").all_text_contents()
    assert len(set(ticks)) == len(ticks) > 3
    low, *_, high = (float(tick.rstrip("%")) for tick in ticks)
    assert (low, high) == ((0, 2) if len(rates) > 1 else (0, 100))
    assert page.locator("details summary").first.text_content() == f"Table: {2 * len(rates)} rows"


def test_k_and_tie_rule_are_switched_by_keyboard(open_page, curve_page):
    page = drawn(open_page(curve_page))
    everything = visible(page)
    assert all(everything)
    page.locator("input[data-k='5']").focus()
    page.keyboard.press("Space")
    assert sum(visible(page)) == len(everything) // 2
    page.locator("input[data-ties='strict']").focus()
    page.keyboard.press("Space")
    assert sum(visible(page)) == len(everything) // 4
    page.locator("input[data-k='5']").check()
    assert sum(visible(page)) == len(everything) // 2


def test_colors_change_with_the_look(open_page, curve_page):
    page = drawn(open_page(curve_page))
    before = page.evaluate("document.querySelector('.plot').data[0].line.color")
    page.emulate_media(color_scheme="dark")
    wait_until(page, "document.querySelector('.plot')._fullLayout.paper_bgcolor === '#14171c'")
    assert page.evaluate("document.querySelector('.plot').data[0].line.color") != before


class TestSuspects:
    def test_heads_sort_by_keyboard_both_ways(self, open_page, diagnosis):
        page = open_page(diagnosis[1])
        head = page.locator("table.sortable th", has_text="row").first
        head.locator("button").focus()
        orders = []
        for _ in range(2):
            page.keyboard.press("Enter")
            rows = page.locator("table.sortable tbody tr td:nth-child(2)").all_inner_texts()
            orders.append(([int(row) for row in rows], head.get_attribute("aria-sort")))
        assert orders[0] == (sorted(orders[0][0]), "ascending")
        assert orders[1] == (orders[0][0][::-1], "descending")
        assert len(set(orders[0][0])) > 20

    def test_the_filter_leaves_rows_with_its_text_which_can_be_saved(self, open_page, diagnosis, tmp_path):
        found, path = diagnosis
        page = open_page(path)
        page.fill(".filter", "onerror")
        samples = found.samples[found.samples["given_label"] != found.samples["suggested_label"]]
        names = samples["given_label"] + samples["suggested_label"]
        expected = samples[names.str.contains("onerror")].sort_values("wrong_probability", ascending=False)
        assert page.locator("table.sortable tbody tr:visible").count() == len(expected) > 3
        assert page.inner_text(".count") == f"{len(expected)} rows"
        with page.expect_download() as saving:
            page.click(".save")
        saving.value.save_as(tmp_path / "saved.csv")
        with (tmp_path / "saved.csv").open(newline="", encoding="utf-8") as stream:
            rows = list(csv.reader(stream))
        assert rows[0][:3] == ["row", "given label", "suggested label"]
        assert sorted(int(row[0]) for row in rows[1:]) == sorted(expected["index"])
        assert {row[1] for row in rows[1:]} == set(expected["given_label"])

    def test_images_are_beside_their_rows(self, open_page, diagnosis):
        page = open_page(diagnosis[1])
        rows = page.locator("table.sortable tbody tr")
        n = rows.count()
        assert page.locator("table.sortable img").count() == min(n, 200)
        assert page.evaluate("[...document.querySelectorAll('table img')].every((image) => image.naturalWidth === 8)")
        image = rows.first.locator("img")
        assert image.get_attribute("alt") == f"image of row {rows.first.locator('td').nth(1).inner_text()}"


def test_the_image_of_a_suspected_sample_is_shown_beside_its_point(open_page, diagnosis):
    found, path = diagnosis
    page = drawn(open_page(path))
    plot = page.locator(".plot").nth(3)
    plot.scroll_into_view_if_needed()
    wrong = found.samples.query("given_label != suggested_label")["index"].tolist()
    assert page.locator("#peek").is_hidden()
    place = page.evaluate(
        """(row) => {
          const plot = document.querySelectorAll(".plot")[3];
          const trace = plot.data.find((trace) => trace.customdata.some((data) => data[0] === row));
          const point = trace.customdata.findIndex((data) => data[0] === row);
          const box = plot.getBoundingClientRect(), { xaxis, yaxis } = plot._fullLayout;
          return [box.x + xaxis._offset + xaxis.l2p(trace.x[point]), box.y + yaxis._offset + yaxis.l2p(trace.y[point])];
        }""",
        wrong[0],
    )
    page.mouse.move(place[0] - 3, place[1])
    page.mouse.move(*place)
    page.wait_for_selector("#peek:visible")
    assert page.locator("#peek img").get_attribute("src") == page.locator(f"img[data-row='{wrong[0]}']").get_attribute(
        "src"
    )
    assert f"row {wrong[0]}" in plot.locator(".hovertext").first.text_content()


def test_class_names_stay_text_in_hovers_and_axes(open_page, diagnosis):
    page = drawn(open_page(diagnosis[1]))
    assert page.locator("img[src=x]").count() == 0
    ticks = page.locator(".plot.wide .ytick text").all_text_contents()
    assert "<!-- 3" in ticks
    assert {'<b>"2"', "&lt;7", "a & 6", "$5$"} <= set(ticks)
    matrix = page.locator(".plot.wide")
    matrix.scroll_into_view_if_needed()
    cell = matrix.locator(".heatmaplayer image, .heatmaplayer .hm").first.bounding_box()
    page.mouse.move(cell["x"] + 15, cell["y"] + 15)
    page.wait_for_selector(".hoverlayer .hovertext text")
    text = page.locator(".hoverlayer .hovertext").first.text_content()
    assert "true label" in text
    assert any(name.replace("\n", " ") in text.replace("\n", " ") for name in NAMES)


def test_a_plot_opens_soon(open_page, curve_page):
    page = open_page(curve_page)
    page.wait_for_selector("[data-drawn]")
    assert page.evaluate("performance.now()") < 10_000  # 1 to 2 s, but the machine may be busy.
