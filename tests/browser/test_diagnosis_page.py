"""The page of a diagnosis in a real browser."""

import pytest
from sklearn.datasets import load_digits

import labelnoise as ln


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    """The page of a diagnosis of 300 digits; a class is called like markup."""
    names = ["<img src=x onerror=alert(1)>", "</script>", *"23456789"]
    data, target = load_digits(return_X_y=True)
    noisy = ln.corrupt(target[:300], ln.FlipNoise(), 0.2, random_state=0)
    found = ln.diagnose([names[label] for label in noisy.labels], features=data[:300], random_state=0)
    return found.save(tmp_path_factory.mktemp("diagnosis"))["page"]


@pytest.mark.parametrize("width", [1200, 390])
def test_the_page_fits_its_window(open_page, page_file, width):
    page = open_page(page_file, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_class_names_stay_text(open_page, page_file):
    page = open_page(page_file)
    assert "<img src=x onerror=alert(1)>" in page.inner_text("body")
    assert page.locator("img[src=x]").count() == 0
