"""The local page on which a person checks an audit's samples; each answer is in the CSV file at once."""

from labelnoise.audit_page.server import AuditServer
from labelnoise.audit_page.session import AuditSession, ChangedMeanwhileError

__all__ = ["AuditServer", "AuditSession", "ChangedMeanwhileError"]
