"""An audit survives spreadsheets, loses no answer, and refuses what was not drawn."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from helpers.noisy_population import population

from labelnoise.diagnosis.auditing.audit import Audit
from labelnoise.diagnosis.auditing.draws import OPEN

PEOPLE = population(200, k=4)


@pytest.fixture
def audit():
    return Audit.draw(PEOPLE.diagnosis(), 20, random_state=0)


@pytest.fixture
def path(audit, tmp_path):
    return audit.to_csv(tmp_path / "audit.csv")


def read_rows(path):
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


def write_rows(rows, path, *, delimiter=",", encoding="utf-8", quoting=csv.QUOTE_MINIMAL):
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter, quoting=quoting).writerows(rows)
    path.write_bytes(stream.getvalue().encode(encoding))


def same(some, other):
    for mine, theirs in zip(some.draws, other.draws, strict=True):
        order = [np.argsort(draw.index) for draw in (mine, theirs)]
        for name in ("index", "given", "suggested", "answers", "second", "is_drawn", "partner", "reverse"):
            np.testing.assert_array_equal(getattr(mine, name)[order[0]], getattr(theirs, name)[order[1]])
        for name in ("probability", "partner_probability"):
            np.testing.assert_allclose(getattr(mine, name)[order[0]], getattr(theirs, name)[order[1]], rtol=1e-8)
        for name in ("k", "n_drawn", "n_partners", "name", "round"):
            assert getattr(mine, name) == getattr(theirs, name)
    assert (some.fingerprint, some.classes.tolist()) == (other.fingerprint, other.classes.tolist())


def test_a_file_holds_the_whole_audit(audit, tmp_path):
    same(audit, Audit.read_csv(audit.to_csv(tmp_path / "empty.csv")))
    answered = PEOPLE.answered(audit)
    same(answered, Audit.read_csv(answered.to_csv(tmp_path / "full.csv")))


def test_no_cell_is_run_as_a_formula(path):
    cells = [cell for row in read_rows(path) for cell in row]
    assert "'=cow" in cells
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)


@pytest.mark.parametrize(
    ("delimiter", "encoding"), [(";", "utf-8-sig"), ("\t", "utf-16"), (",", "cp1252"), (",", "utf-8")]
)
def test_separators_and_encodings_of_spreadsheets_are_read(audit, path, delimiter, encoding):
    rows = read_rows(path)
    rows[1][3] = "dog"
    write_rows(rows, path, delimiter=delimiter, encoding=encoding, quoting=csv.QUOTE_ALL)
    read = Audit.read_csv(path)
    same(read, audit.with_answers({int(rows[1][0]): "dog"}))


def test_reordered_rows_and_columns_more_columns_and_numbers_shown_as_3_0_are_read(audit, path):
    header, *rows = read_rows(path)
    for row in rows:
        row[0] = f"{row[0]}.0"
    order = np.random.default_rng(0).permutation(len(header))
    table = [[*np.array(header)[order], "remark"], *([*np.array(row)[order], "=1+1"] for row in reversed(rows))]
    write_rows([*table, [""] * (len(header) + 1)], path)
    same(Audit.read_csv(path), audit)


def test_the_parts_of_a_file_that_two_people_fill_in_become_one_audit(audit, path, tmp_path):
    header, *rows = read_rows(path)
    half = len(rows) // 2
    answered = PEOPLE.answered(audit)
    for row in rows:
        row[3] = str(PEOPLE.data.classes[PEOPLE.truth[int(row[0])]])
    for name, part in (("a.csv", rows[:half]), ("b.csv", rows[half:])):
        write_rows([header, *part], tmp_path / name)
    first = Audit.read_csv(tmp_path / "a.csv")
    second = Audit.read_csv(tmp_path / "b.csv")
    assert first.n_absent + second.n_absent == sum(draw.n_drawn for draw in audit.draws)
    same(first + second, answered)
    assert (first + second).n_absent == 0
    write_rows([header[:-1], *(row[:-1] for row in rows)], tmp_path / "b.csv")
    with pytest.raises(ValueError, match=r"must list the classes in its column 'classes'.*pass classes="):
        Audit.read_csv(tmp_path / "b.csv")
    same(Audit.read_csv(tmp_path / "b.csv", classes=PEOPLE.data.classes), answered)


def changed(path, column, value, row=2):
    rows = read_rows(path)
    rows[row][rows[0].index(column)] = value
    write_rows(rows, path)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (
            "true_label",
            "cow boy",
            r"line 3: an answer must be one of the 3 classes 'cat', 'dog', '=cow', 'unsure', or empty",
        ),
        ("index", "199", r"line 3: index and design must be as they were written; .*\(index 199\)"),
        ("index", "3.5", r"line 3: index must be a whole number; got '3.5'"),
        ("index", "", r"line 3: index must be a whole number; got ''"),
        ("design", "", r"line 3: index \d+ must be one of the samples that were drawn"),
        ("check", "ok-0", r"line 3: index and design must be as they were written"),
    ],
)
def test_a_wrong_line_is_refused_by_its_number(path, column, value, message):
    changed(path, column, value)
    with pytest.raises(ValueError, match=message):
        Audit.read_csv(path)


def test_changed_probabilities_are_refused(path):
    rows = read_rows(path)
    at = rows[0].index("design")
    before, after = rows[2][at].split(" p ")
    rows[2][at] = f"{before} p 0.5 {after.split(' ', 1)[1]}"
    write_rows(rows, path)
    with pytest.raises(ValueError, match=r"line 3: index and design must be as they were written"):
        Audit.read_csv(path)


def test_two_lines_of_a_sample_count_once_and_must_not_contradict(audit, path):
    rows = read_rows(path)
    index = int(rows[1][0])
    twice = [list(rows[1]), list(rows[1])]
    twice[0][3] = "dog"
    write_rows([*rows, twice[0]], path)
    same(Audit.read_csv(path), audit.with_answers({index: "dog"}))
    twice[1][3] = "cat"
    write_rows([*rows, *twice], path)
    with pytest.raises(ValueError, match=rf"line {len(rows) + 2} must not contradict {len(rows) + 1}; index {index}"):
        Audit.read_csv(path)


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "index,true_label,design,check\n"])
def test_a_file_that_is_no_audit_is_refused(tmp_path, text):
    (tmp_path / "other.csv").write_text(text)
    with pytest.raises(ValueError, match=r"must be an audit that labelnoise wrote|must hold at least one sample"):
        Audit.read_csv(tmp_path / "other.csv")


def test_audits_of_different_data_in_one_file_are_refused(path):
    other = Audit.draw(population(200, seed=1, k=4).diagnosis(), 5, random_state=0)
    rows = read_rows(path) + read_rows(other.to_csv(path.with_name("other.csv")))[1:]
    write_rows(rows, path)
    with pytest.raises(ValueError, match=r"must hold an audit of one data set; it has rows of data-\w+ and data-\w+"):
        Audit.read_csv(path)


def test_a_file_with_answers_is_never_overwritten_by_one_without(audit, path):
    audit.to_csv(path)  # There are no answers yet.
    changed(path, "true_label", "Unsure")
    content = path.read_bytes()
    with pytest.raises(FileExistsError, match=r"holds 1 that this audit does not"):
        audit.to_csv(path)
    assert path.read_bytes() == content
    (audit + Audit.read_csv(path)).to_csv(path)
    assert Audit.read_csv(path).n_unsure == 1


@pytest.mark.parametrize("text", ["something else\n", "index,true_label,design,check\n"])
def test_a_file_of_another_kind_is_never_overwritten(audit, tmp_path, text):
    (tmp_path / "notes.csv").write_text(text)
    with pytest.raises(FileExistsError, match=r"must not exist, or be an audit"):
        audit.to_csv(tmp_path / "notes.csv")
    assert (tmp_path / "notes.csv").read_text() == text


def test_a_file_with_an_answer_that_cannot_be_read_is_never_overwritten(audit, path):
    changed(path, "true_label", "cow boy")
    with pytest.raises(FileExistsError, match=r"line 3"):
        audit.to_csv(path)


def test_many_classes_are_not_written_into_one_cell_that_a_spreadsheet_cuts_off(audit, tmp_path):
    names = np.array([f"class with a long name number {i}" for i in range(1000)])
    audit = Audit(audit.draws, names, audit.fingerprint)
    path = audit.to_csv(tmp_path / "audit.csv")
    header, *rows = read_rows(path)
    assert max(len(cell) for row in rows for cell in row) < 32_000
    write_rows([header, *rows[::-1]], path)
    assert Audit.read_csv(path).classes.tolist() == names.tolist()
    write_rows([header, *rows[1:]], path)  # half of the classes are missing
    with pytest.raises(ValueError, match="or only in part"):
        Audit.read_csv(path)
    assert (Audit.read_csv(path, classes=names).draws[0].answers == OPEN).all()


def test_second_opinions_are_read_kept_and_never_lost(audit, path):
    rows = read_rows(path)
    indices = [int(row[0]) for row in rows[1:6]]
    for row, (first, second) in enumerate(
        [("dog", "dog"), ("cat", "dog"), ("dog", ""), ("", "cat"), ("dog", "unsure")]
    ):
        changed(path, "true_label", first, row + 1)
        changed(path, "second_opinion", second, row + 1)
    read = Audit.read_csv(path)
    table = read.samples.set_index("index").loc[indices]
    assert table.second_opinion.tolist() == ["dog", "dog", None, "cat", "unsure"]
    same(read, Audit.read_csv(read.to_csv(path)))
    same(audit + read, read)
    without = replace(read, draws=tuple(replace(d, second=np.full(len(d.index), -1)) for d in read.draws))
    with pytest.raises(
        FileExistsError,
        match=f"it holds 4 that this audit does not, the first for index {min(indices[i] for i in (0, 1, 3, 4))}",
    ):
        without.to_csv(path)
    changed(path, "second_opinion", "cow boy", 3)
    with pytest.raises(ValueError, match="line 4: an answer must be one of the 3 classes"):
        Audit.read_csv(path)


def test_a_file_without_second_opinions_is_read(audit, path):
    rows = read_rows(path)
    at = rows[0].index("second_opinion")
    write_rows([row[:at] + row[at + 1 :] for row in rows], path)
    same(Audit.read_csv(path), audit)
