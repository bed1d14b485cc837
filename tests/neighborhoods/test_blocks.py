"""Searches in blocks: the same result to the bit over any executor, resumed after a kill, and errors that say where."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
from helpers.sweep_runs import ENVIRONMENT

from labelnoise.neighborhoods import blocks, parts
from labelnoise.neighborhoods.nearest import neighbors
from labelnoise.sweeps.store import StoreError

RNG = np.random.default_rng(0)
TRAIN = RNG.integers(0, 3, (301, 4)) + 0.5  # Many samples are equal, and many distances.
QUERY = RNG.integers(0, 3, (40, 4)) + 0.5


@pytest.fixture
def pool():
    with ThreadPoolExecutor(2) as pool:
        yield pool


def mapped(path, values):
    np.save(path, values)
    return np.load(path, mmap_mode="r")


def assert_same(found, expected):
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_array_equal(found.distances, expected.distances)
    assert found.indices.dtype == expected.indices.dtype
    assert (found.n_train, found.metric, found.is_self) == (expected.n_train, expected.metric, expected.is_self)


def finished(store):
    """Return what tells whether a finished block was written again: its folder, when, and as which file."""
    records = [path / "run.json" for path in sorted((store / "finished").iterdir())]
    return {record.parent.name: (record.stat().st_mtime_ns, record.stat().st_ino) for record in records}


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64])
@pytest.mark.parametrize("has_queries", [True, False])
@pytest.mark.parametrize("in_files", [True, False])
def test_blocks_give_the_bits_of_one_search(metric, dtype, has_queries, in_files, pool, tmp_path):
    train, query = (2 * TRAIN).astype(dtype), (2 * QUERY).astype(dtype) if has_queries else None
    expected = neighbors(train, query, k=7, metric=metric)
    if in_files:
        train = mapped(tmp_path / "train.npy", train)
        query = mapped(tmp_path / "query.npy", query) if has_queries else None
    for how in ({"block_size": 1000}, {"executor": pool}, {"executor": pool, "block_size": 13}):
        assert_same(neighbors(train, query, k=7, metric=metric, **how), expected)


def test_features_and_queries_of_two_types_are_searched_in_their_common_type(pool):
    train, query = TRAIN.astype(np.float32) / 3, QUERY / 3
    assert_same(neighbors(train, query, k=5, executor=pool), neighbors(train, query, k=5))


def test_part_of_a_mapped_file_is_read_where_it_lies(pool, tmp_path):
    """Workers are told the position of a slice, and an array without one is written to the store."""
    train = mapped(tmp_path / "train.npy", TRAIN)
    for part in (train[17:200], train[3:][5:], train[::2], train[:, 1:], train[:50].reshape(-1, 2)):
        assert_same(neighbors(part, k=3, executor=pool), neighbors(np.array(part), k=3))
    changed = np.load(tmp_path / "train.npy", mmap_mode="c")
    changed[:9] = 0  # The file does not change.
    assert_same(neighbors(changed, k=3, executor=pool), neighbors(np.array(changed), k=3))


def test_workers_read_files_and_are_sent_none(tmp_path, monkeypatch):
    """Nothing that is mapped from a file is written to the store, and what is written there does not stay."""
    written = []
    monkeypatch.setattr(blocks.SharedArray, "write", lambda self, values: written.append(self.name))
    neighbors(mapped(tmp_path / "train.npy", TRAIN), k=3, store=tmp_path / "store")
    assert written == []
    monkeypatch.undo()
    neighbors(TRAIN, QUERY, k=3, store=tmp_path / "store")
    assert list((tmp_path / "store" / "inputs").iterdir()) == []


def test_worker_processes_give_the_same(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", ENVIRONMENT["PYTHONPATH"])
    assert_same(neighbors(TRAIN, QUERY, k=9, executor=2), neighbors(TRAIN, QUERY, k=9))


def test_a_dask_cluster_gives_the_same(tmp_path):
    """Two worker processes: each opens the features once, and both search."""
    distributed = pytest.importorskip("distributed")
    train, expected = mapped(tmp_path / "train.npy", TRAIN), neighbors(TRAIN, QUERY, k=9)
    place = {"dashboard_address": None, "local_directory": tmp_path / "workers"}
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, **place) as cluster:
        store, name = tmp_path / "store", cluster.scheduler_address.replace("tcp", "dask")
        assert_same(neighbors(train, QUERY, k=9, executor=name, store=store, block_size=2), expected)
        with distributed.Client(cluster, set_as_default=False) as client:
            opened = client.run(_names_of_opened_arrays)
            assert len(opened) == 2
            for names in opened.values():
                assert sorted(name.split("-")[-1] for name in names) == ["query", "train.npy"]
            executor = client.get_executor(pure=False)
            for block_size in (7, None):
                assert_same(neighbors(TRAIN, QUERY, k=9, executor=executor, block_size=block_size), expected)
        before = finished(store)
        assert_same(neighbors(train, QUERY, k=9, store=store, block_size=2), expected)
        assert finished(store) == before


def _names_of_opened_arrays():
    from labelnoise.sweeps import shared_arrays

    return [array.name for array in shared_arrays._opened]


SLOW_SEARCH = """
import sys, time
import numpy as np
from labelnoise.neighborhoods import blocks, parts
from labelnoise.neighborhoods.nearest import neighbors

def slowly(*arguments, search=blocks.search_rows, **options):
    time.sleep(0.2)
    return search(*arguments, **options)

blocks.search_rows = slowly
neighbors(np.load(sys.argv[1]), k=3, store=sys.argv[2], block_size=20)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_a_killed_search_goes_on_where_it_stopped(tmp_path):
    store = tmp_path / "store"
    np.save(tmp_path / "train.npy", TRAIN)
    program = [sys.executable, "-c", SLOW_SEARCH, str(tmp_path / "train.npy"), str(store)]
    process = subprocess.Popen(program, env=ENVIRONMENT, start_new_session=True)
    deadline = time.monotonic() + 60
    while len(list(store.glob("finished/*"))) < 3:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    before = finished(store)
    assert 3 <= len(before) < 16
    assert list((store / "inputs").iterdir())
    assert_same(neighbors(TRAIN, k=3, store=store, block_size=20), neighbors(TRAIN, k=3))
    after = finished(store)
    assert len(after) == 16
    assert before.items() <= after.items()
    assert list((store / "inputs").iterdir()) == []


def test_searches_of_other_features_may_share_a_store(tmp_path, monkeypatch):
    """A block is found again by what is searched: another value, k, metric or type is another search."""
    changed = TRAIN.copy()
    changed[-1, -1] += 1
    searches = [
        *({"features": TRAIN, "k": 3}, {"features": changed, "k": 3}, {"features": TRAIN, "k": 4}),
        *({"features": TRAIN, "k": 3, "metric": "cosine"}, {"features": TRAIN.astype(np.float32), "k": 3}),
        *({"features": TRAIN, "k": 3, "query": QUERY}, {"features": TRAIN, "k": 3, "query": changed[:40]}),
    ]
    for number, search in enumerate(searches, start=1):
        assert_same(neighbors(**search, store=tmp_path, block_size=1000), neighbors(**search))
        assert len(finished(tmp_path)) == number
    monkeypatch.setattr(blocks, "search_rows", lambda *_: pytest.fail("nothing is left to search"))
    for search in searches:
        neighbors(**search, store=tmp_path, block_size=1000)


def test_workers_that_do_not_see_the_file_are_reported(tmp_path):
    train, store = mapped(tmp_path / "train.npy", TRAIN), tmp_path / "store"
    (tmp_path / "train.npy").rename(tmp_path / "elsewhere.npy")
    with pytest.raises(
        RuntimeError, match=r"16 of 16 blocks .*FileNotFoundError: .*train\.npy must be a file that all"
    ):
        neighbors(train, k=3, store=store)
    assert not (tmp_path / "train.npy").exists()
    with pytest.raises(RuntimeError, match=r"train\.npy .* Name a `store` that all workers see"):
        neighbors(train, k=3, executor=1)
    np.save(tmp_path / "train.npy", 2 * TRAIN)
    with pytest.raises(RuntimeError, match=r"ValueError: .*train\.npy must hold the values that it held when the work"):
        neighbors(train, k=3, store=store)
    np.save(tmp_path / "train.npy", TRAIN[:-1])
    with pytest.raises(RuntimeError, match=r"ValueError: .*train\.npy must hold the values .* it holds others"):
        neighbors(train, k=3, store=store)
    (tmp_path / "elsewhere.npy").replace(tmp_path / "train.npy")
    assert_same(neighbors(train, k=3, store=store), neighbors(TRAIN, k=3))


def test_results_on_another_host_are_reported(tmp_path, monkeypatch):
    """A worker that has another folder under the store's path finishes its blocks there."""
    monkeypatch.setattr(blocks, "sweep", lambda *_, **__: type("Report", (), {"failures": ()}))
    with pytest.raises(
        RuntimeError, match=r"results where this process finds them; .* holds no 3 neighbors of queries 0"
    ):
        neighbors(TRAIN, k=3, store=tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes, which Windows lacks")
@pytest.mark.parametrize("in_file", [True, False])
def test_a_full_disk_ends_the_search_and_costs_no_finished_block(in_file, tmp_path):
    """A limit on file sizes stands for the full disk: of a block's result, or of the features in the store."""
    import resource

    train, store = mapped(tmp_path / "train.npy", np.tile(TRAIN, 3)), tmp_path / "store"
    neighbors(train[:, :2], k=3, store=store, block_size=1000)
    before = finished(store)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    message = r"3 neighbors of queries 0 to 300' could not be written to .*File too large\. Finished runs are untouched"
    if not in_file:
        train, message = np.array(train), r"features could not be written: File too large\. .* Check the folder and its"
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (6000, limits[1]))
        with pytest.raises(StoreError if in_file else OSError, match=message):
            neighbors(train, k=3, store=store, block_size=1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert finished(store) == before
    assert_same(neighbors(train, k=3, store=store, block_size=1000), neighbors(np.tile(TRAIN, 3), k=3))


def test_bad_values_are_found_before_the_search_and_named_by_their_row(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "_PART", 320)
    monkeypatch.setattr(blocks, "sweep", lambda *_: pytest.fail("the search has begun"))
    for value, metric, message in (
        (np.nan, "euclidean", "`features` must be finite; row 123 holds NaN"),
        (1e160, "euclidean", "`features` must hold rows of length 0 to 1e.150; row 123 is of length"),
        (0.0, "cosine", "`query` must hold rows of length 1e-50 to 1e.75; row 33 is of length 0"),
    ):
        train, query = TRAIN.copy(), QUERY.copy()
        (query if value == 0 else train)[33 if value == 0 else 123] = value
        with pytest.raises(ValueError, match=message):
            neighbors(train, query, k=3, metric=metric, store=tmp_path)


def test_what_is_no_executor_is_refused(tmp_path):
    with pytest.raises(TypeError, match=r"`executor` must be a concurrent.futures.Executor, its name .*; got Client"):
        neighbors(TRAIN, k=3, executor=type("Client", (), {})())
    with pytest.raises(TypeError, match="got bool"):
        neighbors(TRAIN, k=3, executor=True)
    with pytest.raises(ValueError, match=r"`executor` must be one of dask://HOST:PORT or slurm://.*; got 'dask'"):
        neighbors(TRAIN, k=3, executor="dask")
    with pytest.raises(ValueError, match="`workers` must be at least 1; got 0"):
        neighbors(TRAIN, k=3, executor=0)
    with pytest.raises(ValueError, match="`block_size` must be at least 1; got 0"):
        neighbors(TRAIN, k=3, block_size=0)
    with pytest.raises(ValueError, match="must be None with metric='precomputed'"):
        neighbors(np.eye(3), k=1, metric="precomputed", store=tmp_path)
    broken = ProcessPoolExecutor(1)
    broken.shutdown()
    with pytest.raises(RuntimeError, match="shutdown"):
        neighbors(TRAIN, k=3, executor=broken)
