"""Writing results: round trips, determinism, and failed writes that leave earlier files complete."""

import dataclasses
import datetime
import enum
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from labelnoise.artifacts import (
    check_name,
    check_overwrite,
    output_folder,
    to_json,
    write_arrays,
    write_figure,
    write_json,
    write_table,
    write_text,
)
from labelnoise.data import read_labels
from labelnoise.data.text import MISSING
from labelnoise.spreadsheets import as_number, restored

FRAME = pd.DataFrame({"k": [1, 5], "noise_rate": [0.1, 1 / 3], "noise": ["flip", "größe"]})


def line_plot() -> Figure:
    figure = Figure()
    figure.subplots().plot([0, 1], [1, 0], label="accuracy")
    figure.axes[0].legend()
    return figure


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(st.text("=+-@\t\r\n'\"a1 ,;#|é", min_size=1).map(str.strip), min_size=2, max_size=5, unique=True))
def test_names_that_look_like_formulas_come_back_and_are_defused_for_spreadsheets(tmp_path, names):
    names = [f"{first}{name}" for first in ("", "=", "\t") for name in names if name not in MISSING]
    frame = pd.DataFrame({"label": names, "rate": np.linspace(-1, 1, len(names))})
    exact = {"sep": "comma", "header": "yes", "comment": "none"}
    _, path = write_table(frame, tmp_path / "as_they_are")
    if names:
        assert read_labels(path, csv=exact).tolist() == names
    _, path = write_table(frame, tmp_path / "defused", spreadsheets=True)
    written = pd.read_csv(path, keep_default_na=False, dtype={"label": str}, lineterminator="\n")
    like_formulas = written["label"].str.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert all(as_number(text) is not None for text in written["label"][like_formulas])
    assert written["label"].map(restored).tolist() == names


def test_tables_come_back_as_they_were_written(tmp_path):
    parquet, csv = write_table(FRAME, tmp_path / "noise_rate=0.5")
    assert (parquet.name, csv.name) == ("noise_rate=0.5.parquet", "noise_rate=0.5.csv")
    pd.testing.assert_frame_equal(pd.read_parquet(parquet), FRAME)
    pd.testing.assert_frame_equal(pd.read_csv(csv), FRAME)
    parquet, csv = write_table(FRAME.set_index(["noise", "k"]), tmp_path / "indexed")
    assert list(pd.read_csv(csv)) == list(pd.read_parquet(parquet)) == ["noise", "k", "noise_rate"]


def test_arrays_come_back_as_they_were_written(tmp_path):
    arrays = {"file": np.arange(5), "names": np.array(["cat", "größe"]), "empty": np.zeros((0, 3), np.float32)}
    path = write_arrays(tmp_path / "a.npz", **arrays)
    with np.load(path, allow_pickle=False) as read:
        assert read.files == list(arrays)
        for name, array in arrays.items():
            np.testing.assert_array_equal(read[name], array)
            assert read[name].dtype == array.dtype
    with pytest.raises(TypeError, match="array 'labels' must hold numbers or text; it holds Python objects"):
        write_arrays(tmp_path / "a.npz", labels=np.array([None, "a"], dtype=object))


def test_writing_twice_gives_the_same_bytes(tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    for folder, clock in ((tmp_path, "0"), (tmp_path / "other", "1000000000")):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", clock)
        write_table(FRAME, folder / "t")
        write_figure(line_plot(), folder / "f")
        write_arrays(folder / "a.npz", a=np.arange(9))
    other = contents(tmp_path / "other")
    assert sorted(other) == ["a.npz", "f.pdf", "f.png", "f.svg", "t.csv", "t.parquet"]
    assert all((tmp_path / name).read_bytes() == content for name, content in other.items())


def test_figures_have_their_formats_and_need_no_pyplot(tmp_path):
    paths = write_figure(line_plot(), tmp_path / "k=1.5")
    assert [path.read_bytes()[:4] for path in paths] == [b"\x89PNG", b"<?xm", b"%PDF"]
    with pytest.raises(ValueError, match=r"`formats` must be among .*svg.*; got 'doc'"):
        write_figure(line_plot(), tmp_path / "f", formats=["png", "doc"])
    assert not (tmp_path / "f.png").exists()
    code = (
        "import sys; from matplotlib.figure import Figure; from labelnoise.artifacts import write_figure\n"
        f"write_figure(Figure(), {str(tmp_path / 'g')!r}); assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


class Ties(enum.Enum):
    RANDOM = "random"


@dataclasses.dataclass(frozen=True)
class Result:
    rates: np.ndarray
    where: Path
    ties: Ties = Ties.RANDOM


def test_json_holds_everything_that_results_consist_of(tmp_path):
    result = Result(np.array([[0.5, np.nan], [-np.inf, 1]]), Path("runs") / "first")
    value = {
        "result": result,
        3: np.int64(7),
        "on": np.bool_(True),
        "set": {"b", "a"},
        "none": None,
        "when": datetime.date(2024, 5, 17),
        "names": np.array(["größe"]),
        "pair": (np.float32(0.5), True),
    }
    text = write_json(value, tmp_path / "r.json").read_text(encoding="utf-8")
    assert json.loads(text) == {
        "3": 7,
        "names": ["größe"],
        "none": None,
        "on": True,
        "pair": [0.5, True],
        "result": {"rates": [[0.5, None], [None, 1.0]], "ties": "random", "where": str(Path("runs") / "first")},
        "set": ["a", "b"],
        "when": "2024-05-17",
    }
    assert text.startswith('{\n  "3": 7,\n  "names"')
    assert text.endswith("}\n")


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(
    st.recursive(SCALARS, lambda v: st.lists(v, max_size=4) | st.dictionaries(st.text(), v, max_size=4), max_leaves=9)
)
def test_json_is_read_back_exactly(value):
    assert json.loads(to_json(value)) == value


def test_json_names_a_value_that_it_cannot_hold(tmp_path):
    write_json({"a": 1}, tmp_path / "r.json")
    with pytest.raises(TypeError, match=r"value\['a'\]\[1\] must be numbers, .*; it is a Figure"):
        write_json({"a": [1, Figure()]}, tmp_path / "r.json")
    with pytest.raises(TypeError, match="must have keys that differ as text"):
        write_json({1: 1, "1": 2}, tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text()) == {"a": 1}


def test_text_is_utf8_with_its_own_line_ends(tmp_path):
    assert write_text("größe\n", tmp_path / "t.txt").read_bytes() == "größe\n".encode()
    assert (tmp_path / "t.txt").stat().st_mode & 0o777 == 0o666 & ~_umask()


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "latest.txt").symlink_to(tmp_path / "real" / "t.txt")
    (tmp_path / "real" / "t.txt").touch()
    write_text("new", tmp_path / "latest.txt")
    assert (tmp_path / "latest.txt").is_symlink()
    assert (tmp_path / "real" / "t.txt").read_text() == "new"


def test_a_link_to_nothing_is_replaced_and_not_written_through(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "t.txt").symlink_to(tmp_path / "elsewhere.txt")
    write_text("new", tmp_path / "out" / "t.txt")
    assert not (tmp_path / "out" / "t.txt").is_symlink()
    assert not (tmp_path / "elsewhere.txt").exists()


class TestOverwriting:
    def test_the_same_specification_may_be_written_again(self, tmp_path):
        check_overwrite(tmp_path, "curve", {"options": {"k": (5,)}}, overwrite=False)
        write_json({"options": {"k": [5]}, "seconds": 1.5}, tmp_path / "curve.json")
        check_overwrite(tmp_path, "curve", {"options": {"k": (5,)}}, overwrite=False)
        check_overwrite(tmp_path, "other", {"options": {"k": (7,)}}, overwrite=False)

    @pytest.mark.parametrize("text", ['{"options": {"k": [5]}}', "{}", "[]", "{", "7"])
    def test_another_result_is_kept(self, tmp_path, text):
        (tmp_path / "curve.json").write_text(text)
        with pytest.raises(FileExistsError, match=r"no other result named 'curve'.* --output-dir.* --overwrite"):
            check_overwrite(tmp_path, "curve", {"options": {"k": 7}}, overwrite=False)
        check_overwrite(tmp_path, "curve", {"options": {"k": 7}}, overwrite=True)

    @pytest.mark.parametrize("name", ["curve.csv", "curve.png", "index.html"])
    def test_a_file_of_unknown_origin_is_kept(self, tmp_path, name):
        (tmp_path / name).symlink_to(tmp_path / "nowhere")
        with pytest.raises(FileExistsError, match=f"it holds {name}"):
            check_overwrite(tmp_path, "curve", {}, overwrite=False, also=["index.html"])

    @pytest.mark.parametrize("name", ["", ".", "..", "../x", "/x", "a/b", "a\\b", "a\0b", "a\n", " a"])
    def test_a_name_is_that_of_a_file_in_the_folder(self, tmp_path, name):
        with pytest.raises(ValueError, match="must be the name of a file, without folders"):
            check_overwrite(tmp_path, name, {}, overwrite=True)

    def test_names_are_as_long_as_file_systems_take(self, tmp_path):
        longest = "é" * 123 + "x"
        assert write_json(1, tmp_path / f"{check_name(longest)}.json").is_file()
        with pytest.raises(ValueError, match=r"`name` with its suffix must be at most 255 bytes long; .* has 256\."):
            check_name(longest + "x")
        with pytest.raises(ValueError, match="the name of an output folder must be at most 255"):
            output_folder(tmp_path / ("x" * 256))


def test_json_holds_file_names_that_are_not_utf8(tmp_path):
    name = os.fsdecode(b"\xe9.npy")
    assert json.loads(write_json({"file": name}, tmp_path / "r.json").read_text()) == {"file": name}
    assert to_json("ρ", ascii_only=True) == '"\\u03c1"\n'


# A process in which files may be at most `limit` bytes long: the kernel refuses further writes, as a full disk does.
FULL_DISK = """
import resource, sys
from pathlib import Path
import numpy as np, pandas as pd
from matplotlib.figure import Figure
from labelnoise import artifacts

folder, limit = Path(sys.argv[1]), int(sys.argv[2])
values = np.random.default_rng(0).random((2000, 20))
figure = Figure()
figure.subplots().plot(values[:, 0])
frame = pd.DataFrame(values, columns=[f"c{i}" for i in range(20)])
writes = [
    lambda: artifacts.write_table(frame, folder / "t"),
    lambda: artifacts.write_json(values, folder / "j.json"),
    lambda: artifacts.write_text("x" * 100_000, folder / "t.txt"),
    lambda: artifacts.write_figure(figure, folder / "f"),
    lambda: artifacts.write_arrays(folder / "a.npz", a=values),
    lambda: artifacts.output_folder(folder / "new"),
]
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
for write in writes:
    try:
        write()
    except OSError as error:
        print(error.errno, error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes, which Windows lacks")
@pytest.mark.parametrize("limit", [0, 10, 4000])
def test_a_full_disk_leaves_every_earlier_file_complete(tmp_path, limit):
    write_table(FRAME, tmp_path / "t")
    write_figure(line_plot(), tmp_path / "f")
    for name in ("j.json", "t.txt", "a.npz"):
        write_text("earlier", tmp_path / name)
    before = contents(tmp_path)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FULL_DISK, str(tmp_path), str(limit)],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 6
    assert all(line.startswith("27 ") and "File too large" in line for line in lines)
    assert "t.parquet and " in lines[0]
    assert "What was there before is unchanged" in lines[0]
    assert "must be writable: File too large" in lines[-1]
    assert done.stderr == ""  # every file was closed
    (tmp_path / "new").rmdir()  # the folder is empty: the file that was written as a check is gone
    assert contents(tmp_path) == before


def test_an_interrupted_write_leaves_the_earlier_file(tmp_path, monkeypatch):
    write_text("earlier", tmp_path / "t.txt")

    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_text("later", tmp_path / "t.txt")
    assert contents(tmp_path) == {"t.txt": b"earlier"}


def test_a_rename_that_fails_half_way_says_what_is_new(tmp_path, monkeypatch):
    rename = Path.replace

    def refuse(self, target):
        if Path(target).suffix == ".csv":
            raise PermissionError(13, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(PermissionError, match=r"Permission denied\. Only .*t\.parquet is new"):
        write_table(FRAME, tmp_path / "t")
    assert list(contents(tmp_path)) == ["t.parquet"]


def test_destinations_that_cannot_be_files_are_errors(tmp_path):
    with pytest.raises(IsADirectoryError, match="must be a file; it is a folder"):
        write_text("", tmp_path)
    write_text("x", tmp_path / "file")
    with pytest.raises(NotADirectoryError, match="could not be written: Not a directory"):
        write_text("", tmp_path / "file" / "t.txt")
    with pytest.raises(FileNotFoundError, match="could not be written: No such file or directory"):
        write_text("", tmp_path / "nowhere" / "t.txt")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which Linux has")
def test_a_device_is_not_replaced():
    with pytest.raises(OSError, match="must be a regular file"):
        write_text("", "/dev/full")
    assert Path("/dev/full").is_char_device()


def test_an_output_folder_is_made_and_checked(tmp_path):
    folder = output_folder(tmp_path / "a" / "b")
    assert folder.is_dir()
    assert output_folder(folder) == folder
    assert not list(folder.iterdir())
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "deeper" / "still"):
        with pytest.raises(NotADirectoryError, match=r"must be a folder; .*file is a file\. Choose another path"):
            output_folder(path)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a file system that refuses even root")
def test_an_output_folder_that_refuses_files_is_an_error():
    with pytest.raises(OSError, match="output folder /proc/self/runs must be writable: "):
        output_folder("/proc/self/runs")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
