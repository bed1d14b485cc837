"""What people type, and what spreadsheets make of it, is read as the class that was meant, or refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelnoise.diagnosis.auditing.answers import Answers
from labelnoise.diagnosis.auditing.draws import OPEN, UNSURE
from labelnoise.spreadsheets import as_number, defused, restored


@given(st.text())
def test_defused_text_starts_no_formula_and_comes_back(text):
    safe = defused(text)
    assert not safe.startswith(("=", "@", "\t", "\r"))
    assert not safe.startswith(("+", "-")) or as_number(safe) is not None
    assert restored(safe) == text


@pytest.mark.parametrize(
    ("classes", "answer", "code"),
    [
        ([3, 7], "7", 1),
        ([3, 7], "7.0", 1),
        ([3, 7], "7,0", 1),
        ([3, 7], 7, 1),
        ([3, 7], np.float64(7), 1),
        (["007", "008"], "8", 1),
        (["cat", "dog"], " Dog ", 1),
        (["cat", "Cat"], "Cat", 1),
        (["=a", "b"], "=a", 0),
        (["=a", "b"], "'=a", 0),
        (["'=a", "=a"], "''=a", 0),
        (["'=a", "=a"], "=a", 1),
        ([-1, 1], "-1", 0),
        ([False, True], "TRUE", 1),
        ([0.5, 1.5], "1,5", 1),
        (["cat", "unsure"], "unsure", 1),
        (["cat", "dog"], "UNSURE", UNSURE),
        (["cat", "dog"], "", OPEN),
        (["cat", "dog"], "  ", OPEN),
        (["cat", "dog"], None, OPEN),
        (["cat", "dog"], float("nan"), OPEN),
    ],
)
def test_an_answer_is_read_as_the_class_that_was_meant(classes, answer, code):
    assert Answers(np.array(classes)).code(answer) == code


@pytest.mark.parametrize(
    ("classes", "answer"), [(["cat", "dog"], "cow"), (["cat", "Cat"], "CAT"), (["1", "1.0"], "1,0"), ([3, 7], "3.5")]
)
def test_an_answer_that_is_no_class_or_several_is_refused_with_the_classes(classes, answer):
    with pytest.raises(ValueError, match=f"must be one of the 2 classes '{classes[0]}', .*got '{answer}'"):
        Answers(np.array(classes)).code(answer)
