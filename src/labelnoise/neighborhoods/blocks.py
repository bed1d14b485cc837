"""A search in blocks of queries, over any executor; each block is a run, done once and kept in a store.

The search is exact and its order depends on the data alone. So the result is the same to the last bit for any size of
the blocks, any executor and any number of workers, and equals that of one search for all queries.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Floats
from labelnoise.artifacts import StrPath
from labelnoise.neighborhoods.parts import check_values, search_rows
from labelnoise.neighborhoods.search import index_type
from labelnoise.sweeps.executors import executor_of
from labelnoise.sweeps.run import RunResult, Workspace, specification_hash
from labelnoise.sweeps.shared_arrays import SharedArray, checksum, close_arrays
from labelnoise.sweeps.store import RunStore
from labelnoise.sweeps.sweep import sweep
from labelnoise.validation import check_count

_WORK = 2**43  # Products of numbers in a block, by default: some minutes of two cores.
_FEWEST_BLOCKS = 16  # By default, if there are so many queries.
_INPUTS = "inputs"  # The folder of a store for arrays that were not in a file.


@dataclass(frozen=True)
class SearchBlock:
    """The search of the neighbors of some consecutive queries.

    Attributes
    ----------
    train : SharedArray
        The training samples.
    queries : SharedArray or None
        The queries; None if they are the training samples, each left out of its own neighbors.
    dtype : str
        The type of floats that the search is in.
    start, stop : int
        The queries of this block.
    k : int
        Number of neighbors.
    metric : str
        "euclidean" or "cosine".
    """

    kind: ClassVar[str] = "neighbors"
    uses_all_processes: ClassVar[bool] = False

    train: SharedArray
    queries: SharedArray | None
    dtype: str
    start: int
    stop: int
    k: int
    metric: str

    @property
    def label(self) -> str:
        """One line that describes the block."""
        return f"{self.k} neighbors of queries {self.start:,} to {self.stop - 1:,}"

    @property
    def data(self) -> SharedArray:
        """The training samples."""
        return self.train

    @property
    def requires(self) -> tuple[()]:
        """No other runs."""
        return ()

    def perform(self, workspace: Workspace) -> RunResult:
        """Search, and return `indices` and `distances` of shape (stop - start, k)."""
        train = self.train.open()
        queries = train if self.queries is None else self.queries.open()
        first_own = self.start if self.queries is None else None
        some, dtype, cosine = queries[self.start : self.stop], np.dtype(self.dtype), self.metric == "cosine"
        indices, distances = search_rows(train, some, dtype, first_own=first_own, k=self.k, cosine=cosine)
        return RunResult({}, {"indices": indices, "distances": distances})


def search_in_blocks(
    train: NDArray[Any],
    queries: NDArray[Any] | None,
    *,
    dtype: np.dtype[Any],
    k: int,
    metric: str,
    executor: Executor | str | int | None,
    store: StrPath | None,
    block_size: int | None,
) -> tuple[NDArray[np.signedinteger[Any]], Floats]:
    """Return indices and distances (n_queries, k); `labelnoise.neighbors` describes the parameters and errors.

    Shapes are checked, and values are not. Neither array needs to be in memory.
    """
    n_queries = len(train if queries is None else queries)
    size = _block_size(n_queries, train.size) if block_size is None else check_count(block_size, "block_size")
    arrays = {"features": train} if queries is None else {"features": train, "query": queries}
    with _folder(store) as folder:
        kept = RunStore(folder)
        open_executor = executor_of(executor, log_folder=kept.folder / "slurm-logs")
        kept.prepare()
        for name, values in arrays.items():
            check_values(values, dtype, metric, name)
        inputs = kept.folder / _INPUTS
        shared = _shared(arrays, inputs, {"k": k, "metric": metric, "block_size": size})
        own = {name: array for name, array in shared.items() if Path(array.path).parent == inputs}
        blocks = [
            SearchBlock(
                shared["features"], shared.get("query"), dtype.str, start, min(start + size, n_queries), k, metric
            )
            for start in range(0, n_queries, size)
        ]
        if not all(map(kept.has, blocks)):
            for name, array in own.items():
                array.write(arrays[name])
        try:
            report = sweep(blocks, kept, open_executor, title="searching neighbors")
        finally:
            close_arrays()
        if report.failures:
            first = report.failures[0]
            more = f"{first}. The other blocks are kept: call again to go on."
            if store is None:
                more = f"{first.run.label}: {first.error}. Name a `store` that all workers see."
            raise RuntimeError(
                f"the neighbors of all queries must be found; {len(report.failures)} of {len(blocks)} blocks were not "
                f"searched. {more}"
            )
        found = _collected(blocks, kept, len(train))
        for array in own.values():
            Path(array.path).unlink(missing_ok=True)
    return found


def _shared(arrays: dict[str, NDArray[Any]], folder: Path, setting: dict[str, Any]) -> dict[str, SharedArray]:
    """Return where workers find the arrays: in their own files, or in files of this search in `folder`, to be written.

    No other search uses these files, so they can be removed as soon as this one is finished.
    """
    checksums = {name: checksum(values) for name, values in arrays.items()}
    own = specification_hash({**setting, **checksums})
    return {name: SharedArray.of(values, folder / f"{own}-{name}", checksums[name]) for name, values in arrays.items()}


def _collected(blocks: list[SearchBlock], store: RunStore, n_train: int) -> tuple[NDArray[Any], Floats]:
    """Return the results of all blocks, put together."""
    shape = blocks[-1].stop, blocks[-1].k
    indices, distances = np.empty(shape, index_type(n_train)), np.empty(shape)
    for block in blocks:
        try:
            found = store.load(block).arrays
        except FileNotFoundError as error:
            raise RuntimeError(
                f"workers must keep their results where this process finds them; {store.folder} holds no "
                f"{block.label}. Name a `store` in a folder that all hosts share."
            ) from error
        rows = slice(block.start, block.stop)
        indices[rows], distances[rows] = found["indices"], found["distances"]
    return indices, distances


def _block_size(n_queries: int, n_values: int) -> int:
    """Return the default size of blocks, which depends on the data alone, so that a search is resumed anywhere."""
    return max(1, min(_WORK // n_values, -(-n_queries // _FEWEST_BLOCKS)))


@contextlib.contextmanager
def _folder(store: StrPath | None) -> Iterator[StrPath]:
    """Give the store's folder, or a temporary one."""
    if store is not None:
        yield store
        return
    with tempfile.TemporaryDirectory(prefix="labelnoise-", ignore_cleanup_errors=True) as name:
        yield name
