"""Work in blocks, on all cores."""

from __future__ import annotations

import threading

import pytest

from labelnoise import threads


@pytest.mark.parametrize("n_rows", [1, 3, 5, 64])
def test_blocks_within_blocks_do_all_the_work_and_start_no_more_threads_than_cores(monkeypatch, n_rows):
    monkeypatch.setattr(threads, "core_count", lambda: 3)
    done, seen, at_once = [], set(), []

    def outer(start, stop):
        threads.for_each_block(lambda first, last: inner(start, first, last), 7, 2, "inner")

    def inner(row, first, last):
        seen.add(threading.get_ident())
        at_once.append(threading.active_count())
        done.extend((row, i) for i in range(first, last))

    before = threading.active_count()
    threads.for_each_block(outer, n_rows, 1, "outer")
    assert sorted(done) == [(row, i) for row in range(n_rows) for i in range(7)]
    assert max(at_once) <= before + 3
    assert threading.get_ident() not in seen or n_rows == 1


def test_the_first_exception_stops_the_rest(monkeypatch):
    monkeypatch.setattr(threads, "core_count", lambda: 2)
    started = []

    def work(start, stop):
        started.append(start)
        raise ValueError(start)

    with pytest.raises(ValueError, match="0"):
        threads.for_each_block(work, 10_000, 1, "failing")
    assert len(started) < 10_000
