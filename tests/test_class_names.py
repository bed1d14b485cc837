"""Classes that are written differently are recognized, and others are left alone."""

from __future__ import annotations

import numpy as np
import pytest

from labelnoise.class_names import alike, said


@pytest.mark.parametrize(
    ("classes", "groups"),
    [
        (["cat", "Cat ", "dog"], [["cat", "Cat "]]),
        (["sea lion", "sea_lion", "Sea-Lion", "seal"], [["sea lion", "sea_lion", "Sea-Lion"]]),
        (["\u00c5re", "A\u030are"], [["\u00c5re", "A\u030are"]]),
        (["C", "C++", "C#"], []),
        (["1", "10", "01"], []),
    ],
)
def test_names_that_differ_in_writing_alone_are_alike(classes, groups):
    assert alike(np.array(classes)) == groups


def test_numbers_are_never_alike():
    assert alike(np.arange(3)) == []
    assert alike(np.array([1, "a", "A"], dtype=object)) == [["a", "A"]]


def test_many_groups_are_counted():
    groups = alike(np.array([letter + end for letter in "abcde" for end in ("x", "X")]))
    assert said(groups) == "'ax' and 'aX', 'bx' and 'bX', 'cx' and 'cX', and 2 more groups"
