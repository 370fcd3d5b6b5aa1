"""The Structs of reconciliations."""

from datetime import datetime
from typing import Final, Literal

from msgspec import Struct

from app.settings.reconcile import Repair
from app.walks.models import ListedObject
from canonical.parts import Link, ObjectName

FindingKind = Literal["missed", "absent", "extra", "differing"]
FINDING_KINDS: Final[tuple[FindingKind, ...]] = ("missed", "absent", "extra", "differing")
CHECK: Final = "reconcile"
"""The kind of the job that reads one record that differs from its state or a source of it, or is absent from a list."""


class ReconcilePlan(Struct, frozen=True, kw_only=True):
    """How the records of an object are compared with their states: every so many seconds, or only if a person asks.

    A change counts as missed once it is older than `grace` seconds. `frequency` is `every` as it was set, such as `1d`.
    `is_pulled`: the first run waits until a pull has listed all records.
    """

    connection: str
    object: ObjectName
    every: float | None
    frequency: str
    grace: float
    repair: Repair
    page_size: int
    is_pulled: bool
    sends_webhooks: bool


class DueReconcile(Struct, frozen=True, kw_only=True):
    """A run that is due. Without `has_baseline` nobody has listed all records before: those without a state are no
    news."""

    connection: str
    object: ObjectName
    tried_at: datetime | None
    has_baseline: bool


class ReconcileState(Struct, frozen=True, kw_only=True):
    """How the runs of an object stand, and the number of its open findings."""

    connection: str
    object: ObjectName
    completed_at: datetime | None
    failure: str | None
    open: int


class CheckPayload(Struct, frozen=True, kw_only=True):
    """The payload of a `reconcile` job. `is_baseline` as in `NewWalk`. `sources`: the records that it is a copy of."""

    walk: str
    object: ObjectName
    remote_id: str
    is_baseline: bool = False
    sources: tuple[Link, ...] = ()


class Conclusion(Struct, frozen=True, kw_only=True):
    """A finding about a record that was read, as in `ReconcileFinding`."""

    id: str
    kind: FindingKind
    fields: tuple[str, ...]
    changed_at: datetime | None = None
    source: str | None = None
    owners: tuple[str, ...] = ()


class Absentees(Struct, frozen=True, kw_only=True):
    """The ids of records that have a state and were not listed, how many were known to be absent before, and the number
    of all states."""

    remote_ids: tuple[str, ...] = ()
    known: int = 0
    states: int = 0


class Confirmed(Struct, frozen=True, kw_only=True):
    """The records that a person has confirmed may be gone, and the walk that did not list them."""

    walk: str
    absentees: tuple[str, ...]


class ReconcileRequest(Struct, frozen=True, kw_only=True):
    """What to reconcile now."""

    connection: str
    """The connection. Example: `"hubspot"`"""
    object: ListedObject
    """The object: customer, order or ticket. Example: `"customer"`"""


class ReconcileFinding(Struct, frozen=True, kw_only=True):
    """A difference between the records of a connection and what was last seen of them, or between a copy and its
    source. Holds no personal data."""

    id: str
    """The finding's id. Example: `"rec_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    connection: str
    """The connection. Example: `"hubspot"`"""
    object: ObjectName
    """The object. Example: `"customer"`"""
    kind: FindingKind
    """`missed`: the record changed, and no webhook and no pull reported it. `extra`: a record that was never reported.
    `absent`: a record that no longer exists, and whose deletion was never reported. `differing`: a copy that a consumer
    should have made equal to its source. Example: `"missed"`"""
    remote_id: str | None
    """The record's id at the vendor. Null for `absent` if more than 5 % of the records are not listed: then no single
    record is judged until a person has confirmed that they may be gone. Example: `"1051"`"""
    records: int
    """Number of records: 1, or how many are not listed. Example: `1`"""
    fields: tuple[str, ...]
    """Names of the canonical fields that differ. Example: `["email"]`"""
    source: str | None
    """Of a copy, the record that it differs from: connection and vendor id; null for the other kinds.
    Example: `"shopify:7721"`"""
    owners: tuple[str, ...]
    """Of a copy, the system of record of each of `fields`, or else `consumer:` and the name of the consumer that copies
    it. Example: `["shopify"]`"""
    changed_at: datetime | None
    """The vendor's time of the change; null if it gives none. Example: `"2026-05-01T09:30:00Z"`"""
    is_repaired: bool
    """Whether its Events were emitted, or the record was copied again (`repair = "emit"`). Example: `false`"""
    first_found_at: datetime
    """When it was first found. Example: `"2026-05-02T03:00:00Z"`"""
    last_found_at: datetime
    """When a run last found it. Example: `"2026-05-03T03:00:00Z"`"""
    closed_at: datetime | None
    """When it was repaired, or a run found it no more; null while it is open. Example: `null`"""


class ReconcileFilter(Struct, frozen=True, kw_only=True):
    """A filter of findings. None matches all."""

    connection: str | None = None
    """Only this connection. Example: `"hubspot"`"""
    kind: FindingKind | None = None
    """Only this kind. Example: `"missed"`"""
    closed: bool | None = False
    """Only closed findings. Otherwise only open ones. Example: `false`"""
