"""A person works through an audit in a real browser, by keyboard."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
from helpers.noisy_population import population
from PIL import Image

from labelnoise.audit_page import AuditServer, AuditSession
from labelnoise.diagnosis.auditing.audit import Audit
from labelnoise.diagnosis.auditing.audit_sheet import Sheet

PEOPLE = population(200, k=4)


@pytest.fixture
def path(tmp_path):
    """An audit of 6 samples with their neighbors, with images."""
    audit = Audit.draw(PEOPLE.diagnosis(), 6, random_state=0)
    (draw,) = audit.draws
    names = [f"{index} <b>.png" for index in draw.index]
    for name, index in zip(names, draw.index.tolist(), strict=True):
        Image.new("RGB", (8, 8), (index, 100, 100)).save(tmp_path / name)
    return replace(audit, draws=(replace(draw, paths=np.array(names, dtype=object)),)).to_csv(tmp_path / "audit.csv")


@pytest.fixture
def server(path):
    with AuditServer(AuditSession(path, path.parent)) as running:
        thread = threading.Thread(target=lambda: running.serve_forever(poll_interval=0.02))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def page(server, open_page):
    shown = open_page(server.address)
    wait_for_place(shown, 1)
    return shown


def given_answers(path):
    return Audit.read_csv(path).samples["true_label"].tolist()


def wait_for_place(page, n):
    page.get_by_text(f"Sample {n} of").wait_for()


def test_each_key_saves_its_answer_and_shows_the_next_sample(page, path):
    samples = Audit.read_csv(path).samples
    page.keyboard.press("1")
    wait_for_place(page, 2)
    page.keyboard.press("2")
    wait_for_place(page, 3)
    page.keyboard.press("u")
    wait_for_place(page, 4)
    page.keyboard.type("dog")
    page.keyboard.press("Enter")
    wait_for_place(page, 5)
    expected = [samples["given_label"][0], samples["suggested_label"][1], "unsure", "dog"]
    assert given_answers(path)[:5] == [*expected, None]
    assert page.inner_text("#progress").startswith(f"4 of {len(samples)} checked, 1 of them unsure")


def test_arrows_go_back_to_change_an_answer(page, path):
    page.keyboard.press("u")
    wait_for_place(page, 2)
    page.keyboard.press("ArrowLeft")
    wait_for_place(page, 1)
    assert page.locator("#unsure.chosen").count() == 1
    page.keyboard.press("1")
    wait_for_place(page, 2)
    assert given_answers(path)[0] == Audit.read_csv(path).samples["given_label"][0]


def test_a_new_page_begins_at_the_first_sample_without_an_answer(page, open_page, server, path):
    page.keyboard.press("u")
    wait_for_place(page, 2)
    wait_for_place(open_page(server.address), 2)


def test_the_image_of_the_neighbor_is_beside(page):
    shown = page.evaluate("""async () => {
        await Promise.all([...document.images].map(image => image.decode()));
        return [...document.images].map(image => [image.hidden, image.naturalWidth]);
    }""")
    assert shown == [[False, 8], [False, 8]]
    assert "<b>.png" in page.inner_text("#caption")
    assert page.locator("figure b").count() == 0


def test_an_answer_that_is_no_class_stays_in_the_field(chromium, server, path):
    page = chromium.new_page()  # without the checks of open_page: a refusal is an error in the console
    page.goto(server.address)
    wait_for_place(page, 1)
    page.keyboard.type("/dgo")
    page.keyboard.press("Enter")
    page.get_by_role("alert").wait_for()
    assert "must be one of the 3 classes" in page.inner_text("#error")
    assert page.input_value("#class") == "dgo"
    assert given_answers(path)[0] is None
    page.close()


def test_an_answer_typed_in_a_spreadsheet_meanwhile_is_shown_first(chromium, server, path):
    page = chromium.new_page()
    page.goto(server.address)
    wait_for_place(page, 1)
    Sheet.read(path).write_answers({int(Audit.read_csv(path).samples["index"][0]): "cat"})
    page.keyboard.press("u")
    page.get_by_role("alert").wait_for()
    assert "says 'cat'" in page.inner_text("#error")
    assert given_answers(path)[0] == "cat"
    page.keyboard.press("u")
    wait_for_place(page, 2)
    assert given_answers(path)[0] == "unsure"
    page.close()


def test_stop_ends_the_work(page, server):
    page.click("#stop")
    page.get_by_text("Stopped.").wait_for()


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (390, True)])
def test_the_page_fits_its_window(server, open_page, width, dark):
    page = open_page(server.address, width=width, dark=dark)
    wait_for_place(page, 1)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
