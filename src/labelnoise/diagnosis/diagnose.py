"""From what the user has to a diagnosis: check the input, find copies, estimate the noise."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelnoise.arrays import Codes, Features, Integers
from labelnoise.columns import check_same_order, encode_for_columns
from labelnoise.diagnosis.auditing.audit import Audit
from labelnoise.diagnosis.copies import find_copies
from labelnoise.diagnosis.diagnosis import Diagnosis
from labelnoise.diagnosis.estimation.noise_estimation import N_FOLDS, estimate_noise
from labelnoise.diagnosis.inputs import LabeledSamples, label_fingerprint
from labelnoise.labels import encode_labels, missing_labels
from labelnoise.neighborhoods.given import as_neighbors
from labelnoise.neighborhoods.nearest import neighbors as neighbors_of
from labelnoise.neighborhoods.neighbors import Neighbors
from labelnoise.neighborhoods.votes import vote_accuracy
from labelnoise.progress import stage
from labelnoise.validation import (
    check_agreement,
    check_count,
    check_distributions,
    check_features,
    seed_of,
)

DEFAULT_K = 10
_TOO_GOOD = 0.05  # of agreement, by which probabilities of the training fit exceed what neighbors know


def diagnose(
    labels: ArrayLike,
    *,
    features: ArrayLike | None = None,
    pred_probs: ArrayLike | None = None,
    neighbors: Any = None,
    audit: Audit | None = None,
    k: int | None = None,
    classes: ArrayLike | None = None,
    metric: str = "euclidean",
    random_state: int | np.random.Generator | None = None,
) -> Diagnosis:
    """Say what is wrong with labels of unknown quality: how many, which, how concentrated, at what cost.

    Without an audit the wrong rate is a bracket: the estimate that is right if noise depends on the class alone, and
    what a classifier disagrees with. With an audit, a few labels that a person checked, it is an interval that holds
    whatever the noise (sections 11 to 13).

    Parameters
    ----------
    labels : array-like of shape (n_samples,)
        Labels of unknown quality. Samples without label (None, NaN) are left out and counted.
    features : array-like of shape (n_samples, n_features), optional
        Features, such as those of a pretrained network.
    pred_probs : array-like of shape (n_samples, n_classes), optional
        Predicted probabilities of the given labels, rows sum to 1, from a model that was not trained on the same
        sample (cross-validation). Named columns of a data frame are matched with the classes. One of `features` and
        `pred_probs` is needed.
    neighbors : Neighbors or what `labelnoise.neighbors` returns, optional
        The nearest other samples of each sample. By default they are searched among the features.
    audit : Audit, optional
        Answers of a person, from `Audit.draw` and `Audit.read_csv`.
    k : int, optional
        Neighborhood size of the K-NN whose accuracy is asked for; by default 10, or the number of other samples.
    classes : sequence, optional
        All classes in code order.
    metric : {"euclidean", "cosine", "standardized"}, default "euclidean"
        Distance between features, as in `labelnoise.neighbors`.
    random_state : int, numpy.random.Generator or None
        Seed of the folds and of all draws.

    Returns
    -------
    Diagnosis

    Raises
    ------
    ValueError, TypeError
        Lengths differ; there is neither a feature nor a probability; all labels are of one class; there are fewer
        samples than folds; the audit is of other labels; k is out of range; NaN among features or probabilities.

    Examples
    --------
    >>> import labelnoise as ln
    >>> from sklearn.datasets import load_digits
    >>> digits = load_digits()
    >>> noisy = ln.corrupt(digits.target, ln.FlipNoise(), 0.2, random_state=0)
    >>> found = ln.diagnose(noisy.labels, features=digits.data, random_state=0)
    >>> bool(found.wrong_rate.low <= noisy.changed_rate <= found.wrong_rate.high)
    True
    """
    if features is None and pred_probs is None:
        raise ValueError(
            "`diagnose` needs something to judge the labels by: pass features (n_samples, n_features), or pred_probs "
            "(n_samples, n_classes) of a model that was not trained on the same samples; got neither."
        )
    if audit is not None and not isinstance(audit, Audit):
        raise TypeError(f"`audit` must be a labelnoise.Audit; got {type(audit).__name__}. Use Audit.read_csv(path).")
    return diagnose_rows(
        labels,
        None,
        features=features,
        pred_probs=pred_probs,
        neighbors=neighbors,
        audit=audit,
        k=k,
        classes=classes,
        metric=metric,
        random_state=random_state,
    )


@dataclass(frozen=True, eq=False)
class Origin:
    """Where samples come from, if these are some of the rows of a file.

    Attributes
    ----------
    rows : (n,) int array
        Position of each sample in the file.
    n_rows : int
        Number of rows of the file.
    paths : (n,) array of str or None
        File of each sample, for images.
    """

    rows: Integers
    n_rows: int
    paths: NDArray[Any] | None = None


def diagnose_rows(
    labels: ArrayLike,
    origin: Origin | None,
    *,
    features: ArrayLike | None,
    pred_probs: ArrayLike | None,
    neighbors: Any = None,
    audit: Audit | None,
    k: int | None,
    classes: ArrayLike | None,
    metric: str,
    random_state: int | np.random.Generator | None,
    search: Callable[..., Neighbors] = neighbors_of,
) -> Diagnosis:
    """Do what `diagnose` does, with rows counted as in the file that the samples come from, and any neighbor search."""
    seed = seed_of(random_state)
    rng = np.random.default_rng(seed)
    missing = missing_labels(labels)
    rows, n_given = np.flatnonzero(~missing), len(missing)
    if len(rows) == 0:
        raise ValueError(f"`labels` must hold labels; all {n_given} are missing.")
    kept = _taken(labels, rows, n_given)
    check_same_order(features, labels, "features")
    columns = None if features is None else _rows_of(check_features(features), rows, n_given, "features")
    if columns is not None and not (columns != columns[0]).any():
        raise ValueError("`features` must differ between samples; all rows are equal. Pass other features.")
    codes, known, given = _encoded(kept, pred_probs, rows, n_given, classes)
    _check_enough(codes, known)
    located, n_rows = (rows, n_given) if origin is None else (origin.rows[rows], origin.n_rows)
    if audit is not None:
        audit.check_fingerprint(label_fingerprint(codes, known, located, n_rows))
        audit.check_answered()
    hoods, size = _neighbors(columns, neighbors, len(rows), n_given, k, partial(search, metric=metric))
    own = given is not None
    unknown = np.empty((0, len(known)), np.float32) if given is None else given
    copies = find_copies(columns, hoods, len(rows))
    data = LabeledSamples(codes, known, located, n_rows, columns, unknown, own, hoods, size, copies)
    if given is not None:
        _warn_if_too_good(given, codes, hoods, size, rng)
    found = estimate_noise(codes, len(known), features=columns, pred_probs=given, copies=copies, rng=rng)
    noise = found.noise
    if given is None:
        data = replace(data, pred_probs=noise.class_probability @ noise.transition_matrix.astype(np.float32))
    stage("computing the probability of each true class")
    noise = replace(noise, posterior=found.posterior(data))
    paths = None if origin is None or origin.paths is None else origin.paths[rows]
    return Diagnosis(data, noise, found.standard_error, found.view, audit, seed, paths)


def _taken(labels: Any, rows: Integers, n_given: int) -> Any:
    """Return the labels that are not missing, in the type in which they came."""
    if len(rows) == n_given:
        return labels
    if hasattr(labels, "iloc"):
        return labels.iloc[rows]
    if isinstance(labels, np.ndarray):
        return np.ma.getdata(labels)[rows]
    return [labels[row] for row in rows]


def _rows_of(values: NDArray[Any], rows: Integers, n_given: int, name: str) -> NDArray[Any]:
    if len(values) != n_given:
        raise ValueError(
            f"`{name}` must have one row per label, {n_given}; got {len(values)}. Pass {name} and labels of the same "
            f"samples, in the same order."
        )
    return values if len(rows) == n_given else values[rows]


def _encoded(
    labels: Any, pred_probs: Any, rows: Integers, n_given: int, classes: Any
) -> tuple[Codes, NDArray[Any], NDArray[np.float32] | None]:
    """Return codes, classes, and the probabilities with columns in code order."""
    if pred_probs is None:
        codes, known = encode_labels(labels, classes=classes)
        return codes, known, None
    table = check_distributions(pred_probs, "pred_probs")
    if table.ndim != 2:
        raise ValueError(f"`pred_probs` must have shape (n_samples, n_classes); got {table.shape}.")
    probabilities = _rows_of(table, rows, n_given, "pred_probs")
    ordered, codes, known = encode_for_columns(
        labels, pred_probs, probabilities, classes=classes, table_name="pred_probs"
    )
    check_agreement(ordered, codes, "pred_probs")
    return codes, known, ordered.astype(np.float32)


def _check_enough(codes: Codes, classes: NDArray[Any]) -> None:
    present = np.flatnonzero(np.bincount(codes, minlength=len(classes)))
    if len(present) < 2:
        raise ValueError(
            f"`labels` must be of at least two classes; all {len(codes)} are {classes[present[0]].item()!r}. With one "
            f"class there is nothing to confuse it with."
        )
    if len(codes) < 2 * N_FOLDS:
        raise ValueError(
            f"`labels` must be of at least {2 * N_FOLDS} samples, two in each of {N_FOLDS} folds; got {len(codes)}."
        )


def _neighbors(
    features: Features | None, given: Any, n: int, n_given: int, k: int | None, search: Callable[..., Neighbors]
) -> tuple[Neighbors | None, int]:
    """Return the neighbors of each labeled sample among the others, if they can be had, and k."""
    size = (
        min(DEFAULT_K, n - 1) if k is None else check_count(k, "k", most=n - 1, most_is="the number of other samples")
    )
    if given is not None:
        if n != n_given:
            raise ValueError(
                f"`neighbors` must be of the labeled samples; {n_given - n} samples have no label, and may be among "
                f"them. Leave the unlabeled samples out of all arguments, or pass features instead of neighbors."
            )
        hoods = as_neighbors(given, k=None if k is None else size, n_train=n)
        if len(hoods.indices) != n:
            raise ValueError(
                f"`neighbors` must hold the nearest other samples of each of the {n} samples; got "
                f"{len(hoods.indices)} rows. Use labelnoise.neighbors(features, k=...)."
            )
        own = (hoods.indices == np.arange(n)[:, None]).any(axis=1)
        if own.any():
            raise ValueError(
                f"`neighbors` must not count a sample among its own neighbors; {own.sum()} of {n} rows do. Use "
                f"labelnoise.neighbors(features, k=...), which leaves each sample out."
            )
        return hoods, min(size, hoods.k)
    if features is None:
        return None, size
    stage(f"searching the {size} nearest neighbors of {n:,} samples")
    return search(features, k=size), size


def _warn_if_too_good(
    probabilities: NDArray[np.float32], codes: Codes, hoods: Neighbors | None, k: int, rng: np.random.Generator
) -> None:
    """Warn if probabilities agree with the labels as only a model does that was trained on them."""
    agreement = float((probabilities.argmax(axis=1) == codes).mean())
    if hoods is not None:
        size = np.array([k])
        known = float(
            vote_accuracy(codes, hoods.indices, codes, size, probabilities.shape[1], ties="random", rng=rng)[0]
        )
        suspicious = agreement > 0.98 and agreement - known > _TOO_GOOD
        seen = f", and those of {k} neighbors for {known:.1%}"
    else:
        suspicious, seen = agreement > 0.999 and len(codes) > 200, ""
    if suspicious:
        warnings.warn(
            f"`pred_probs` are probably those of a model that was trained on the same samples: their most probable "
            f"class is the given label for {agreement:.1%}{seen}. Such a model has learned the wrong labels as well. "
            f"Pass out-of-sample probabilities, for example of sklearn.model_selection.cross_val_predict.",
            stacklevel=4,
        )
