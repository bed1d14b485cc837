"""Results to a page: one self-contained HTML file, everything escaped; computes nothing."""

from labelnoise.report.page import Section, write_page

__all__ = ["Section", "write_page"]
