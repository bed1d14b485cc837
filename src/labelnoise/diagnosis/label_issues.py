"""Exchange of tables and scores with cleanlab's Datalab and CleanLearning, whose package is not needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from labelnoise.arrays import Floats
from labelnoise.validation import check_fraction, check_numeric

if TYPE_CHECKING:
    from pandas import DataFrame

_SCORES = ("label_score", "label_quality")
"""Names of the score in the tables of Datalab and of CleanLearning."""

_COLUMNS = ("index", "given_label", "suggested_label", "wrong_probability")


def label_quality(wrong_probability: Any) -> Floats:
    """Return label-quality scores in the sense of cleanlab: the probability that each label is right.

    Parameters
    ----------
    wrong_probability : (n,) array
        Probability that each label is wrong.

    Returns
    -------
    scores : (n,) array
        1 - `wrong_probability`; the lower, the more likely the label is wrong.

    Raises
    ------
    ValueError
        An entry is outside [0, 1].

    Examples
    --------
    >>> label_quality([0.25, 0.0])
    array([0.75, 1.  ])
    """
    return 1.0 - _check_unit(wrong_probability, "wrong_probability")


def to_label_issues(samples: DataFrame, *, threshold: float = 0.5) -> DataFrame:
    """Return a diagnosis' table of samples as the table of label issues of cleanlab's Datalab.

    Parameters
    ----------
    samples : DataFrame
        Columns ``index`` (position among the samples that were diagnosed), ``given_label``, ``suggested_label`` and
        ``wrong_probability``, as in `Diagnosis.samples`; in any order of rows.
    threshold : float
        A label is an issue if it is wrong with a larger probability.

    Returns
    -------
    issues : DataFrame
        Columns ``is_label_issue``, ``label_score``, ``given_label`` and ``predicted_label``, by position, as
        ``lab.get_issues("label")`` returns them. ``CleanLearning.fit`` takes it as ``label_issues``.

    Raises
    ------
    ValueError
        A column is missing, a probability is outside [0, 1], or a position occurs twice.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"index": 3, "given_label": "cat", "suggested_label": "dog", "wrong_probability": 0.75}
    >>> to_label_issues(pd.DataFrame([row]))
       is_label_issue  label_score given_label predicted_label
    3            True         0.25         cat             dog
    """
    import pandas as pd

    _check_columns_of(samples, _COLUMNS, "samples", "Pass the table `samples` of a diagnosis.")
    check_fraction(threshold, "threshold")
    scores = label_quality(samples["wrong_probability"])
    issues = pd.DataFrame(
        {
            "is_label_issue": scores < 1.0 - threshold,
            "label_score": scores,
            "given_label": samples["given_label"].to_numpy(),
            "predicted_label": samples["suggested_label"].to_numpy(),
        },
        index=samples["index"].to_numpy(),
    )
    _check_unique(issues.index, "samples")
    return issues.sort_index()


def from_label_issues(issues: DataFrame) -> DataFrame:
    """Return cleanlab's table of label issues as a table of samples, the lowest score first.

    A score of cleanlab's own orders samples by suspicion. It is no calibrated probability: its mean says nothing of how
    many labels are wrong.

    Parameters
    ----------
    issues : DataFrame
        Table of ``lab.get_issues("label")`` of a Datalab, or of ``CleanLearning.get_label_issues()``: a score
        (``label_score`` or ``label_quality``), ``given_label`` and ``predicted_label``, with positions as its index.

    Returns
    -------
    samples : DataFrame
        Columns ``index``, ``given_label``, ``suggested_label`` and ``wrong_probability`` (1 - score); equal scores keep
        the order of their positions.

    Raises
    ------
    ValueError
        A column is missing, a score is outside [0, 1], or a position occurs twice.

    Examples
    --------
    >>> import pandas as pd
    >>> scores = {"label_score": [0.75, 0.5], "given_label": ["cat", "dog"], "predicted_label": ["cat", "cat"]}
    >>> from_label_issues(pd.DataFrame(scores))
       index given_label suggested_label  wrong_probability
    0      1         dog             cat               0.50
    1      0         cat             cat               0.25
    """
    import pandas as pd

    cure = 'Pass lab.get_issues("label") of a Datalab, or get_label_issues() of CleanLearning.'
    score = next((name for name in _SCORES if name in issues.columns), _SCORES[0])
    _check_columns_of(issues, (score, "given_label", "predicted_label"), "issues", cure)
    _check_unique(issues.index, "issues")
    samples = pd.DataFrame(
        {
            "index": issues.index.to_numpy(),
            "given_label": issues["given_label"].to_numpy(),
            "suggested_label": issues["predicted_label"].to_numpy(),
            "wrong_probability": 1.0 - _check_unit(issues[score], score),
        }
    )
    return samples.sort_values(["wrong_probability", "index"], ascending=[False, True], ignore_index=True)


def _check_unit(values: Any, name: str) -> Floats:
    numbers = check_numeric(values, name).astype(np.float64)
    bad = ~((numbers >= 0) & (numbers <= 1))
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(f"`{name}` must be in [0, 1]; entry {row} (counted from 0) is {numbers[row]:g}.")
    return numbers


def _check_columns_of(frame: DataFrame, wanted: tuple[str, ...], name: str, cure: str) -> None:
    missing = [column for column in wanted if column not in frame.columns]
    if missing:
        raise ValueError(
            f"`{name}` must have the columns {', '.join(wanted)}; it lacks {', '.join(missing)} and has "
            f"{', '.join(map(str, frame.columns)) or 'none'}. {cure}"
        )


def _check_unique(index: Any, name: str) -> None:
    if not index.is_unique:
        twice = index[index.duplicated()][0]
        raise ValueError(f"`{name}` must have one row per sample; position {twice} occurs twice. Drop the copies.")
