"""The search, compared with brute force on data full of duplicates and equal distances; graphs and label shares."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.neighbors import NearestNeighbors, kneighbors_graph, radius_neighbors_graph

from labelnoise.neighborhoods import candidates, search
from labelnoise.neighborhoods.distribution import clean_distribution
from labelnoise.neighborhoods.given import as_neighbors
from labelnoise.neighborhoods.nearest import neighbors
from labelnoise.neighborhoods.neighbors import Neighbors

LIBRARIES = ["scikit-learn", *(["faiss"] if find_spec("faiss") else [])]


def search_by(library, patch):
    """Let the search propose candidates by one library alone, as where no other is installed."""
    patch.setattr(candidates, "find_spec", lambda _: library == "faiss")


def libraries_of(train, query):
    """Return each library's name, rounding factor, and all samples and squared distances of the queries, by rank."""
    squares = np.concatenate([(part.astype(float) ** 2).sum(axis=1) for part in (train, query)])
    for library in candidates.libraries(train, squares):
        ranks = [library.search(query, rank + 1) for rank in range(0, len(train), 13)]
        yield library, [(found.indices[:, -1], found.beyond) for found in ranks]


def exact_distances(train, query, metric):
    """Return distances of integer features, for which every sum is exact."""
    train, query = np.asarray(train, np.int64), np.asarray(query, np.int64)
    if metric == "euclidean":
        return np.sqrt(((query[:, None] - train[None]) ** 2).sum(-1))
    products = query @ train.T
    squares = (query**2).sum(1)[:, None] * (train**2).sum(1)[None, :]
    return 1 - np.sign(products) * np.sqrt(products**2 / squares)


def oracle(train, query, k, metric="euclidean"):
    """Return indices and distances sorted by (distance, index); without a query each sample itself is left out."""
    distances = exact_distances(train, train if query is None else query, metric)
    if query is None:
        np.fill_diagonal(distances, np.inf)
    columns = np.broadcast_to(np.arange(len(train)), distances.shape)
    order = np.lexsort((columns, distances))[:, :k]
    return order, np.take_along_axis(distances, order, 1)


def assert_same(found, indices, distances):
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_array_equal(found.distances, distances)


@st.composite
def grids(draw):
    """Draw a few values in a few dimensions, so that there are many duplicates and equal distances."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n_train, n_features, n_values = draw(st.integers(2, 120)), draw(st.integers(1, 11)), draw(st.integers(1, 4))
    metric = draw(st.sampled_from(["euclidean", "cosine"]))
    low = draw(st.integers(-2, 1))
    train = rng.integers(low, low + n_values, (n_train, n_features))
    query = None if draw(st.booleans()) else rng.integers(low, low + n_values, (draw(st.integers(1, 20)), n_features))
    if metric == "cosine":  # no rows of zeros
        for rows in [train] if query is None else [train, query]:
            rows[~rows.any(axis=1), 0] = 1
    k = draw(st.integers(1, n_train - (query is None)))
    return train, query, k, metric, draw(st.sampled_from([8, 32, 2048]))


@settings(deadline=None, max_examples=120)
@given(grid=grids())
def test_search_matches_oracle(grid):
    train, query, k, metric, batch = grid
    expected = oracle(train, query, k, metric)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "_BATCH", batch)  # results do not depend on it
        for dtype, library in [(np.float64, "scikit-learn"), *((np.float32, library) for library in LIBRARIES)]:
            search_by(library, patch)
            found = neighbors(train.astype(dtype), None if query is None else query.astype(dtype), k=k, metric=metric)
            assert_same(found, *expected)
            assert found.is_self == (query is None)
            assert (found.n_train, found.metric, found.k) == (len(train), metric, k)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_real_numbers_agree_with_direct_sums_for_any_batch(metric, dtype, monkeypatch):
    """The batch size, the limits of memory and the library do not change the result in a single bit."""
    rng = np.random.default_rng(0)
    train = rng.normal(size=(700, 37)).astype(dtype)
    train[100:200] = train[:100]
    query = np.concatenate([train[50:90], rng.normal(size=(60, 37)).astype(dtype)])
    found = neighbors(train, query, k=60, metric=metric)
    a, b = query.astype(np.float64)[:, None], train.astype(np.float64)[None]
    if metric == "euclidean":
        distances = np.sqrt(((a - b) ** 2).sum(-1))
    else:
        distances = 1 - (a * b).sum(-1) / np.sqrt((a**2).sum(-1) * (b**2).sum(-1))
    np.testing.assert_allclose(found.distances, np.sort(distances, 1)[:, :60], rtol=1e-13, atol=1e-15)
    np.testing.assert_array_equal(found.indices, np.argsort(distances.round(12), axis=1, kind="stable")[:, :60])
    assert (found.distances[:40, :2] == 0).all()  # duplicates are at distance 0 exactly
    for batch, memory, cache in [(5, 2**26, 2**24), (37, 2**26, 10_000), (2048, 10_000, 1)]:
        monkeypatch.setattr(search, "_BATCH", batch)
        monkeypatch.setattr(search, "_MEMORY", memory)
        monkeypatch.setattr(search, "_CACHE", cache)
        for library in LIBRARIES:
            search_by(library, monkeypatch)
            assert_same(neighbors(train, query, k=60, metric=metric), found.indices, found.distances)


@settings(deadline=None, max_examples=50)
@given(
    st.integers(0, 2**32),
    st.sampled_from([np.float32, np.float64]),
    st.sampled_from(["euclidean", "cosine"]),
    st.sampled_from([0.0, 1e-16, 1e-8, 1e-7, 1e-6]),
    st.sampled_from([1.0, 1e3, 1e-20, 1e17, 1e20]),
)
def test_near_ties_at_the_end_are_told_apart(seed, dtype, metric, spread, scale):
    """The k nearest are the first k of all, however little the library can tell the samples apart."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(3, 6)) * scale
    train = (centers[rng.integers(0, 3, 150)] * (1 + spread * rng.normal(size=(150, 6)))).astype(dtype)
    query = (centers[rng.integers(0, 3, 20)] * (1 + spread * rng.normal(size=(20, 6)))).astype(dtype)
    whole = neighbors(train, query, k=150, metric=metric)  # here every sample is a candidate
    for k in (1, 10, 60):
        assert_same(neighbors(train, query, k=k, metric=metric), whole.indices[:, :k], whole.distances[:, :k])


def bounds(train, query):
    """Yield what each library's distances say at least, and the exact distances, of every thirteenth sample by rank."""
    searching = search._Search(train, query, np.full(len(query), -1), 5, False)
    for library, ranks in libraries_of(train, query):
        for indices, beyond in ranks:
            exact = np.sqrt(((query.astype(float) - train.astype(float)[indices]) ** 2).sum(-1))
            yield (
                library,
                searching.least_distance_beyond(beyond, library.roundoff, np.sqrt(searching.squares), exact),
                exact,
            )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("offset", [0, 1000])
def test_library_distances_are_within_the_bound(dtype, offset):
    """The certificate rests on the libraries' accuracy."""
    rng = np.random.default_rng(0)
    train, query = (rng.normal(offset, 1, (n, 300)).astype(dtype) for n in (400, 100))
    seen = set()
    for library, least, exact in bounds(train, query):
        assert (least <= exact).all()
        if library.roundoff < 1e-9:  # In float64 the bound is tight as well.
            assert (least > exact * (1 - (1e-6 if offset else 3e-7))).all()
        elif not offset:
            assert (least > exact * (1 - 1e-4)).all()
        seen.add(library.roundoff)
    assert len(seen) == (len(LIBRARIES) if dtype == np.float32 else 1)


@pytest.mark.parametrize("scale", [1e-23, 1e-21, 1e-19, 1e17, 1e18, 1e19, 1e20])
def test_the_bound_holds_where_float32_squares_leave_its_range(scale):
    rng = np.random.default_rng(0)
    train, query = ((scale * rng.normal(size=(n, 6))).astype(np.float32) for n in (300, 50))
    for _, least, exact in bounds(train, query):
        assert (least <= exact).all()


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_certificate_decides_on_ordinary_data(library, monkeypatch):
    """The sweep is only for ties; features of real numbers do not need it."""
    search_by(library, monkeypatch)
    swept = []
    sweep = search._Search.sweep
    monkeypatch.setattr(search._Search, "sweep", lambda self, rows: (swept.append(len(rows)), sweep(self, rows)))
    rng = np.random.default_rng(0)
    for dtype in (np.float32, np.float64):
        for metric in ("euclidean", "cosine"):
            neighbors(rng.normal(size=(500, 20)).astype(dtype), k=10, metric=metric)
    assert swept == [0, 0, 0, 0]
    neighbors(np.ones((500, 20)), k=10)
    assert swept[-1] == 500


def test_one_huge_sample_does_not_spoil_the_certificate():
    features = np.random.default_rng(0).normal(size=(300, 8))
    features[7] *= 1e12
    searching = search._Search(features, features, np.arange(300), 5, False)
    assert set(searching.propose(n_candidates=14)) <= {7}


def test_the_search_is_exact_far_from_the_origin():
    """The sweep finds the order even where the library's distances are nothing but rounding errors."""
    rng = np.random.default_rng(0)
    grid = rng.integers(0, 50, (300, 3))
    assert_same(neighbors(grid + 2.0**40, k=20), *oracle(grid, None, 20))


def test_identical_points_are_ordered_by_index():
    found = neighbors(np.full((50, 4), 3.7), k=49)
    expected = [[j for j in range(50) if j != i] for i in range(50)]
    assert_same(found, expected, np.zeros((50, 49)))
    found = neighbors(np.full((3000, 4), 0.1), np.full((2, 4), 0.1), k=3, metric="cosine")
    assert_same(found, [[0, 1, 2]] * 2, np.zeros((2, 3)))


def test_a_sample_is_left_out_of_its_neighbors_and_its_duplicates_are_not():
    found = neighbors([[1.0], [1.0], [5.0], [1.0]], k=3)
    assert found.indices.tolist() == [[1, 3, 2], [0, 3, 2], [0, 1, 3], [0, 1, 2]]
    assert found.is_self
    again = neighbors([[1.0], [1.0], [5.0], [1.0]], [[1.0]], k=4)
    assert again.indices.tolist() == [[0, 1, 3, 2]]
    assert not again.is_self


def test_multiples_are_ties_under_cosine():
    train = [[2, 4, 6], [3, 5, 7], [1, 2, 3], [-3, -6, -9], [7, 14, 21]]
    found = neighbors(train, [[5, 1, 2], [1, 2, 3]], k=5, metric="cosine")
    assert found.indices.tolist() == [[1, 0, 2, 4, 3], [0, 2, 4, 1, 3]]
    assert found.distances[0, 1] == found.distances[0, 2] == found.distances[0, 3]
    assert found.distances[1].tolist()[:3] == [0, 0, 0]
    assert found.distances[1, 4] == 2


def test_the_sweep_is_exact_for_large_k_and_in_several_steps(monkeypatch):
    monkeypatch.setattr(search, "_BATCH", 40)
    train = np.random.default_rng(0).integers(0, 3, (300, 4))
    for k in (1, 150, 299):
        assert_same(neighbors(train, k=k), *oracle(train, None, k))


AFTER_FORK = """
import multiprocessing, sys
import numpy as np
from sklearn.neighbors import NearestNeighbors

X = np.random.default_rng(0).normal(size=(3000, 8)).astype(np.float32)
CODES = np.repeat([0, 1], 1500)

def find(metric):
    import labelnoise as ln
    from labelnoise.placement import ClassClusters
    found = ln.neighbors(X, k=5, metric=metric)
    inside = ClassClusters.fit(X, CODES, 0.5, 0).contain(X, CODES)
    return found.indices.tobytes(), found.distances.tobytes(), inside.tobytes()

if __name__ == "__main__":
    NearestNeighbors(algorithm="brute").fit(X).kneighbors(X)  # starts OpenMP's threads
    metrics = ["euclidean", "cosine"]
    parent = [find(metric) for metric in metrics] if "first" in sys.argv else None
    with multiprocessing.get_context("fork").Pool(2) as pool:
        children = pool.map_async(find, metrics).get(60)
    assert children == (parent or [find(metric) for metric in metrics])
"""


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="there is no fork")
@pytest.mark.parametrize("parent", ["first", "last"])  # "last": the package is imported only after the fork
def test_a_process_made_by_fork_finds_the_same(tmp_path, parent):
    script = tmp_path / "after_fork.py"
    script.write_text(AFTER_FORK)
    command = [sys.executable, "-W", "ignore", str(script), parent]
    environment = os.environ | {"OMP_NUM_THREADS": "2", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_all_numeric_types_and_shapes_are_accepted():
    images = np.random.default_rng(0).integers(0, 256, (30, 4, 5)).astype(np.uint8)
    expected = oracle(images.reshape(30, 20), None, 4)
    assert_same(neighbors(images, k=4), *expected)
    assert_same(neighbors(images.tolist(), k=np.int64(4)), *expected)
    assert_same(neighbors(images.astype(np.float32), images.astype(np.float64), k=1), np.arange(30)[:, None], 0)
    assert neighbors(images, k=4).indices.dtype == np.int32


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"k": 0}, ValueError, "`k` must be at least 1; got 0"),
        ({"k": 2.0}, TypeError, "`k` must be an integer"),
        ({"k": True}, TypeError, "got the boolean True"),
        ({"k": [1, 2]}, TypeError, r"`k` must be one integer; got \[1, 2\] of type list"),
        (
            {"k": 5},
            ValueError,
            "`k` must be at most 4, the number of training samples besides the sample itself; got 5",
        ),
        (
            {"k": 6, "query": np.ones((1, 2))},
            ValueError,
            "`k` must be at most 5, the number of training samples; got 6",
        ),
        ({"k": 1, "metric": "manhattan"}, ValueError, "`metric` must be one of 'euclidean', 'cosine', 'standardized',"),
        ({"k": 1, "query": np.ones((1, 3))}, ValueError, "`query` must have the 2 features .* got 3"),
        ({"k": 1, "query": [[1, np.nan]]}, ValueError, "`query` must be finite; row 0 holds NaN"),
        (
            {"k": 1, "query": [[1, 1], [0, 0]], "metric": "cosine"},
            ValueError,
            "`query` .* row 1 is of length 0.*direct",
        ),
        ({"k": 1, "query": [[1e-170, 0]]}, ValueError, "`query` must hold larger numbers: squared differences"),
        ({"k": 1, "query": [[1e200, 1]]}, ValueError, "`query` .* row 0 is of length inf. Rescale"),
        ({"k": 1, "query": np.ones((1, 2)), "metric": "precomputed"}, ValueError, "`query` must be None"),
        ({"k": 1, "metric": "precomputed"}, TypeError, "`graph` must be a scipy sparse graph .* got ndarray"),
    ],
)
def test_errors_of_the_search_name_the_cause(arguments, error, message):
    with pytest.raises(error, match=message):
        neighbors(np.ones((5, 2)), **arguments)


def test_errors_in_training_features_name_the_row():
    with pytest.raises(ValueError, match="`features` must be finite; row 1"):
        neighbors([[1.0], [np.inf]], k=1)
    with pytest.raises(ValueError, match=r"`features` must hold rows of length .* row 2 is of length 0.*zeros"):
        neighbors([[1.0, 1.0], [0.0, 1.0], [0.0, 0.0]], k=1, metric="cosine")
    with pytest.raises(ValueError, match="`k` must be at most 0"):
        neighbors([[1.0]], k=1)


# ---- data frames

RNG = np.random.default_rng(0)
FRAME, QUERY = (pd.DataFrame(RNG.normal(size=(n, 3)), columns=["a", "b", "c"]) for n in (30, 10))


def unnamed(frame):
    return frame.set_axis(range(frame.shape[1]), axis=1)


@pytest.mark.parametrize(
    ("frame", "query"),
    [
        (FRAME, QUERY[["c", "a", "b"]]),
        (FRAME[["b", "c", "a"]], QUERY),
        (FRAME, QUERY.to_numpy()),
        (FRAME.to_numpy(), QUERY),
        (unnamed(FRAME), QUERY),
        (FRAME, unnamed(QUERY)),
        (unnamed(FRAME), unnamed(QUERY)[[2, 0, 1]]),
        (unnamed(FRAME), unnamed(QUERY)[[2, 0, 1]].rename(columns=str)),  # a CSV file makes text of numbers
        (FRAME.set_axis(FRAME.index[::-1]), QUERY[["b", "a", "c"]].set_axis(QUERY.index + 5)),
        (pa.Table.from_pandas(FRAME), pa.Table.from_pandas(QUERY[["b", "a", "c"]])),
        (FRAME, pa.Table.from_pandas(QUERY[["b", "a", "c"]])),
    ],
)
def test_columns_of_frames_are_matched_by_name(frame, query):
    expected = neighbors(FRAME.to_numpy(), QUERY.to_numpy(), k=4)
    found = neighbors(frame, query, k=4)
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_allclose(found.distances, expected.distances, rtol=1e-12)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (QUERY.rename(columns={"b": "z"}), "`query` must have the columns .*; missing: 'b' and not in `features`: 'z'"),
        (QUERY[["a", "b"]], "; missing: 'c'. Rename"),
        (QUERY.assign(d=1, e=2), "; not in `features`: 'd', 'e'. Rename"),
        (QUERY.assign(**{f"x{i}": 1 for i in range(9)}), "'x4' and 4 more"),
        (QUERY[["a", "b", "b"]], "`query` must have columns of different names; twice: 'b'. Rename or drop one"),
    ],
)
def test_frames_of_other_columns_are_an_error(query, message):
    with pytest.raises(ValueError, match=message):
        neighbors(FRAME, query, k=2)


def test_a_name_that_comes_twice_is_an_error_without_queries_too():
    with pytest.raises(ValueError, match="`features` must have columns of different names; twice: 'a'"):
        neighbors(FRAME[["a", "a"]], k=2)


# ---- graphs


def shuffled(graph, seed=0):
    """Return the same graph in COO format, in random order."""
    coo = graph.tocoo()
    order = np.random.default_rng(seed).permutation(coo.nnz)
    return sparse.coo_array((coo.data[order], (coo.row[order], coo.col[order])), shape=coo.shape)


@pytest.mark.parametrize("change", [lambda g: g, shuffled, sparse.csc_matrix, sparse.csr_array, sparse.lil_matrix])
def test_a_graph_of_distances_gives_the_neighbors_of_the_search(change):
    rng = np.random.default_rng(0)
    train, query = rng.normal(size=(80, 3)), rng.normal(size=(30, 3))
    model = NearestNeighbors(n_neighbors=12, algorithm="brute").fit(train)
    for graph, dense in [
        (model.kneighbors_graph(mode="distance"), neighbors(train, k=10)),
        (kneighbors_graph(train, 12, mode="distance", include_self=True), neighbors(train, k=10)),
        (radius_neighbors_graph(train, 50.0, mode="distance"), neighbors(train, k=10)),
        (model.kneighbors_graph(query, mode="distance"), neighbors(train, query, k=10)),
        (model.radius_neighbors_graph(query, 50.0, mode="distance"), neighbors(train, query, k=10)),
    ]:
        found = neighbors(change(graph), k=10, metric="precomputed")
        np.testing.assert_array_equal(found.indices, dense.indices)
        np.testing.assert_allclose(found.distances, dense.distances, rtol=1e-6)
        assert (found.n_train, found.is_self, found.metric) == (80, dense.is_self, "precomputed")


def test_stored_zeros_are_neighbors_and_ties_are_ordered_by_index():
    graph = sparse.csr_array((np.array([2.0, 0, 0, 2, 1]), np.array([3, 2, 0, 1, 0]), [0, 4, 5]), shape=(2, 4))
    found = Neighbors.from_graph(graph[:1])
    assert found.indices.tolist() == [[0, 2, 1, 3]]
    assert found.distances.tolist() == [[0, 0, 2, 2]]
    assert Neighbors.from_graph(graph).indices.tolist() == [[0], [0]]  # as many as every row has


def test_a_square_graph_of_other_queries_keeps_its_diagonal():
    rng = np.random.default_rng(0)
    train, query = rng.normal(size=(20, 3)), rng.normal(size=(20, 3))
    graph = NearestNeighbors(n_neighbors=20, algorithm="brute").fit(train).kneighbors_graph(query, mode="distance")
    found = Neighbors.from_graph(graph, exclude_self=False)
    np.testing.assert_array_equal(found.indices, neighbors(train, query, k=20).indices)
    assert not found.is_self
    assert Neighbors.from_graph(graph, exclude_self=True).k == 19
    with pytest.raises(ValueError, match=r"20 of 20 rows store it, 1 as .*Pass .*exclude_self=False"):
        Neighbors.from_graph(graph)


def test_the_diagonal_of_a_square_graph_is_self_where_it_is_nearest():
    features = np.random.default_rng(0).normal(size=(40, 3))
    expected = neighbors(features, k=5)
    full = np.linalg.norm(features[:, None] - features, axis=2)
    marked = [full + np.diag(np.full(40, value)) for value in (np.inf, np.nan, -1e-9)]
    for graph in (
        kneighbors_graph(features, 6, mode="distance", include_self=True),
        kneighbors_graph(features, 5, mode="distance"),
        *(sparse.coo_array((dense.ravel(), np.indices(dense.shape).reshape(2, -1))) for dense in marked),
    ):
        found = Neighbors.from_graph(graph, k=5)
        np.testing.assert_array_equal(found.indices, expected.indices)
        assert found.is_self
    some = kneighbors_graph(features, 6, mode="distance", include_self=True).tolil()
    for row in range(3):
        some[row, row] = 9.0  # three rows in which it is not nearest; 90 % is enough
    np.testing.assert_array_equal(Neighbors.from_graph(some, k=5).indices, expected.indices)
    connectivity = NearestNeighbors(n_neighbors=10).fit(features).kneighbors_graph(features[::-1])
    with pytest.raises(ValueError, match="from_graph"):
        neighbors(connectivity, k=10, metric="precomputed")


def test_a_graph_of_connectivity_is_a_set_without_order():
    features = np.random.default_rng(0).normal(size=(20, 3))
    graph = kneighbors_graph(features, 4)
    found = neighbors(graph, k=4, metric="precomputed")
    np.testing.assert_array_equal(found.indices, np.sort(neighbors(features, k=4).indices, axis=1))
    assert found.distances is None
    with pytest.raises(ValueError, match=r"must hold distances to tell which k=3 .* row 0 stores 4.*mode='distance'"):
        neighbors(graph, k=3, metric="precomputed")
    with pytest.raises(ValueError, match=r"`k` must be 4, as in the graph.*got 2"):
        clean_distribution(np.zeros(20, int), found, 2)
    assert clean_distribution(np.zeros(20, int), found, 4).shape == (20, 1)


def test_errors_of_a_graph_name_the_cause():
    def graph(rows, columns, values, shape=(3, 4)):
        return sparse.coo_array((np.array(values, float), (rows, columns)), shape=shape)

    full = graph([0, 0, 1, 1, 2, 2], [0, 1, 0, 1, 0, 1], [1, 2, 3, 4, 5, 6])
    with pytest.raises(ValueError, match=r"at least k=3 neighbors in each row; row 0 stores 2. Build it with more"):
        Neighbors.from_graph(full, k=3)
    with pytest.raises(ValueError, match="row 1 stores 0"):
        Neighbors.from_graph(graph([0, 2], [1, 1], [1, 2]))
    with pytest.raises(ValueError, match=r"at least 0; row 1 holds -0.5.*1 - similarity"):
        Neighbors.from_graph(graph([0, 1, 2], [0, 1, 2], [1, -0.5, 2]))
    with pytest.raises(ValueError, match="row 2 holds nan"):
        Neighbors.from_graph(graph([0, 1, 2], [0, 1, 2], [1, 2, np.nan]))
    with pytest.raises(ValueError, match="each neighbor once; row 2 stores 3 more than once"):
        Neighbors.from_graph(graph([0, 1, 2, 2], [0, 1, 3, 3], [1, 2, 3, 4]))
    with pytest.raises(ValueError, match=r"must be square to exclude self; got shape \(3, 4\)"):
        Neighbors.from_graph(full, exclude_self=True)
    with pytest.raises(ValueError, match="row 0 stores 1 besides itself"):
        Neighbors.from_graph(graph([0, 0, 1, 2], [0, 1, 0, 0], [0, 1, 2, 3], (3, 3)), k=2, exclude_self=True)


# ---- the class Neighbors


def test_repr_shows_the_properties():
    found = neighbors(np.arange(10.0)[:, None], k=3)
    assert repr(found) == "Neighbors(10 queries, k=3, n_train=10, metric='euclidean', is_self=True)"
    assert (found.n_queries, found.k) == (10, 3)
    with pytest.raises(AttributeError):
        found.n_train = 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"indices": [0, 1]}, r"shape \(n_queries, k\), both at least 1; got int64 of shape \(2,\)"),
        ({"indices": [[0.0, 1.0]]}, "must be integers .* got float64"),
        ({"indices": [[0, 3]]}, r"must lie in 0..2.*row 0 holds 3"),
        ({"indices": [[-1, 2]]}, "row 0 holds -1"),
        ({"distances": [[1.0]]}, r"shape of `indices`, \(1, 2\); got \(1, 1\)"),
        ({"distances": [[2.0, 1.0]]}, "sorted along each row; row 0 is not"),
        ({"distances": [[0.0, np.nan]]}, "row 0 is not"),
        ({"distances": [[-1.0, 0.0]]}, "row 0 is not"),
        ({"is_self": True}, r"one row per training sample \(3\) if is_self; got 1"),
    ],
)
def test_errors_of_the_constructor_name_the_cause(changes, message):
    arguments = {"indices": [[0, 2]], "distances": [[0.5, 1.0]], "n_train": 3, "metric": "euclidean", "is_self": False}
    Neighbors(**arguments)
    with pytest.raises(ValueError, match=message):
        Neighbors(**(arguments | changes))


@pytest.mark.parametrize("distances", [True, False])
def test_load_returns_what_was_saved(tmp_path, distances):
    found = neighbors(np.random.default_rng(0).normal(size=(30, 3)), k=5)
    if not distances:
        found = as_neighbors(found.indices)
    path = tmp_path / "near"  # the name is not changed
    path.write_text("what was here before")
    found.save(path)
    assert list(tmp_path.iterdir()) == [path]
    loaded = Neighbors.load(str(path))
    np.testing.assert_array_equal(loaded.indices, found.indices)
    np.testing.assert_array_equal(loaded.distances, found.distances)
    assert repr(loaded) == repr(found)
    assert loaded.indices.dtype == found.indices.dtype


def test_loading_another_file_is_an_error(tmp_path):
    as_neighbors([[0, 1]]).save(tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    (tmp_path / "truncated").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "text").write_text("a,b\n1,2\n")
    with (tmp_path / "array").open("wb") as file:
        np.save(file, np.arange(3))
    with (tmp_path / "other").open("wb") as file:
        np.savez(file, labels=np.arange(3))
    with (tmp_path / "pickled").open("wb") as file:
        np.savez(file, indices=np.array([[{}]], dtype=object))
    for name in ("truncated", "empty", "text", "array", "other", "pickled"):
        with pytest.raises(ValueError, match=rf"{name} must be a file that Neighbors\.save wrote"):
            Neighbors.load(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        Neighbors.load(tmp_path / "missing")


# ---- all forms of neighbors


def test_as_neighbors_accepts_all_forms():
    features = np.random.default_rng(0).normal(size=(20, 3))
    found = neighbors(features, k=5)
    assert as_neighbors(found, k=[1, 5], n_train=20) is found
    graph = kneighbors_graph(features, 8, mode="distance")
    np.testing.assert_array_equal(as_neighbors(graph, k=[2, 5]).indices, found.indices)
    assert as_neighbors(graph).k == 8
    given_ = as_neighbors(found.indices, k=5, n_train=20)
    np.testing.assert_array_equal(given_.indices, found.indices)
    assert (given_.n_train, given_.distances, given_.is_self) == (20, None, False)
    assert as_neighbors(np.array([[0, 7]])).n_train == 8


@pytest.mark.parametrize(
    ("value", "arguments", "error", "message"),
    [
        ([[0, 5]], {"n_train": 5}, ValueError, r"must lie in 0..4.* row 0 holds 5.*same training set"),
        (
            [[0, 1], [0, -1]],
            {},
            ValueError,
            "row 1 holds -1. With -1, faiss .*smaller k, or .*exact index",
        ),
        (([[0, -1]], [[0.5, np.inf]]), {}, ValueError, "row 0 holds -1. With -1, faiss"),
        (([[0, 1]], [[1, 2]]), {}, TypeError, r"a pair must be .*; got int64 of shape \(1, 2\) and int64 of .*alone"),
        (([[0.0, 1]], [[1.0, 2]]), {}, TypeError, "a pair must be .*; got float64 .* and float64"),
        (([[0, 1]], [[1.0]]), {}, TypeError, r"of one shape .*; got int64 of shape \(1, 2\) and float64 .* \(1, 1\)"),
        (([[0, 1]], [[0.9, 0.5]]), {}, ValueError, "sorted along each row; row 0 .*similarities .* indices alone"),
        ([[0, 1]], {"k": 3}, ValueError, r"at most 2, the number of neighbors stored \(.*search again.*got 3"),
        ([[0.5, 1.0]], {}, TypeError, "got list of float64"),
        ([0, 1], {}, TypeError, r"shape \(2,\)"),
        ("near", {}, TypeError, "got str"),
        (None, {}, TypeError, "got NoneType"),
        (sparse.csr_array(np.eye(3)), {}, ValueError, "row 0 stores 0 besides itself"),
        (sparse.csr_array(np.full((2, 3), 0.5)), {"n_train": 4}, ValueError, "training set as the labels, 4 .* of 3"),
    ],
)
def test_errors_of_as_neighbors_name_the_cause(value, arguments, error, message):
    with pytest.raises(error, match=message):
        as_neighbors(value, **arguments)


def test_a_pair_is_indices_and_distances_in_either_order():
    rng = np.random.default_rng(0)
    train, query = rng.normal(size=(20, 3)), rng.normal(size=(8, 3))
    distances, indices = NearestNeighbors(n_neighbors=5).fit(train).kneighbors(query)
    for pair in (
        (distances, indices),
        (indices, distances),
        [indices.tolist(), distances.tolist()],
        (indices.astype(np.uint64), distances.astype(np.float32)),  # hnswlib's types
        (distances.astype(np.float32), indices.astype(np.int32)),
    ):
        found = as_neighbors(pair, k=5, n_train=20)
        np.testing.assert_array_equal(found.indices, indices)
        np.testing.assert_allclose(found.distances, distances, rtol=1e-6)
    assert as_neighbors(([[0, 1]], [[-1e-7, 0.5]])).distances.tolist() == [[0, 0.5]]


SQUARE = NearestNeighbors(n_neighbors=4).fit(np.arange(12.0)[:, None])


def drop_first(distances, indices):
    return distances[:, 1:], indices[:, 1:]


@pytest.mark.parametrize(
    ("value", "cure"),
    [
        (SQUARE.kneighbors(return_distance=False, X=np.arange(12.0)[:, None]), r"12 of 12 .*Pass indices\[:, 1:\]\."),
        (SQUARE.kneighbors(np.arange(12.0)[:, None]), r"Pass indices\[:, 1:\]"),
        (np.roll(SQUARE.kneighbors(np.arange(12.0)[:, None])[1], 1, axis=1), "leave the sample itself out"),
        (np.argsort(abs(np.subtract.outer(range(12), range(12))), axis=1), r"Pass indices\[:, 1:\]"),
        ([[0], [1], [2]], r"Pass indices\[:, 1:\]"),
    ],
)
def test_samples_among_their_own_neighbors_are_an_error(value, cure):
    for arguments in ({}, {"n_train": len(value[0] if isinstance(value, tuple) else value)}):
        with pytest.raises(ValueError, match=f"must not count a sample among its own neighbors; .*{cure}"):
            as_neighbors(value, **arguments)


def test_a_few_samples_among_their_own_neighbors_are_chance():
    rng = np.random.default_rng(0)
    for k in (1, 10, 19, 20):  # as many other queries as training samples
        indices = rng.permuted(np.tile(np.arange(20), (20, 1)), axis=1)[:, :k]
        np.testing.assert_array_equal(as_neighbors(indices, n_train=20).indices, indices)
    almost = np.arange(20)[:, None].copy()
    almost[:3] = 5
    assert as_neighbors(almost, n_train=20).k == 1
    assert as_neighbors([[0]], n_train=1).k == 1
    assert as_neighbors([[0, 1], [1, 0]], n_train=2).k == 2
    assert as_neighbors(np.arange(12)[:, None], n_train=20).n_queries == 12
    as_neighbors(drop_first(*SQUARE.kneighbors(np.arange(12.0)[:, None])), n_train=12)
    meant = Neighbors(np.arange(20)[:, None], None, 20, "unknown", False)
    assert as_neighbors(meant, n_train=20) is meant


# ---- label shares


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(1, 15))
def test_clean_distribution_matches_naive_loop(seed, n_classes, k):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, n_classes, 25)
    labels[0] = 0
    found = as_neighbors(rng.integers(0, 25, (10, 15)), n_train=25)
    shares = clean_distribution(labels, found, k)
    expected = [[np.mean(labels[near[:k]] == c) for c in range(labels.max() + 1)] for near in found.indices]
    np.testing.assert_allclose(shares, expected, rtol=0, atol=1e-15)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=0, atol=1e-12)
    assert shares.dtype == np.float64


def test_columns_of_a_clean_distribution_are_the_classes_in_order():
    near = [[0, 1, 2], [3, 2, 1]]
    labels = ["cat", "dog", "cat", "eel"]
    third = 1 / 3
    np.testing.assert_allclose(clean_distribution(labels, near, 3), [[2 * third, third, 0], [third] * 3])
    np.testing.assert_allclose(
        clean_distribution(labels, near, 2, classes=["eel", "dog", "bat", "cat"]), [[0, 0.5, 0, 0.5], [0.5, 0, 0, 0.5]]
    )
    np.testing.assert_allclose(clean_distribution([1, 2, 1, 2], near, 1, classes=[1, 2]), [[1, 0], [0, 1]])
    np.testing.assert_allclose(clean_distribution([1, 2, 1, 2], near, 1, classes=range(3)), [[0, 1, 0], [0, 0, 1]])


def test_errors_of_clean_distribution_name_the_cause():
    with pytest.raises(ValueError, match=r"0 never occurs \(1 is the lowest\).*Pass classes="):
        clean_distribution([1, 2, 1], [[0, 1]], 1)
    with pytest.raises(ValueError, match=r"`k` must be at most 2.*search again with a larger k.*got 3"):
        clean_distribution([0, 1, 1], [[0, 1]], 3)
    with pytest.raises(TypeError, match="`k` must be one integer"):
        clean_distribution([0, 1, 1], [[0, 1]], [1, 2])
    found = neighbors(np.arange(4.0)[:, None], k=2)
    with pytest.raises(ValueError, match="same training set as the labels, 3 samples; they are of 4"):
        clean_distribution([0, 1, 1], found, 2)
    with pytest.raises(ValueError, match="must be among the known classes"):
        clean_distribution([0, 1, 1, 5], found, 2, classes=[0, 1])
