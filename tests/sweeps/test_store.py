"""The run store: results come back complete and checked; faults are named and cost no finished run."""

import errno
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.sweep_runs import ENVIRONMENT, ToyRun

from labelnoise.sweeps.result_folder import DamagedRunError
from labelnoise.sweeps.run import RunResult, run_id
from labelnoise.sweeps.store import RunStore, StoreError

RUN, OTHER = ToyRun(1), ToyRun(2)
RESULT = RunResult(
    {"accuracy": 0.5, "none": None, "list": [1, 2]},
    {"scalar": np.array(1.5), "bools": np.array([True, False]), "strided": np.arange(12.0).reshape(3, 4)[:, ::2]},
    {"a.b": pd.DataFrame({"k": [1, 5], "name": ["x", "größe"]}), "empty": pd.DataFrame({"k": [0][:0]})},
)


def save(store: RunStore, run: ToyRun) -> None:
    with store.claim(run):
        store.save(run, RESULT)


def status(store: RunStore) -> dict[str, str]:
    return {row.label: row.status for row in store.list()}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_results_come_back_as_they_were_saved(tmp_path):
    store = RunStore(tmp_path / "deep" / "store")
    assert not store.has(RUN)
    assert store.list() == []
    assert not store.folder.exists()  # Questions write nothing.
    save(store, RUN)
    found = RunStore(store.folder).load(RUN)
    assert found.record == RESULT.record
    assert sorted(found.arrays) == sorted(RESULT.arrays)
    for name, array in RESULT.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array, strict=True)
        assert found.arrays[name].flags.writeable
    assert list(found.tables) == ["a.b", "empty"]
    for name, table in RESULT.tables.items():
        pd.testing.assert_frame_equal(found.tables[name], table)
    files = sorted((store.folder / "finished" / run_id(RUN)).iterdir())
    assert [path.name for path in files] == ["a.b.parquet", "arrays.safetensors", "empty.parquet", "run.json"]
    assert len({path.stat().st_mode for path in files}) == 1  # Other users can read arrays like the rest.


def test_another_specification_is_another_run(tmp_path):
    store = RunStore(tmp_path)
    save(store, RUN)
    for changed in (OTHER, ToyRun(1, 0.5), ToyRun(1, 0.0, (OTHER,))):
        assert not store.has(changed)
        with pytest.raises(FileNotFoundError, match=r"must hold the run 'ToyRun \d' \(.*\); it does not"):
            store.load(changed)


def test_the_first_result_stays(tmp_path):
    store = RunStore(tmp_path)
    save(store, RUN)
    before = contents(tmp_path)
    store.save(RUN, RunResult({"accuracy": 0.9}))
    assert contents(tmp_path) == before


def test_only_one_process_claims_a_run(tmp_path):
    store, second = RunStore(tmp_path), RunStore(tmp_path)
    with store.claim(RUN) as scratch:
        assert scratch is not None
        (scratch / "checkpoint.pt").touch()
        with second.claim(RUN) as nothing:
            assert nothing is None
        with second.claim(OTHER) as other:
            assert other is not None
        assert store.is_claimed(RUN)
        row = next(row for row in store.list() if row.label == "ToyRun 1")
        assert (row.status, row.kind) == ("running", "toy")
        assert f"process {os.getpid()}" in row.detail
    assert status(store) == {"ToyRun 1": "interrupted", "ToyRun 2": "interrupted"}
    with second.claim(RUN) as scratch:
        assert (scratch / "checkpoint.pt").exists()
        second.save(RUN, RESULT)
    assert status(store) == {"ToyRun 1": "finished", "ToyRun 2": "interrupted"}
    with store.claim(RUN):  # The run is finished, so this claim leaves nothing behind.
        assert store.has(RUN)
    assert [path.name for path in (tmp_path / "unfinished").iterdir()] == [run_id(OTHER)]


def test_each_run_is_done_once_where_many_claim_it(tmp_path):
    """Threads have locks of their own, as processes do. Folder and lock come and go while they work."""
    store, errors, performed = RunStore(tmp_path), [], []
    runs = [ToyRun(seed) for seed in range(10)]

    def work() -> None:
        try:
            for run in runs:
                while not store.has(run):
                    with store.claim(run) as scratch:
                        if scratch is not None and not store.has(run):
                            performed.append(run)
                            store.save(run, RESULT)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(run.seed for run in performed) == list(range(10))
    assert store.finished() == {run_id(run) for run in runs}
    assert list((tmp_path / "unfinished").iterdir()) == []


def test_without_locks_the_first_result_stays(tmp_path):
    store = RunStore(tmp_path)
    with store.claim(RUN) as scratch:
        RunStore(tmp_path).save(RUN, RESULT)  # This ignores the claim, and removes the scratch folder.
        assert not scratch.exists()
        store.save(RUN, RunResult({"accuracy": 0.9}))
    assert store.load(RUN).record["accuracy"] == 0.5
    assert list((tmp_path / "unfinished").iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="needs flock")
def test_work_goes_on_where_the_file_system_has_no_locks(tmp_path, monkeypatch):
    """A lock file does not count as a claim: one of a process killed on another host would stay forever."""

    def flock(*_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", flock)
    store, second = RunStore(tmp_path), RunStore(tmp_path)
    with store.claim(RUN) as scratch, second.claim(RUN) as same:
        assert scratch == same
        assert not store.is_claimed(RUN)
        store.save(RUN, RESULT)
        second.save(RUN, RunResult({"accuracy": 0.9}))
    assert store.load(RUN).record["accuracy"] == 0.5
    assert list((tmp_path / "unfinished").iterdir()) == []


def test_leftovers_of_killed_processes_are_removed(tmp_path):
    store = RunStore(tmp_path)
    save(store, RUN)
    left = tmp_path / "unfinished" / run_id(RUN)
    (left / "result-1234").mkdir(parents=True)
    (left / "result-1234" / "run.json").touch()
    assert status(store) == {"ToyRun 1": "finished"}
    interrupted = tmp_path / "unfinished" / run_id(OTHER) / "result-1234"
    interrupted.mkdir(parents=True)
    store.prepare()
    assert not left.exists()
    assert interrupted.exists()  # Its run may be under way elsewhere; the folder goes when that finishes.
    save(store, OTHER)
    assert list((tmp_path / "unfinished").iterdir()) == []


def test_failures_are_listed_until_the_run_succeeds(tmp_path):
    store = RunStore(tmp_path)
    with store.claim(RUN):
        path = store.save_failure(RUN, ValueError("no luck"))
        assert status(store) == {"ToyRun 1": "running"}
    assert status(store) == {"ToyRun 1": "failed"}
    noted = json.loads(path.read_bytes())
    assert noted["specification"] == {"kind": "toy", "needs": [], "seconds": 0.0, "seed": 1}
    assert "ValueError: no luck" in noted["traceback"]
    path.write_text("{")
    assert "is damaged" in store.list()[0].detail
    save(store, RUN)
    assert status(store) == {"ToyRun 1": "finished"}
    assert not path.exists()


@pytest.mark.parametrize("name", ["run.json", "arrays.safetensors", "a.b.parquet"])
@pytest.mark.parametrize("damage", ["truncate", "flip", "delete", "empty"])
def test_a_damaged_file_is_named(tmp_path, name, damage):
    store = RunStore(tmp_path)
    save(store, RUN)
    save(store, OTHER)
    path = tmp_path / "finished" / run_id(RUN) / name
    content = path.read_bytes()
    if damage == "delete":
        path.unlink()
    else:
        middle = len(content) // 2
        flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        path.write_bytes({"truncate": content[:-1], "flip": flipped, "empty": b""}[damage])
    if (name, damage) == ("run.json", "truncate"):  # Its last byte is a line end.
        path.write_bytes(content[:-3])
    with pytest.raises(DamagedRunError, match=rf"{name} is .*\. Delete the folder .*{run_id(RUN)}, and the run is do"):
        store.load(RUN)
    assert store.load(OTHER).record == RESULT.record
    if name == "run.json":
        row = next(row for row in store.list() if row.status == "damaged")
        assert row.id == run_id(RUN)
        assert str(path) in row.detail


def test_a_result_in_another_runs_folder_is_damaged(tmp_path):
    store = RunStore(tmp_path)
    save(store, RUN)
    (tmp_path / "finished" / run_id(RUN)).rename(tmp_path / "finished" / run_id(OTHER))
    with pytest.raises(DamagedRunError, match=rf"run\.json is of the run {run_id(RUN)}"):
        store.load(OTHER)


# This program's files may be at most `limit` bytes long: the kernel refuses longer ones, as a full disk does.
FULL_DISK = """
import resource, sys
from helpers.sweep_runs import ToyRun
from labelnoise.sweeps.run import RunResult
from labelnoise.sweeps.store import RunStore
import numpy as np, pandas as pd

store, limit, run = RunStore(sys.argv[1]), int(sys.argv[2]), ToyRun(1)
values = np.random.default_rng(0).random((2000, 20))
results = [
    RunResult({"text": "x" * 100_000}),
    RunResult({}, {"values": values}),
    RunResult({}, {}, {"table": pd.DataFrame(values, columns=[f"c{i}" for i in range(20)])}),
]
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
for result in results:
    try:
        with store.claim(run):
            store.save(run, result)
    except OSError as error:
        print(type(error).__name__, error.errno, error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes, which Windows lacks")
@pytest.mark.parametrize("limit", [0, 4000])
def test_a_full_disk_costs_nothing_that_is_finished(tmp_path, limit):
    store = RunStore(tmp_path)
    save(store, OTHER)
    before = contents(tmp_path / "finished")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FULL_DISK, str(tmp_path), str(limit)],
        capture_output=True,
        text=True,
        check=True,
        env=ENVIRONMENT,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("StoreError 27 the run 'ToyRun 1' could not be written to ") for line in lines)
    assert all("File too large. Finished runs are untouched. Make room" in line for line in lines)
    assert done.stderr == ""
    assert contents(tmp_path / "finished") == before
    assert not [path for path in tmp_path.rglob("result-*")]
    assert status(store) in ({"ToyRun 2": "finished", name: "interrupted"} for name in ("", "ToyRun 1"))
    save(store, RUN)
    assert status(store) == {"ToyRun 1": "finished", "ToyRun 2": "finished"}


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a file system that refuses even root")
def test_an_unwritable_folder_is_reported():
    store = RunStore("/proc/self/runs")
    with pytest.raises(OSError, match="output folder /proc/self/runs must be writable: "):
        store.prepare()
    with pytest.raises(StoreError, match="could not be written to /proc/self/runs: "), store.claim(RUN):
        pass
    assert store.save_failure(RUN, ValueError("first")) is None  # The first error is the one to report.
    assert store.list() == []


def test_a_file_in_place_of_the_folder_is_reported(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="must be a folder"):
        RunStore(tmp_path / "file").prepare()


@pytest.mark.parametrize("when", [0.0, 4e9])
def test_clocks_do_not_matter(tmp_path, monkeypatch, when):
    """Finished and locked runs stay so where files lie in the past or the future, as after a clock was set."""
    store = RunStore(tmp_path)
    save(store, RUN)
    with store.claim(OTHER):
        for path in [tmp_path, *tmp_path.rglob("*")]:
            os.utime(path, (when, when))
        monkeypatch.setattr("time.time", lambda: when)
        store.prepare()
        assert status(store) == {"ToyRun 1": "finished", "ToyRun 2": "running"}
        with RunStore(tmp_path).claim(OTHER) as nothing:
            assert nothing is None
    assert store.load(RUN).record == RESULT.record
    save(store, OTHER)
    assert status(store) == {"ToyRun 1": "finished", "ToyRun 2": "finished"}


NESTED = "[" * 100_000
WRONG = ["[]", "7", "null", '"text"', NESTED, '{"kind": [], "label": {}, "error": 1, "host": 2, "process": []}', "\xff"]


@pytest.mark.parametrize("text", WRONG)
def test_a_record_that_is_nested_or_of_wrong_types_is_listed_as_damaged_beside_the_others(tmp_path, text):
    store = RunStore(tmp_path)
    for run in (RUN, OTHER):
        save(store, run)
    finished, failed, claimed = (tmp_path / name for name in ("finished", "failed", "unfinished"))
    (finished / run_id(RUN) / "run.json").write_text(text, encoding="latin-1")
    failed.mkdir(exist_ok=True)
    (failed / "aa.json").write_text(text, encoding="latin-1")
    (claimed / "bb").mkdir(parents=True)
    (claimed / "bb" / "claim.json").write_text(text, encoding="latin-1")
    rows = {row.id: row for row in store.list()}
    assert rows[run_id(OTHER)].status == "finished"
    assert rows[run_id(RUN)].status == "damaged"
    assert (rows["aa"].status, "is damaged" in rows["aa"].detail) == ("failed", True)
    assert (rows["bb"].status, rows["bb"].kind, rows["bb"].label) == ("interrupted", "", "")
    with pytest.raises(DamagedRunError):
        store.load(RUN)
