"""Write results to one self-contained HTML page with all text escaped; nothing is computed here."""

from labelnoise.report.page import Card, Section, write_page

__all__ = ["Card", "Section", "write_page"]
