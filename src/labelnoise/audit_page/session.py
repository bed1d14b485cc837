"""A person's work on an audit file: what is to be checked, and answers that go into the file at once.

The file is read again for every request, as a spreadsheet may have changed it. Then an answer

- changes the one cell that it is for, and no other;
- is refused if the file holds another one than the person saw, so that nothing typed elsewhere is overwritten;
- is written again if it is missing later, as when a spreadsheet that had the file open saved its older copy.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from labelnoise.diagnosis.auditing.answers import UNSURE_WORD, Answers
from labelnoise.diagnosis.auditing.audit import Audit
from labelnoise.diagnosis.auditing.audit_sheet import Sheet
from labelnoise.diagnosis.auditing.draws import OPEN, UNSURE

IMAGE_TYPES = {
    ".bmp": "image/bmp",
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
}
"""Media types of the images that are shown, by the suffix of the file; no other file is ever opened."""


class ChangedMeanwhileError(ValueError):
    """Raised when the file holds another answer than the one that the person saw."""


class AuditSession:
    """Work on one file.

    Parameters
    ----------
    path : Path
        The audit file.
    images : Path, optional
        Folder that the paths in the file are relative to. Default: the working directory.
    second : bool, default False
        Whether answers are those of a second person, who is asked about the samples that have an answer, and does not
        see it.

    Raises
    ------
    ValueError, OSError
        The file is no audit, or cannot be read; with `second`, it has no answers; or `images` is no folder.
    """

    def __init__(self, path: Path, images: Path | None = None, *, second: bool = False) -> None:
        if images is not None and not images.is_dir():
            raise NotADirectoryError(f"`--images` must be a folder; got {images}.")
        self.path = path.resolve()
        self._images, self._second = images, second
        self._lock = threading.Lock()
        self._given: dict[int, str] = {}
        self._files: dict[int, Path] = {}
        if not self.state()["samples"]:
            raise ValueError(f"{self.path.name} must hold answers for a second opinion on them; it has none yet.")

    def state(self) -> dict[str, Any]:
        """Return the classes, the samples in the order in which they are to be checked, and the answers, for JSON.

        Raises
        ------
        ValueError, OSError
            The file cannot be read as an audit any more.
        """
        with self._lock:
            audit, restored = self._read()
            return self._state(audit, restored)

    def answer(self, index: int, text: str, seen: str | None) -> dict[str, Any]:
        """Write an answer into the file; return the new state.

        Parameters
        ----------
        index : int
            The sample, as the file calls it.
        text : str
            A class, or "unsure", in any form that `Audit.read_csv` takes.
        seen : str or None
            The answer that the person saw; None for none.

        Raises
        ------
        ChangedMeanwhileError
            The file holds another answer than `seen`; it is kept.
        ValueError
            The answer is no class, or the sample is not in the file.
        OSError
            The file cannot be written; it is unchanged then.
        """
        with self._lock:
            audit, restored = self._read()
            answers = self._answers(audit)
            if index not in answers:
                raise ValueError(f"index {index} must be in {self.path.name}; it is not. Load the page again.")
            code = Answers(audit.classes).code(text)
            if code == OPEN:
                raise ValueError(f"an answer must be a class or {UNSURE_WORD!r}; it is empty. Type one.")
            if answers[index] != seen:
                raise ChangedMeanwhileError(
                    f"index {index} was answered elsewhere: {self.path.name} says {answers[index]!r}. "
                    f"Answer again to replace it."
                )
            written = _text(audit, code)
            self._write({index: written})
            self._given[index] = written
            audit, _ = self._read()
            return self._state(audit, restored)

    def image(self, index: int) -> tuple[bytes, str]:
        """Return the content and the media type of a sample's image.

        Raises
        ------
        FileNotFoundError
            The file names no image for this sample that exists.
        """
        with self._lock:
            path = self._files.get(index)
        if path is None:
            raise FileNotFoundError(f"there is no image of index {index}.")
        return path.read_bytes(), IMAGE_TYPES[path.suffix.lower()]

    def progress(self) -> dict[str, int]:
        """Return how many samples there are, are checked, unsure and open."""
        state = self.state()
        answers = [sample["answer"] for sample in state["samples"]]
        unsure = sum(sample["unsure"] for sample in state["samples"])
        n_open = answers.count(None)
        return {"samples": len(answers), "checked": len(answers) - n_open - unsure, "unsure": unsure, "open": n_open}

    def _read(self) -> tuple[Audit, int]:
        """Return the audit in the file, and how many answers of this session were missing and are there again."""
        audit = Audit.read_csv(self.path)
        answers = self._answers(audit)
        missing = {index: text for index, text in self._given.items() if answers.get(index, text) is None}
        if missing:
            self._write(missing)
            audit = Audit.read_csv(self.path)
        return audit, len(missing)

    def _write(self, answers: dict[int, str]) -> None:
        Sheet.read(self.path).write_answers(answers, "second_opinion" if self._second else "true_label")

    def _codes(self, audit: Audit) -> dict[int, int]:
        """Return the code of each answer that was given, by index."""
        if not self._second:
            return audit.checked_codes()
        typed = [entry for draw in audit.draws for entry in draw.typed]
        return {index: code for _, whose, index, code in typed if whose == "second"}

    def _answers(self, audit: Audit) -> dict[int, str | None]:
        """Return the answer to each sample that is asked about as text, by index; None where there is none."""
        asked = audit.checked_codes() if self._second else [i for draw in audit.draws for i in draw.index.tolist()]
        codes = self._codes(audit)
        return {index: _text(audit, codes[index]) if index in codes else None for index in asked}

    def _state(self, audit: Audit, restored: int) -> dict[str, Any]:
        samples: dict[int, dict[str, Any]] = {}
        answers, codes = self._answers(audit), self._codes(audit)
        shown = [str(name) for name in audit.classes.tolist()]
        self._files = {}
        for draw in audit.draws:
            indices, partners = draw.index.tolist(), draw.partner.tolist()
            drawn_with = {partner: index for index, partner in zip(indices, partners, strict=True) if partner >= 0}
            for row, index in enumerate(indices):
                if index not in answers:
                    continue
                name = "" if draw.paths is None else str(draw.paths[row])
                if (file := self._file(name)) is not None:
                    self._files[index] = file
                samples[index] = {
                    "index": index,
                    "given": shown[draw.given[row]],
                    "suggested": shown[draw.suggested[row]],
                    "answer": answers[index],
                    "unsure": codes.get(index) == UNSURE,
                    "name": name,
                    "image": file is not None,
                    "partner": partners[row] if partners[row] >= 0 else drawn_with.get(index),
                }
        title = f"{self.path.name}, second opinion" if self._second else self.path.name
        return {"file": title, "classes": shown, "samples": list(samples.values()), "restored": restored}

    def _file(self, name: str) -> Path | None:
        """Return the image that a path in the file names; None if there is none, or if it is outside the folder."""
        path = Path(name) if self._images is None else self._images / name
        if not name or path.suffix.lower() not in IMAGE_TYPES:
            return None
        if self._images is not None and not path.resolve().is_relative_to(self._images.resolve()):
            return None
        return path.resolve() if path.is_file() else None


def _text(audit: Audit, code: int) -> str:
    return UNSURE_WORD if code == UNSURE else str(audit.classes[code].item())
