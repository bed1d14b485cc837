"""Answers of a checker, as they are typed or come out of a spreadsheet, as codes."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from labelnoise.diagnosis.auditing.draws import OPEN, UNSURE
from labelnoise.spreadsheets import as_number, restored

UNSURE_WORD = "unsure"
"""What a checker types who cannot say, in any case."""


class Answers:
    """What an answer may be: one of the classes, "unsure", or nothing yet.

    A class may be written as it is, in another case (TRUE for True), or as another form of the same number (3.0 for 3),
    as long as this means one class only.

    Parameters
    ----------
    classes : (L,) array
        The classes in code order.
    """

    def __init__(self, classes: NDArray[Any]) -> None:
        self._shown = [str(item) for item in classes.tolist()]
        self._values = {item: code for code, item in enumerate(classes.tolist())}
        texts = self._shown
        numbers = [as_number(text) for text in texts]
        self._readings: list[dict[Any, int | None]] = [
            _distinct(texts),
            _distinct([text.strip() for text in texts]),
            _distinct([text.strip().casefold() for text in texts]),
            _distinct(
                [number if number is not None else ("text", text) for number, text in zip(numbers, texts, strict=True)]
            ),
        ]

    def code(self, answer: Any) -> int:
        """Return the code of an answer: `OPEN` for None, NaN and empty text, `UNSURE` for "unsure" if it is no class.

        Raises
        ------
        ValueError
            The answer is no class; the message lists the classes.
        """
        if answer is None or answer != answer or type(answer).__name__ == "NAType":
            return OPEN
        if not isinstance(answer, str):
            try:
                if answer in self._values:
                    return self._values[answer]
            except TypeError:  # It is not hashable, and so no class.
                pass
        text = str(answer)
        if not text.strip() and text not in self._readings[0]:
            return OPEN
        for written in dict.fromkeys([text, restored(text.strip())]):
            stripped = written.strip()
            number = as_number(stripped)
            for reading, key in zip(self._readings, (written, stripped, stripped.casefold(), number), strict=True):
                if (code := reading.get(key)) is not None:
                    return code
        if text.strip().casefold() == UNSURE_WORD:
            return UNSURE
        known = ", ".join(map(repr, self._shown[:20])) + (", ..." if len(self._shown) > 20 else "")
        raise ValueError(
            f"an answer must be one of the {len(self._shown)} classes {known}, {UNSURE_WORD!r}, or empty; got {text!r}."
        )


def _distinct(keys: list[Any]) -> dict[Any, int | None]:
    """Return the code of each key, None for a key that is there more than once."""
    found: dict[Any, int | None] = {}
    for code, key in enumerate(keys):
        found[key] = None if key in found else code
    return found
