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
    """The finding's id. Example: `"drf_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    connection: str
    """The connection. Example: `"hubspot"`"""
    object: ObjectName
    """The object. Example: `"customer"`"""
    mapping: str
    """The mapping that read the record. Example: `"hubspot.customer"`"""
    revision: int
    """Its revision. Example: `1`"""
    source: DriftSource
    """A record in an answer, or the body of a webhook. Example: `"record"`"""
    path: str
    """JSONPath into the vendor's record, with `[*]` for items and `.*` for names that are data. For a `new_enum_value`
    and an empty custom field, JSONPath into the canonical resource. Example: `"$.recordVersion"`"""
    kind: DriftKind
    """A new member, another type, a value that the mapping does not know, a required member that is missing, or one
    that is empty more often than before. Example: `"unknown_field"`"""
    expected: str
    """A description of the previous content. Example: `"no member"`"""
    found: str
    """A description of the new content; for a new choice, the choice. Example: `"a member"`"""
    example: str | None
    """A masked example, letters as x and digits as 0; null if there is none. Example: `"0"`"""
    policy: DriftPolicy
    """The policy that the connection's rules set. Example: `"evolve"`"""
    count: int
    """Number of sampled records with the change. Example: `12`"""
    first_seen: datetime
    """When it was first observed. Example: `"2026-05-01T09:30:00Z"`"""
    last_seen: datetime
    """When it was last observed. Example: `"2026-05-01T11:00:00Z"`"""
    acknowledged_at: datetime | None
    """When it was acknowledged; null before. Example: `null`"""
    acknowledged_by: str | None
    """Who acknowledged it. Example: `null`"""


class DriftFilter(Struct, frozen=True, kw_only=True):
    """A filter of findings. None matches all."""

    connection: str | None = None
    """Only this connection. Example: `"hubspot"`"""
    kind: DriftKind | None = None
    """Only this kind. Example: `"unknown_field"`"""
    acknowledged: bool | None = False
    """Only acknowledged findings. Otherwise only open ones. Example: `false`"""
