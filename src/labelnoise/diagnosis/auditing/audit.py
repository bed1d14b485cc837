"""An audit: samples drawn with known probabilities, of which a person says the true label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.artifacts import StrPath
from labelnoise.diagnosis.auditing.answers import UNSURE_WORD, Answers
from labelnoise.diagnosis.auditing.draws import OPEN, UNSURE, Draw, draw_samples
from labelnoise.diagnosis.auditing.updating import updated_posterior
from labelnoise.diagnosis.estimate import Estimate
from labelnoise.diagnosis.inputs import LabeledSamples
from labelnoise.labels import class_array
from labelnoise.validation import seed_of

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, eq=False, repr=False)
class Audit:
    """Samples to be checked by a person, and the answers so far.

    They are drawn with known probabilities, which are kept. So what is estimated from the answers is unbiased, and its
    interval holds, even if every model is wrong (`labelnoise.diagnosis.auditing.survey`).

    Samples without an answer count as not drawn yet. This is sound if they were left out by chance, as when the list,
    which is in random order, is worked through from the top. An "unsure" is kept: every interval then holds whatever
    the true labels of these samples are, and is wider for it.

    Attributes
    ----------
    draws : tuple of Draw
        The drawings, first rounds first.
    classes : (L,) array
        The classes in code order.
    fingerprint : str
        `LabeledSamples.fingerprint` of the data that it was drawn from.
    """

    draws: tuple[Draw, ...]
    classes: NDArray[Any]
    fingerprint: str

    @classmethod
    def draw(
        cls,
        diagnosis: Any,
        n: int = 200,
        *,
        pairs: bool = True,
        random_state: int | np.random.Generator | None = None,
    ) -> Audit:
        """Draw samples to check, more of them where the models doubt a label.

        Parameters
        ----------
        diagnosis : Diagnosis
            What is known of the labels. If it rests on an earlier audit, samples are drawn given what that one found,
            and none that it checked is drawn again. The audit returned then holds the new draw only; add both:
            ``first + second``.
        n : int, default 200
            Number of samples to draw.
        pairs : bool, default True
            Whether to draw a neighbor of each as well, which the concentration needs. So up to 2n samples are checked.
            Without features or neighbors, or with k = 1, there are no pairs.
        random_state : int, numpy.random.Generator or None
            Seed of the draw.

        Returns
        -------
        Audit

        Raises
        ------
        ValueError, TypeError
            n is larger than the number of samples, or no number.
        """
        data, earlier = diagnosis.data, diagnosis.audit
        posterior = diagnosis.noise.posterior
        known, found, number = None, {}, 1
        if earlier is not None:
            posterior = updated_posterior(data, diagnosis.noise, earlier)
            found, number = earlier.checked_codes(unsure=False), earlier.draws[-1].round + 1
            known = np.isin(data.rows, list(found))
        drawn = draw_samples(
            data,
            1 - posterior[np.arange(len(posterior)), data.codes].astype(np.float64),
            posterior.argmax(axis=1),
            n,
            np.random.default_rng(seed_of(random_state)),
            pairs=pairs and data.neighbors is not None and data.k > 1,
            number=number,
            known=known,
            paths=diagnosis.paths,
        )
        answers = np.array([found.get(index, OPEN) for index in drawn.index.tolist()], dtype=np.int64)
        return cls((replace(drawn, answers=answers),), data.classes, data.fingerprint)

    @classmethod
    def read_csv(cls, path: StrPath, *, classes: Any = None) -> Audit:
        """Read a file that `to_csv` wrote and that a person has filled in, in whatever spreadsheet.

        Separators, quotes, encodings, decimal commas, the order of rows and columns, and further columns do not matter.

        Parameters
        ----------
        path : path
            The file.
        classes : sequence, optional
            All classes in code order, if the file does not list them.

        Returns
        -------
        Audit

        Raises
        ------
        ValueError
            The file is no audit; or a line was not drawn, holds an answer that is no class, contradicts another line,
            or its probabilities were changed. The message names the line.
        """
        from labelnoise.diagnosis.auditing.audit_file import read_audit

        draws, found, fingerprint = read_audit(Path(path), None if classes is None else class_array(classes))
        return cls(draws, found, fingerprint)

    def to_csv(self, path: StrPath) -> Path:
        """Write the samples to a file for a person to fill in, and all that `read_csv` needs.

        Raises
        ------
        FileExistsError
            The file exists, and holds answers that are not in this audit, or is no audit.
        """
        from labelnoise.diagnosis.auditing.audit_file import write_audit

        return write_audit(self.draws, self.classes, self.fingerprint, Path(path))

    @property
    def samples(self) -> DataFrame:
        """The samples to check, in the order in which they should be checked.

        Columns: index (row in what the user passed), given_label, suggested_label (the most probable one, as the models
        see it), true_label (None where there is no answer yet), second_opinion (of another person) if there are any,
        and path if there are paths.
        """
        import pandas as pd

        texts = np.append(np.asarray(self.classes, dtype=object), [UNSURE_WORD, None])
        columns: dict[str, Any] = {
            "index": self._joined("index"),
            "given_label": self.classes[self._joined("given")],
            "suggested_label": self.classes[self._joined("suggested")],
            "true_label": pd.Series(texts[self._joined("answers")], dtype=object),
        }
        if (self._joined("second") != OPEN).any():
            columns["second_opinion"] = pd.Series(texts[self._joined("second")], dtype=object)
        if all(draw.paths is not None for draw in self.draws):
            columns["path"] = self._joined("paths")
        return pd.DataFrame(columns)

    @property
    def n_checked(self) -> int:
        """Number of samples whose true label is known."""
        return len(self.checked_codes(unsure=False))

    @property
    def n_unsure(self) -> int:
        """Number of samples of which the checker was unsure."""
        return len(self.checked_codes()) - self.n_checked

    @property
    def n_open(self) -> int:
        """Number of samples without an answer."""
        return len(set(self._joined("index").tolist()) - set(self.checked_codes()))

    @property
    def n_absent(self) -> int:
        """Number of samples that were drawn, but whose lines are no longer in the file."""
        return sum(draw.n_drawn - int(np.count_nonzero(draw.is_drawn)) for draw in self.draws)

    @property
    def disagreement(self) -> Estimate | None:
        """Share of answers that another person, who was asked again, gives differently; None if nobody was.

        The interval is the exact one of a binomial (Clopper and Pearson). Answers that one of both was unsure of count
        on neither side. If two people err alike and independently, each errs in about half of this share.
        """
        from scipy.stats import binomtest

        first, second = self._joined("answers"), self._joined("second")
        twice = (first >= 0) & (second >= 0)
        if not twice.any():
            return None
        test = binomtest(int((first != second)[twice].sum()), int(twice.sum()))
        low, high = test.proportion_ci(method="exact")
        assumption = "the answers that were asked for again were chosen by chance, and given without seeing the first"
        return Estimate(test.statistic, low, high, "interval", test.n, assumption)

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(set(self._joined("index").tolist()))

    def __repr__(self) -> str:
        rounds = "" if len(self.draws) == 1 else f" in {len(self.draws)} draws"
        return (
            f"Audit({len(self)} samples{rounds}: {self.n_checked} checked, {self.n_unsure} unsure, {self.n_open} open)"
        )

    def __add__(self, other: Audit) -> Audit:
        """Return both audits as one; two copies of one audit (filled in by two people) become one with all answers."""
        if not isinstance(other, Audit):
            return NotImplemented
        if other.fingerprint != self.fingerprint:
            raise ValueError(
                f"audits that are added must be of the same labels; these are of data {self.fingerprint} and "
                f"{other.fingerprint}. Draw a new audit when labels have changed."
            )
        draws = {draw.name: draw for draw in self.draws}
        for draw in other.draws:
            draws[draw.name] = draws[draw.name].merged(draw) if draw.name in draws else draw
        result = replace(self, draws=tuple(sorted(draws.values(), key=lambda draw: draw.round)))
        result.checked_codes()  # This raises an error if a sample has two answers.
        return result

    def with_answers(self, true_labels: Any) -> Audit:
        """Return this audit with answers that a program gives, where a file would be a detour.

        Parameters
        ----------
        true_labels : mapping or sequence
            The true label by index (row in what the user passed), for any of the samples; or one per row of `samples`.
            None is no answer, and leaves an earlier one.

        Returns
        -------
        Audit

        Raises
        ------
        ValueError
            A label is neither a class nor "unsure", or the number of labels is not that of the rows.
        """
        rows = self._joined("index")
        if isinstance(true_labels, Mapping):
            given = [true_labels.get(index) for index in rows.tolist()]
        else:
            given = list(true_labels)
        if len(given) != len(rows):
            raise ValueError(
                f"`true_labels` must hold one label per row of `samples`, {len(rows)}; got {len(given)}. "
                f"For some of them only, pass a mapping from index to label."
            )
        reader = Answers(self.classes)
        found = np.array([reader.code(answer) for answer in given], dtype=np.int64)
        found = np.where(found == OPEN, self._joined("answers"), found)
        parts = np.split(found, np.cumsum([len(draw.index) for draw in self.draws])[:-1])
        return replace(self, draws=tuple(replace(d, answers=part) for d, part in zip(self.draws, parts, strict=True)))

    def checked_codes(self, *, unsure: bool = True) -> dict[int, int]:
        """Return the answer of each sample that has one, by index; with `unsure` also those that are `UNSURE`.

        Raises
        ------
        ValueError
            A sample has two answers, from two draws.
        """
        found: dict[int, int] = {}
        for index, answer in zip(self._joined("index").tolist(), self._joined("answers").tolist(), strict=True):
            if answer == OPEN:
                continue
            if found.setdefault(index, answer) != answer:
                raise ValueError(
                    f"an audit must have one answer per sample; index {index} has two in two draws, "
                    f"{self._text(found[index])} and {self._text(answer)}. Settle it in both files."
                )
        return found if unsure else {index: code for index, code in found.items() if code != UNSURE}

    def check_data(self, data: LabeledSamples) -> None:
        """Raise a ValueError unless this audit was drawn from these data."""
        self.check_fingerprint(data.fingerprint)

    def check_fingerprint(self, fingerprint: str) -> None:
        """Raise a ValueError unless this audit was drawn from labels with this fingerprint."""
        if fingerprint != self.fingerprint:
            raise ValueError(
                f"`audit` must be drawn from these labels; it is of data {self.fingerprint}, and these are "
                f"{fingerprint}. Pass the labels, in the order and with the classes with which it was drawn, or "
                f"draw a new audit."
            )

    def check_answered(self) -> None:
        """Raise a ValueError unless the true label of a drawn sample is known."""
        if not any((draw.is_drawn & (draw.answers >= 0)).any() for draw in self.draws):
            raise ValueError(
                f"`audit` must hold the true label of at least one drawn sample; it has none ({self}). Fill in the "
                f"column true_label."
            )

    def _joined(self, name: str) -> NDArray[Any]:
        return np.concatenate([getattr(draw, name) for draw in self.draws])

    def _text(self, code: int) -> str:
        return UNSURE_WORD if code == UNSURE else repr(self.classes[code].item())
