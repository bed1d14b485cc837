"""Answers are in the file at once, and nothing that a person typed elsewhere is lost."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from helpers.noisy_population import population

from labelnoise.audit_page import AuditSession, ChangedMeanwhileError
from labelnoise.diagnosis.auditing.audit import Audit

PEOPLE = population(200, k=4)


@pytest.fixture
def path(tmp_path):
    """An audit of 10 samples with their neighbors."""
    return Audit.draw(PEOPLE.diagnosis(), 10, random_state=0).to_csv(tmp_path / "audit.csv")


@pytest.fixture
def session(path):
    return AuditSession(path)


def read_rows(path):
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


def write_rows(rows, path, *, delimiter=",", encoding="utf-8-sig"):
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter).writerows(rows)
    path.write_bytes(stream.getvalue().encode(encoding))


def type_elsewhere(path, row, answer):
    """Answer a row of the file as a spreadsheet does."""
    rows = read_rows(path)
    rows[row][rows[0].index("true_label")] = answer
    write_rows(rows, path)


def test_the_state_has_the_samples_in_their_order(path, session):
    audit, state = Audit.read_csv(path), session.state()
    assert state["classes"] == audit.classes.tolist()
    for name, column in (("index", "index"), ("given", "given_label"), ("suggested", "suggested_label")):
        assert [sample[name] for sample in state["samples"]] == audit.samples[column].tolist()
    assert {sample["answer"] for sample in state["samples"]} == {None}


def test_partners_name_each_other(session):
    samples = {sample["index"]: sample for sample in session.state()["samples"]}
    with_partner = [sample for sample in samples.values() if sample["partner"] is not None]
    assert len(with_partner) > 10
    (draw,) = Audit.read_csv(session.path).draws
    for index, partner in zip(draw.index[draw.is_drawn].tolist(), draw.partner[draw.is_drawn].tolist(), strict=True):
        assert samples[index]["partner"] == partner
        assert samples[partner]["partner"] is not None


def test_an_answer_changes_its_cell_and_no_other(path, session):
    rows = read_rows(path)
    rows[0].append("remark")
    for row in rows[1:]:
        row.append("=1+1; märk")
    write_rows([rows[0], [], *rows[1:]], path)
    index = int(rows[3][0])
    state = session.answer(index, "DOG", None)
    assert [s["answer"] for s in state["samples"] if s["index"] == index] == ["dog"]
    rows[3][rows[0].index("true_label")] = "dog"
    assert read_rows(path) == [rows[0], [], *rows[1:]]


@pytest.mark.parametrize(
    ("delimiter", "encoding", "after"),
    [(";", "cp1252", "utf-8-sig"), ("\t", "utf-16", "utf-16"), (",", "utf-8", "utf-8-sig")],
)
def test_files_of_spreadsheets_keep_separator_and_characters(path, session, delimiter, encoding, after):
    rows = read_rows(path)
    rows[1].append("Müller – 3,5")
    write_rows(rows, path, delimiter=delimiter, encoding=encoding)
    session.answer(int(rows[1][0]), "=cow", None)
    rows[1][rows[0].index("true_label")] = "'=cow"
    text = path.read_bytes().decode(after)
    assert list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)) == rows
    assert Audit.read_csv(path).n_checked == 1


def test_a_file_in_an_unknown_encoding_is_not_written(path, session):
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b",\x81\x8d\r\n", 2)
    path.write_bytes(content)
    with pytest.raises(ValueError, match="must be in UTF-8, so that no character is lost"):
        session.answer(session.state()["samples"][0]["index"], "dog", None)
    assert path.read_bytes() == content


def test_an_answer_typed_elsewhere_is_seen_and_not_overwritten(path, session):
    type_elsewhere(path, 1, "cat")
    index = session.state()["samples"][0]["index"]
    with pytest.raises(ChangedMeanwhileError, match=f"index {index} was answered elsewhere: audit.csv says 'cat'"):
        session.answer(index, "dog", None)
    assert Audit.read_csv(path).samples["true_label"][0] == "cat"
    session.answer(index, "dog", "cat")
    assert Audit.read_csv(path).samples["true_label"][0] == "dog"


def test_answers_that_an_older_copy_overwrote_come_back(path, session):
    before = path.read_bytes()
    first, second = (sample["index"] for sample in session.state()["samples"][:2])
    session.answer(first, "dog", None)
    session.answer(second, "unsure", None)
    path.write_bytes(before)
    type_elsewhere(path, 3, "cat")
    state = session.state()
    assert state["restored"] == 2
    assert [sample["answer"] for sample in state["samples"][:4]] == ["dog", "unsure", "cat", None]
    assert Audit.read_csv(path).samples["true_label"][:3].tolist() == ["dog", "unsure", "cat"]
    assert session.state()["restored"] == 0


def test_a_typing_error_elsewhere_is_named_and_kept(path, session):
    type_elsewhere(path, 1, "dgo")
    content = path.read_bytes()
    with pytest.raises(ValueError, match="line 2: an answer must be one of the 3 classes"):
        session.answer(int(read_rows(path)[2][0]), "dog", None)
    assert path.read_bytes() == content


@pytest.mark.parametrize(("text", "message"), [("dgo", "must be one of"), (" ", "it is empty"), ("", "it is empty")])
def test_what_is_no_answer_is_refused(path, session, text, message):
    content = path.read_bytes()
    with pytest.raises(ValueError, match=message):
        session.answer(session.state()["samples"][0]["index"], text, None)
    with pytest.raises(ValueError, match=r"index 10000 must be in audit\.csv"):
        session.answer(10_000, "dog", None)
    assert path.read_bytes() == content


def test_a_file_that_cannot_be_written_is_unchanged(path, session, monkeypatch):
    content = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        session.answer(session.state()["samples"][0]["index"], "dog", None)
    assert path.read_bytes() == content
    assert [entry.name for entry in path.parent.iterdir()] == ["audit.csv"]


def test_progress_counts_each_sample_once(session):
    first, second = (sample["index"] for sample in session.state()["samples"][:2])
    session.answer(first, "dog", None)
    session.answer(second, "unsure", None)
    n = len(session.state()["samples"])
    assert session.progress() == {"samples": n, "checked": 1, "unsure": 1, "open": n - 2}


class TestImages:
    @pytest.fixture
    def folder(self, tmp_path):
        (tmp_path / "photos").mkdir()
        for name in ("photos/a.png", "photos/b.txt", "outside.png"):
            (tmp_path / name).write_bytes(name.encode())
        return tmp_path

    def session_of(self, names, folder, **options):
        audit = Audit.draw(PEOPLE.diagnosis(), 10, random_state=0)
        (draw,) = audit.draws
        paths = np.array(names + [""] * (len(draw.index) - len(names)), dtype=object)
        path = replace(audit, draws=(replace(draw, paths=paths),)).to_csv(folder / "audit.csv")
        session = AuditSession(path, **options)
        return session, draw.index.tolist()

    def test_only_images_that_the_file_names_are_read(self, folder):
        names = ["a.png", "b.txt", "missing.png", "../outside.png", "../audit.csv", str(folder / "outside.png")]
        session, indices = self.session_of(names, folder, images=folder / "photos")
        assert session.image(indices[0]) == (b"photos/a.png", "image/png")
        for index in [*indices[1:], 10_000]:
            with pytest.raises(FileNotFoundError):
                session.image(index)
        assert [sample["image"] for sample in session.state()["samples"]] == [True] + [False] * (len(indices) - 1)

    def test_without_a_folder_paths_are_relative_to_the_working_directory(self, folder, monkeypatch):
        monkeypatch.chdir(folder)
        session, indices = self.session_of(["photos/a.png", str(folder / "outside.png")], folder)
        assert [session.image(index)[0] for index in indices[:2]] == [b"photos/a.png", b"outside.png"]

    def test_a_folder_that_is_none_is_an_error(self, path):
        with pytest.raises(NotADirectoryError, match="`--images` must be a folder"):
            AuditSession(path, path)


class TestSecondOpinion:
    def test_another_person_is_asked_about_answered_samples_and_sees_no_answer(self, path, session):
        first, second, *_ = [sample["index"] for sample in session.state()["samples"]]
        session.answer(first, "cat", None)
        session.answer(second, "unsure", None)
        again = AuditSession(path, second=True)
        samples = again.state()["samples"]
        assert [sample["index"] for sample in samples] == [first, second]
        assert [sample["answer"] for sample in samples] == [None, None]
        again.answer(first, "dog", None)
        assert again.progress() == {"samples": 2, "checked": 1, "unsure": 0, "open": 1}
        read = Audit.read_csv(path)
        assert (read.disagreement.value, read.disagreement.n_checked) == (1, 1)
        assert read.checked_codes(unsure=False) == {first: 0}

    def test_a_file_without_the_column_gets_it(self, path, session):
        index = session.state()["samples"][0]["index"]
        session.answer(index, "cat", None)
        rows = read_rows(path)
        at = rows[0].index("second_opinion")
        write_rows([row[:at] + row[at + 1 :] for row in rows], path)
        AuditSession(path, second=True).answer(index, "cat", None)
        assert Audit.read_csv(path).disagreement.value == 0

    def test_without_answers_there_is_nothing_to_ask(self, path):
        with pytest.raises(ValueError, match="must hold answers for a second opinion on them; it has none yet"):
            AuditSession(path, second=True)
