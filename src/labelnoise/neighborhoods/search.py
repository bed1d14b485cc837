"""Exact nearest neighbors, in an order that depends on the data alone.

Libraries compute distances through a matrix product, and its rounding depends on batch sizes and thread counts. So
equal distances come out slightly different, and it is left to chance which of several tied samples takes the k-th
place. Here the library only proposes candidates. Every distance that counts is recomputed, one pair at a time, in
float64 and with a fixed order of summation, and neighbors are ordered by (distance, training index), in three steps:

1. *Propose.* The library returns k and a few more candidates (`labelnoise.neighborhoods.candidates`).
2. *Certify.* The candidates are ordered exactly. No sample left out can be nearer than the last candidate's library
   distance less the rounding bound; where that exceeds the exact k-th distance, the row is final. Rows that faiss, in
   float32, leaves unsure are searched again by scikit-learn, in float64.
3. *Sweep.* The other rows (with ties or duplicates around the k-th place) are compared with all training samples once
   more, and every sample whose rounded distance might be within the k-th is measured exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Features, Floats, Integers
from labelnoise.compiled import compiled
from labelnoise.neighborhoods.candidates import Library, libraries, roundoff
from labelnoise.progress import track
from labelnoise.threads import core_count, for_each_block, openmp_thread
from labelnoise.vectors import WIDTH, add_product, add_square, add_up, fill, load, load_one, prefetch

_BATCH = 2048  # rows processed at once (by each core, in the library); fewer if they would need more than `_MEMORY`
_MEMORY = 2**26  # bytes
_CACHE = 2**24  # bytes of training samples that stay in a processor's last cache while a batch is compared with them


def search_neighbors(
    train: Features, queries: Features, *, first_own: int | None, k: int, cosine: bool
) -> tuple[NDArray[np.signedinteger[Any]], Floats]:
    """Return indices and distances (n_queries, k) of the k nearest training samples of each query; input is checked.

    The queries are the training samples `first_own`, `first_own` + 1, ..., each left out of its own neighbors, or other
    samples (None).
    """
    n = len(queries)
    own = np.full(n, -1) if first_own is None else np.arange(first_own, first_own + n)
    search = _Search(train, queries, own, k, cosine)
    search.sweep(search.propose(n_candidates=k + (first_own is not None) + 8 + k // 10))
    return search.indices, search.distances


class _Search:
    """The arrays of one search; `indices` and `distances` are filled in place."""

    def __init__(self, train: Features, queries: Features, own: Integers, k: int, cosine: bool) -> None:
        self.train, self.queries, self.own, self.cosine = train, queries, own, cosine
        self.train_squares = squared_lengths(train, cosine, "features")
        self.squares = self.train_squares if queries is train else squared_lengths(queries, cosine, "query")
        self.indices = np.full((len(queries), k), -1, index_type(len(train)))
        self.distances = np.full((len(queries), k), np.inf)

    def data(self, rows: Any) -> tuple[Any, ...]:
        """Return what every kernel needs of some queries and of all training samples."""
        return self.queries[rows], self.squares[rows], self.own[rows], self.train, self.train_squares, self.cosine

    def propose(self, n_candidates: int) -> Integers:
        """Order the candidates of one library after the other exactly; return the queries that stay unsure."""
        n_candidates = min(n_candidates, len(self.train))
        batch = _rows_within(_MEMORY, 28 * n_candidates, _BATCH * core_count())
        unsure = np.arange(len(self.queries))
        with openmp_thread() as thread:
            train = _unit_rows(self.train, self.train_squares) if self.cosine else self.train
            squares = np.ones(1) if self.cosine else np.concatenate([self.train_squares, self.squares])
            for library in libraries(train, squares):
                parts = range(0, len(unsure), batch)
                left = [
                    self.propose_some(unsure[start : start + batch], library, n_candidates, thread)
                    for start in track(parts, "searching neighbors")
                ]
                unsure = np.concatenate([unsure[:0], *left])
                if not len(unsure):
                    break
        return unsure

    def propose_some(self, rows: Integers, library: Library, n_candidates: int, thread: ThreadPoolExecutor) -> Integers:
        """Order one library's candidates for some queries; return those of them that stay unsure."""
        queries, squares = self.queries[rows], self.squares[rows]
        sent = _unit_rows(queries, squares) if self.cosine else queries
        candidates, beyond = thread.submit(library.search, sent, n_candidates).result()
        measured = np.empty(candidates.shape)
        part = _rows_within(_CACHE, self.train.itemsize * self.train.shape[1], len(self.train))
        _in_blocks(_measure_candidates, len(rows), *self.data(rows), candidates, part, measured, block=_BATCH)
        distances = np.full((len(rows), self.distances.shape[1]), np.inf)
        indices = np.full(distances.shape, -1, self.indices.dtype)
        _in_blocks(_admit_candidates, len(rows), self.own[rows], candidates, measured, distances, indices)
        _in_blocks(_sort_heaps, len(rows), distances, indices)
        self.distances[rows], self.indices[rows] = distances, indices
        if n_candidates == len(self.train):
            return rows[:0]
        kth = distances[:, -1]
        return rows[self.least_distance_beyond(beyond, library.roundoff, np.sqrt(squares), kth) <= kth]

    def least_distance_beyond(self, beyond: Floats, library_roundoff: float, lengths: Floats, kth: Floats) -> Floats:
        """Return a lower bound, up to `kth`, of the distances to samples whose squared library distance is larger."""
        exact = roundoff(self.train.shape[1], np.float64)
        if self.cosine:  # the distances are those of unit rows rounded to this type: |u - v|^2 = 2 (1 - u.v)
            stored = float(np.finfo(self.train.dtype).eps)
            chord = np.sqrt(np.maximum(beyond - 5 * library_roundoff, 0)) - 2 * (stored + exact)
            return np.maximum(chord, 0) ** 2 / 2 - 4 * exact
        # A sample longer than |x| + kth is farther than kth by the triangle inequality.
        longest = np.minimum(math.sqrt(self.train_squares.max()), lengths + kth)
        return np.sqrt(np.maximum(beyond - library_roundoff * (lengths + longest) ** 2, 0)) * (1 - exact)

    def sweep(self, unsure: Integers) -> None:
        """Search these queries again among all training samples; their k-th distance so far is an upper bound."""
        block = _rows_within(_MEMORY, 8 * self.train.shape[1], _BATCH)
        for start in track(range(0, len(unsure), block), "resolving ties"):
            rows = unsure[start : start + block]
            data, limits = self.data(rows), self.distances[rows, -1]
            queries = data[0].astype(np.float64)
            distances = np.full((len(rows), self.distances.shape[1]), np.inf)
            indices = np.full(distances.shape, -1, self.indices.dtype)
            for first in range(0, len(self.train), block):
                products = queries @ self.train[first : first + block].astype(np.float64).T
                _in_blocks(_admit_block, len(rows), *data, first, products, limits, distances, indices)
            _in_blocks(_sort_heaps, len(rows), distances, indices)
            self.distances[rows], self.indices[rows] = distances, indices


def index_type(n_train: int) -> type[np.signedinteger[Any]]:
    """Return the smallest integer type that holds every position in the training set."""
    return np.int32 if n_train <= np.iinfo(np.int32).max else np.int64


def _rows_within(memory: int, bytes_per_row: int, most: int) -> int:
    return max(1, min(most, memory // bytes_per_row))


def _in_blocks(kernel: Callable[..., None], n_rows: int, *arguments: Any, block: int = 64) -> None:
    block = min(block, -(-n_rows // core_count()))
    for_each_block(lambda start, stop: kernel(start, stop, *arguments), n_rows, block, "ordering neighbors")


def squared_lengths(values: Features, cosine: bool, name: str, first: int = 0) -> Floats:
    """Return each row's x.x; raise a ValueError if one is too small or too large for accurate distances.

    `first` is the number of the first row.
    """
    squares = np.empty(len(values))
    for_each_block(lambda start, stop: _square(start, stop, values, squares), len(values), 1024, "measuring lengths")
    low, high = (1e-100, 1e150) if cosine else (0.0, 1e300)
    if not cosine and squares.size and squares.max() < 1e-280 and np.any(values):
        raise ValueError(
            f"`{name}` must hold larger numbers: squared differences of numbers below 1e-140 are rounded to 0. Rescale "
            "them."
        )
    bad = ~((squares >= low) & (squares <= high))
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        need = f"of length {low**0.5:g} to {high**0.5:g}"
        hint = "Drop rows of zeros, which have no direction, or use metric='euclidean'." if cosine else "Rescale them."
        length = f"{squares[row] ** 0.5:g}"
        raise ValueError(f"`{name}` must hold rows {need}; row {first + row} is of length {length}. {hint}")
    return squares


def _unit_rows(values: Features, squares: Floats) -> Features:
    """Return the rows scaled to length one, in their own type and without a copy in a larger type."""
    return np.divide(values, np.sqrt(squares)[:, None], out=np.empty_like(values), casting="same_kind")


# ---------------------------------------------------------------------------------------------------- the kernels


_COLUMN = 2**32 - 1


@compiled()
def _dot(x, y, next_x, next_y):
    """Return x.y in float64, by eight running sums that a processor can add at once, in a fixed order.

    The rows that will be needed next are fetched from memory meanwhile, which takes longer than the sums do.
    """
    total = fill(0.0)
    whole = x.size - x.size % WIDTH
    for i in range(0, whole, WIDTH):
        prefetch(next_x, i)
        prefetch(next_y, i)
        total = add_product(total, load(x, i), load(y, i))
    for i in range(whole, x.size):
        total = add_product(total, load_one(x, i), load_one(y, i))
    return add_up(total)


@compiled()
def _square(start, stop, values, squares):
    for row in range(start, stop):
        squares[row] = _dot(values[row], values[row], values[row], values[row])


@compiled()
def _squared_distance(x, y, next_x, next_y):
    """Return |x - y|^2 in float64, summed as in `_dot`."""
    total = fill(0.0)
    whole = x.size - x.size % WIDTH
    for i in range(0, whole, WIDTH):
        prefetch(next_x, i)
        prefetch(next_y, i)
        total = add_square(total, load(x, i), load(y, i))
    for i in range(whole, x.size):
        total = add_square(total, load_one(x, i), load_one(y, i))
    return add_up(total)


@compiled()
def _distance(x, y, x_square, y_square, cosine, next_x, next_y):
    """Return the distance by which neighbors are ordered.

    The cosine is the root of (x.y)^2 / (|x|^2 |y|^2): one rounding instead of several, so that multiples of a sample
    have equal distances wherever the products are exact (counts, pixels).
    """
    if not cosine:
        return math.sqrt(_squared_distance(x, y, next_x, next_y))
    product = _dot(x, y, next_x, next_y)
    root = math.sqrt(min(product * product / (x_square * y_square), 1.0))
    return 1.0 - math.copysign(root, product)


@compiled()
def _is_farther(distance, index, other_distance, other_index):
    """Return True if the first sample comes later in the order of neighbors: by distance, then by training index."""
    return distance > other_distance or (distance == other_distance and index > other_index)


@compiled()
def _replace_farthest(distances, indices, distance, index):
    """Replace the farthest sample, the root of a heap, by another sample."""
    at, child = 0, 1
    while child < distances.size:
        if child + 1 < distances.size and _is_farther(
            distances[child + 1], indices[child + 1], distances[child], indices[child]
        ):
            child += 1
        if not _is_farther(distances[child], indices[child], distance, index):
            break
        distances[at], indices[at] = distances[child], indices[child]
        at, child = child, 2 * child + 1
    distances[at], indices[at] = distance, index


@compiled()
def _sort_heaps(start, stop, distances, indices):
    for row in range(start, stop):
        for end in range(distances.shape[1] - 1, 0, -1):
            distance, index = distances[row, end], indices[row, end]
            distances[row, end], indices[row, end] = distances[row, 0], indices[row, 0]
            _replace_farthest(distances[row, :end], indices[row, :end], distance, index)


@compiled()
def _by_part(start, stop, candidates, part, n_train):
    """Return the places of candidates, sorted by the part of the training samples they lie in, then by query.

    A place is the query's row, and in the lowest 32 bits the column.
    """
    ends = np.zeros((n_train - 1) // part + 2, np.int64)
    for row in range(start, stop):
        for i in candidates[row]:
            ends[i // part + 1] += 1
    for number in range(1, ends.size):
        ends[number] += ends[number - 1]
    places = np.empty(ends[-1], np.int64)
    for row in range(start, stop):
        for column, i in enumerate(candidates[row]):
            places[ends[i // part]] = (row << 32) | column
            ends[i // part] += 1
    return places


@compiled()
def _measure_candidates(start, stop, queries, squares, own, train, train_squares, cosine, candidates, part, measured):
    """Measure the distance of each query from its candidates.

    `part` training samples after the other are compared with all queries that have candidates among them. They are few
    enough to stay in the cache; memory would take twice as long to deliver a row as the sums take.
    """
    places = _by_part(start, stop, candidates, part, len(train))
    for at, place in enumerate(places):
        row, i = place >> 32, candidates[place >> 32, place & _COLUMN]
        following = places[min(at + 1, places.size - 1)]
        next_row, next_i = following >> 32, candidates[following >> 32, following & _COLUMN]
        measured[row, place & _COLUMN] = _distance(
            queries[row], train[i], squares[row], train_squares[i], cosine, queries[next_row], train[next_i]
        )


@compiled()
def _admit_candidates(start, stop, own, candidates, measured, distances, indices):
    """Put the nearest of each query's candidates into its k places, which form a heap."""
    for row in range(start, stop):
        for column, i in enumerate(candidates[row]):
            distance = measured[row, column]
            if i != own[row] and _is_farther(distances[row, 0], indices[row, 0], distance, i):
                _replace_farthest(distances[row], indices[row], distance, i)


@compiled()
def _admit_block(
    start, stop, queries, squares, own, train, train_squares, cosine, first, products, limits, distances, indices
):
    """Put training samples first, first + 1, ... into the heaps, given their products with the queries.

    The product rules out most of them. `limits` bounds the k-th distance at first, and later the root of the heap does.
    """
    roundoff = (queries.shape[1] + 16) * 2.0**-52
    for row in range(start, stop):
        square = squares[row]
        for column in range(products.shape[1]):
            limit = min(limits[row], distances[row, 0])
            if distances[row, 0] == 0:
                break  # no later sample can precede k samples at distance 0
            i, product = first + column, products[row, column]
            if cosine:
                possible = 1 - product / math.sqrt(square * train_squares[i]) - 4 * roundoff <= limit
            else:
                least = (square + train_squares[i]) * (1 - 2 * roundoff) - 2 * product
                possible = least <= limit * limit * (1 + 4 * roundoff)
            if possible and i != own[row]:
                distance = _distance(queries[row], train[i], square, train_squares[i], cosine, queries[row], train[i])
                if _is_farther(distances[row, 0], indices[row, 0], distance, i):
                    _replace_farthest(distances[row], indices[row], distance, i)
