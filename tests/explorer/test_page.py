"""The explorer's page is one file that loads nothing."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from labelnoise.explorer import address_part, explorer_page


def test_the_page_is_small_and_names_no_other_place():
    page = explorer_page()
    assert len(page.encode()) < 150_000
    assert set(re.findall(r"https?://[^\"'\s]+", page)) == {"http://www.w3.org/2000/svg"}  # a name, never loaded
    assert not re.search(r"<(link|script|img|iframe)[^>]+(src|href)=\"(?!data:)", page)


@pytest.mark.parametrize("name", ["script", "style"])
def test_the_policy_names_the_hash_of_what_is_inside(name):
    page = explorer_page({"classes": 4})
    (text,) = re.findall(rf"<{name}>(.*?)</{name}>", page, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    assert f"{name}-src &#39;sha256-{digest}&#39;" in page.replace("&#43;", "+")
    assert "default-src &#39;none&#39;" in page


def test_a_state_is_escaped():
    assert '"><b>' not in explorer_page({"noise": '"><b>'})


def test_the_address_lists_values():
    assert address_part({"k": [1, 2], "noise": "a b&c"}) == "k=1,2&noise=a+b%26c"
