"""Samples in two dimensions, for a picture: principal components, and t-SNE of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labelnoise.arrays import Floats

if TYPE_CHECKING:
    import pandas as pd

    from labelnoise.diagnosis.diagnosis import Diagnosis

MOST_SAMPLES = 2000
"""Samples in the picture; t-SNE of so many takes about 4 s on one core, and more would hide each other."""
_COMPONENTS = 50
_LEAST = 30
"""Fewer samples than this are shown by their first two principal components alone."""
_ITERATIONS = 500


def embedding_table(found: Diagnosis) -> pd.DataFrame:
    """Return the places of samples, drawn at random if there are many, by features or else predicted probabilities.

    The features are standardized as a whole, reduced to 50 principal components, and placed by t-SNE that starts from
    the first two of them. The diagnosis' seed gives the same places again.

    Parameters
    ----------
    found : Diagnosis
        The diagnosis.

    Returns
    -------
    data frame
        One row per sample shown: ``index`` (row in what was passed), ``x`` and ``y``.
    """
    import pandas as pd

    data = found.data
    values = data.pred_probs if data.features is None else data.features
    n = len(data.codes)
    rng = np.random.default_rng(found.seed)
    chosen = np.sort(rng.choice(n, min(n, MOST_SAMPLES), replace=False))
    places = embed(np.asarray(values[chosen], dtype=np.float64), found.seed)
    return pd.DataFrame({"index": data.rows[chosen], "x": places[:, 0], "y": places[:, 1]})


def embed(values: Floats, seed: int) -> Floats:
    """Return a place in two dimensions for each row, (n, 2); the first two principal components of few rows."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    n, width = values.shape
    spread = values.std()
    if spread == 0:
        return np.zeros((n, 2))
    components = min(_COMPONENTS, width, n)
    reduced = PCA(components, svd_solver="randomized" if width > _COMPONENTS else "auto", random_state=seed)
    places: Floats = reduced.fit_transform((values - values.mean(axis=0)) / spread)
    if n >= _LEAST and components > 2:
        method = TSNE(perplexity=min(30.0, n / 4), init="pca", max_iter=_ITERATIONS, random_state=seed)
        return np.asarray(method.fit_transform(places), dtype=np.float64)
    return places[:, :2] if components > 1 else np.column_stack([places[:, 0], np.zeros(n)])
