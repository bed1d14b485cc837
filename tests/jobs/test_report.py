"""The job behind labelnoise report."""

import pytest
from helpers.results import write_curve

from labelnoise.jobs.report import check_page, run_report


def test_the_page_is_written_beside_the_results_or_where_it_is_asked_for(tmp_path):
    write_curve(tmp_path / "results" if (tmp_path / "results").mkdir() is None else tmp_path)
    summary, page = run_report(tmp_path / "results")
    assert page == tmp_path / "results" / "index.html"
    assert f"<title>{summary.title}</title>" in page.read_text()
    other = run_report(tmp_path / "results", tmp_path / "new" / "page.html")[1]
    assert '<a href="../results/curve.csv">' in other.read_text()


def test_a_file_of_somebody_else_is_found_before_the_work(tmp_path):
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(FileExistsError, match="--overwrite"):
        run_report(tmp_path)  # There is no result either, which would be found later.
    with pytest.raises(FileExistsError, match="--overwrite"):
        check_page(tmp_path)
    check_page(tmp_path, overwrite=True)


def test_the_same_results_give_the_same_page(tmp_path):
    write_curve(tmp_path)
    first = run_report(tmp_path)[1].read_bytes()
    assert run_report(tmp_path)[1].read_bytes() == first
