"""Reports: finished results -> a summary (plain values) -> one self-contained HTML page.

`parts` reads results and computes; `page` renders, and computes nothing. `diagnosis` writes the files of a diagnosis.
"""

from labelnoise.report.page import report_html, write_report
from labelnoise.report.parts import summarize
from labelnoise.report.summary import Summary

__all__ = ["Summary", "report_html", "summarize", "write_report"]
