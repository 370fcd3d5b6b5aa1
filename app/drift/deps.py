"""Dependencies of the drift finding operations."""

from dataclasses import dataclass

from app.audit.models import Trail
from app.drift.models import Drifts
from app.postgres.database import Transactions


@dataclass(frozen=True, kw_only=True)
class DriftDeps:
    """The findings, and the audit trail that records acknowledgements."""

    drifts: Drifts
    transactions: Transactions
    trail: Trail
