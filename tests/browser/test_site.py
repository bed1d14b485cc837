"""The pages of the documentation, built as for readers, in a browser at the width of a screen and of a phone."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    "",
    "tutorial/",
    "guides/my-embeddings/",
    "theory/",
    "glossary/",
    "gallery/",
    "measurements/",
    "figures/fig3a/",
]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site of `make check`, if it is newer than its sources; otherwise one without the pages of docstrings."""
    ready = ROOT / "build" / "site"
    sources = [ROOT / "mkdocs.yml", *(ROOT / "docs").rglob("*.*"), *(ROOT / "results").rglob("*.*")]
    index = ready / "index.html"
    if index.exists() and index.stat().st_mtime > max(path.stat().st_mtime for path in sources):
        return ready
    mkdocs_config = pytest.importorskip("mkdocs.config", reason="needs the documentation's packages")
    pytest.importorskip("l2m4m", reason="needs the documentation's packages")
    from mkdocs.commands.build import build

    folder = tmp_path_factory.mktemp("site")
    build(mkdocs_config.load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder), plugins=["search"]))
    return folder


@pytest.mark.parametrize("page", PAGES)
def test_no_page_scrolls_sideways_on_a_phone(site, open_page, page):
    shown = open_page(site / page / "index.html", width=390, dark=True)
    assert shown.evaluate("document.documentElement.scrollWidth") <= 390
    assert shown.evaluate("[...document.images].every(image => !image.complete || image.naturalWidth > 0)")


def test_the_start_page_shows_the_picture_for_its_colors(site, open_page):
    for dark, name in ((False, "spread-and-concentrated.png"), (True, "spread-and-concentrated-dark.png")):
        shown = open_page(site / "index.html", dark=dark)
        visible = shown.evaluate(
            "[...document.querySelectorAll('.md-content img')].filter(i => i.offsetWidth).map(i => i.src)"
        )
        assert [source.partition("#")[0].rpartition("/")[2] for source in visible] == [name]


def test_the_palette_can_be_switched(site, open_page):
    shown = open_page(site / "index.html")
    assert shown.evaluate("document.body.getAttribute('data-md-color-scheme')") == "default"
    shown.get_by_title("Dark").click()
    assert shown.evaluate("document.body.getAttribute('data-md-color-scheme')") == "slate"


def test_long_formulas_scroll_by_themselves(site, open_page):
    shown = open_page(site / "theory" / "index.html", width=390)
    assert shown.evaluate(
        "[...document.querySelectorAll('math[display=block]')].some(one => one.scrollWidth > one.clientWidth)"
    )


def test_pages_lead_to_the_next_one_and_to_the_repository(site, open_page):
    shown = open_page(site / "tutorial" / "index.html")
    assert shown.locator("a.md-footer__link--next").count() == 1
    assert shown.locator("a.md-footer__link--prev").count() == 1
    repository = shown.locator("a.md-source").first
    assert repository.get_attribute("href").startswith("https://github.com/")
    assert repository.inner_text().split()[-1][0].isdigit()  # the version
