"""Work in blocks, on all cores."""

from __future__ import annotations

import threading
import time

import pytest

from labelnoise import threads


@pytest.mark.parametrize("n_rows", [1, 2, 3, 5, 64])
def test_blocks_within_blocks_stay_in_their_thread_where_all_cores_are_busy(monkeypatch, n_rows):
    monkeypatch.setattr(threads, "core_count", lambda: 3)
    done, stayed = [], set()

    def outer(start, stop):
        thread = threading.get_ident()

        def inner(first, last):
            stayed.add(threading.get_ident() == thread)
            done.extend((start, i) for i in range(first, last))

        threads.for_each_block(inner, 7, 2, "inner")

    threads.for_each_block(outer, n_rows, 1, "outer")
    assert sorted(done) == [(row, i) for row in range(n_rows) for i in range(7)]
    assert stayed == {n_rows >= 3}


def test_the_first_exception_stops_the_rest(monkeypatch):
    monkeypatch.setattr(threads, "core_count", lambda: 2)
    started = []

    def work(start, stop):
        started.append(start)
        if start == 0:
            raise ValueError("the first block")
        time.sleep(0.01)  # so that the exception comes up long before the last block

    with pytest.raises(ValueError, match="the first block"):
        threads.for_each_block(work, 1_000, 1, "failing")
    assert len(started) < 1_000
