"""The audit that a person fills in next, as a file beside a diagnosis."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from labelnoise.diagnosis.auditing.audit import Audit
from labelnoise.diagnosis.auditing.audit_file import holds_more_columns

if TYPE_CHECKING:
    from labelnoise.diagnosis.diagnosis import Diagnosis


def write_next_audit(found: Diagnosis, folder: Path, n: int = 200) -> Path | None:
    """Draw the next audit and write it as ``audit.csv``, or as ``audit-2.csv`` and so on after earlier rounds.

    A file of that name in which a person typed is kept as it is. If it is of other labels, the next audit is written
    beside it, with the first digits of the hash of these labels in its name.

    Parameters
    ----------
    found : Diagnosis
        What is known.
    folder : Path
        Where the file goes.
    n : int, default 200
        Number of samples to draw, or all that were not checked yet if there are fewer.

    Returns
    -------
    Path or None
        The file; None if every label is checked.

    Raises
    ------
    FileExistsError
        The file is something else.
    """
    n_known = 0 if found.audit is None else found.audit.n_checked
    n_drawn = min(n, len(found.data.codes) - n_known)
    if n_drawn == 0:
        return None
    path = folder / next_name(found.audit)
    if must_be_kept(path, found.audit) and Audit.read_csv(path).fingerprint != found.data.fingerprint:
        path = path.with_stem(f"{path.stem}-{found.data.fingerprint[:8]}")
    if not must_be_kept(path, found.audit):
        audit = Audit.draw(found, n_drawn, random_state=found.seed)
        path.unlink(missing_ok=True)  # An earlier draw may hold answers of partners, copied from the audit passed.
        audit.to_csv(path)
    return path


def next_name(audit: Audit | None) -> str:
    """Return the name of the file of the round after an audit."""
    return "audit.csv" if audit is None else f"audit-{audit.draws[-1].round + 1}.csv"


def must_be_kept(path: Path, known: Audit | None) -> bool:
    """Return whether a person typed into an audit file what is not in the audit `known`: answers, or further columns.

    Raises
    ------
    FileExistsError
        There is a file that is no audit.
    """
    return holds_answers(path, known) or (path.exists() and holds_more_columns(path))


def holds_answers(path: Path, known: Audit | None) -> bool:
    """Return whether a file is an audit with answers that are not in the audit `known`, and so must be kept.

    Raises
    ------
    FileExistsError
        There is a file that is no audit.
    """
    if not path.exists():
        return False
    try:
        there = Audit.read_csv(path)
    except ValueError as error:
        raise FileExistsError(
            f"{path} must not exist, or be an audit; it cannot be read as one ({error}) Move it, or name another "
            f"folder."
        ) from None
    answers = there.checked_codes()
    seconds = any(whose == "second" for draw in there.draws for _, whose, _, _ in draw.typed)
    if known is None or known.fingerprint != there.fingerprint:
        return bool(answers) or seconds
    return seconds or not answers.items() <= known.checked_codes().items()
