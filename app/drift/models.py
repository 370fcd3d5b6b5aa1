"""Drift as flows see it: what a connection's records have always said, and what they said one day that they never had.

A baseline is learned from the first records of a mapping revision on a connection; afterwards whatever is not in it is
a finding, once. A finding that a person acknowledges becomes part of the baseline.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol

from msgspec import Struct

from app.postgres.database import Transaction
from app.settings.drift import DriftKind, DriftPolicy
from canonical.parts import ObjectName

DriftSource = Literal["record", "webhook"]
Learning = Literal["learning", "learned", "over"]
Trait = tuple[str, str]
"""A path and something that was seen there: nothing more than that it is there (``""``), a type, a choice."""


class DriftSubject(Struct, frozen=True, kw_only=True):
    """Whose drift it is: what one connection sends of one kind of record, as one revision of a mapping reads it. The
    body of a webhook is another thing than the record that the vendor answers with."""

    connection: str
    object: ObjectName
    mapping: str
    revision: int
    source: DriftSource


class Baseline(Struct, frozen=True, kw_only=True):
    """What is known of a subject: by path what was seen there. While it is not `learned` everything is new and nothing
    is drift."""

    learned: bool
    known: Mapping[str, frozenset[str]]


class Noted(Struct, frozen=True, kw_only=True):
    """Drift that was seen `count` times since it was last written down. `example` holds no personal data."""

    subject: DriftSubject
    path: str
    kind: DriftKind
    expected: str
    found: str
    example: str | None
    policy: DriftPolicy
    count: int
    correlation_id: str | None
    traceparent: str | None


class DriftFinding(Struct, frozen=True, kw_only=True):
    """One thing that changed at a vendor. `count` is of the records that were looked at, which are a sample."""

    id: str
    connection: str
    object: ObjectName
    mapping: str
    revision: int
    source: DriftSource
    path: str
    kind: DriftKind
    expected: str
    found: str
    example: str | None
    policy: DriftPolicy
    count: int
    first_seen: datetime
    last_seen: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None


class DriftFilter(Struct, frozen=True, kw_only=True):
    """Which findings; None is all of them."""

    connection: str | None = None
    kind: DriftKind | None = None
    acknowledged: bool | None = None


class Drifts(Protocol):
    """Baselines and findings."""

    async def baseline(self, subject: DriftSubject) -> Baseline:
        """What is known of it; nothing, and not learned, of one that was never seen. Raises StoreUnavailable."""

    async def learn(
        self,
        transaction: Transaction,
        subject: DriftSubject,
        traits: Sequence[Trait],
        *,
        records: int,
        most_records: int,
        most_hours: int,
    ) -> Learning:
        """Add what so many records said, unless learning is `over`, in which case nothing is added. `learned`: these
        were the last."""

    async def extend(self, transaction: Transaction, subject: DriftSubject, traits: Sequence[Trait]) -> None:
        """Add to a baseline that is learned: what could not be seen before, such as the type of what was null."""

    async def note(self, transaction: Transaction, noted: Sequence[Noted]) -> Sequence[tuple[DriftFinding, Noted]]:
        """Count these, which are of one subject; those that were not there before. While very many wait to be
        acknowledged, no further ones are kept."""

    async def list(self, which: DriftFilter, *, after: str | None, limit: int) -> Sequence[DriftFinding]:
        """Newest first, below the id `after`. Raises StoreUnavailable."""

    async def get(self, finding_id: str) -> DriftFinding | None:
        """One by id. Raises StoreUnavailable."""

    async def acknowledge(self, transaction: Transaction, finding_id: str, *, actor: str) -> DriftFinding | None:
        """A person has seen it: it belongs to the baseline from now on. None where there is no such finding that is
        not acknowledged already."""
