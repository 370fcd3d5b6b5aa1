"""Drift models: baselines, findings and their store.

A baseline is learned from the first records of a mapping revision on a connection. Later, every deviation from it
becomes one finding. An acknowledged finding becomes part of the baseline.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from msgspec import Struct

from app.settings.drift import DriftKind, DriftPolicy
from canonical.parts import ObjectName

DriftSource = Literal["record", "webhook"]
Learning = Literal["learning", "learned", "over"]
Trait = tuple[str, str]
"""A path and what was seen there: its presence (``""``), a type, or an enum choice."""


class DriftSubject(Struct, frozen=True, kw_only=True):
    """The scope of a baseline: one connection, one object, one mapping revision, one source.

    Webhook payloads and records from the vendor's API differ, so each source has its own baseline.
    """

    connection: str
    object: ObjectName
    mapping: str
    revision: int
    source: DriftSource


class Baseline(Struct, frozen=True, kw_only=True):
    """The traits known of a subject, by path. Until it is `learned`, nothing counts as drift."""

    learned: bool
    known: Mapping[str, frozenset[str]]


class Noted(Struct, frozen=True, kw_only=True):
    """Drift that was seen `count` times since it was last stored. `example` holds no personal data."""

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
    """One change at a vendor. `count` counts sampled records, not all records."""

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
    """A filter of findings. None matches all."""

    connection: str | None = None
    kind: DriftKind | None = None
    acknowledged: bool | None = None
