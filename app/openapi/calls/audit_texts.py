"""Descriptions of the audit trail and of runs in the OpenAPI document."""

from typing import Any, Final

from msgspec import Struct

from app.audit.models import Anchor, AuditEvent, ChainBreak, UnsealedTail, Verification
from app.monitoring.runs import RunReport, RunStep

Text = tuple[str, str | None]

AT: Final = '"2026-05-01T09:30:00Z"'
RUN: Final = '"orders-4711-1767225600000"'
CHAIN: Final = "77efbab93df15cffcbd28dd2a07ae1250a17c41d044d1b7103c7cf99013eb33c"
TRACE_ID: Final = "4bf92f3577b34da6a3ce929d0e0e4736"
TEXTS: Final[dict[type[Struct], dict[str, Text]]] = {
    AuditEvent: {
        "id": ("The event's number; later events have greater ones.", "48121"),
        "at": ("When the transaction of the change began.", AT),
        "type": ("What happened, as `<space>.<what>`.", '"operation.resolved"'),
        "subject": ("What the event concerns.", '"op_0198f0a2b7c47d3c9a51f2e80b6c4d17"'),
        "actor": ("Who made the change: a key's principal, or `lockstitch`.", '"key_0198f0a2b7c47d3c9a51f2e80b6c4d17"'),
        "correlation_id": ("The run of the change.", RUN),
        "facts": ("Further facts, without personal data.", '{"outcome": "succeeded"}'),
        "position": ("Position in the chain; null until sealed, which takes about a second.", "48119"),
    },
    Anchor: {
        "position": ("Position in the chain; 0 is before the first event.", "48119"),
        "chain": ("The chain value there, SHA-256 in hexadecimal.", f'"{CHAIN}"'),
    },
    ChainBreak: {
        "what": ("What does not match.", '"content"'),
        "position": ("Position in the chain.", "31007"),
        "audit_event": ("The event concerned.", "31009"),
        "detail": ("An explanation.", '"The event differs from the sealed one. Its own digest does not match either."'),
    },
    UnsealedTail: {
        "count": ("Events that are not yet in the chain.", "2"),
        "oldest_at": ("When the oldest of them was recorded.", AT),
        "oldest_age_seconds": ("Age of the oldest of them, in seconds.", "0.4"),
    },
    Verification: {
        "intact": ("Whether all events that this call verified are unchanged.", "true"),
        "verified": ("Number of events verified.", "48119"),
        "from_position": ("Position of the first verified event.", "1"),
        "head": (
            "The end of the chain. Store it elsewhere; send it later as `anchor` to prove that nothing was rewritten.",
            None,
        ),
        "first_break": ("The first mismatch; null if there is none.", None),
        "unsealed": ("Events that the chain does not protect yet.", None),
        "next_from": ("Send it as `from` to continue; null at the end.", "null"),
    },
    RunStep: {
        "at": ("When it happened or began.", AT),
        "kind": ("The kind of entry.", '"vendor_call"'),
        "sentence": (
            "A description in one sentence.",
            '"hubspot was asked POST /crm/v3/objects/contacts: 201 in 84 ms; their request id is 0f1c7a9e-5b7e-4d0b."',
        ),
        "facts": (
            "Facts, which depend on the kind; without personal data.",
            '{"status": 201, "connection": "hubspot"}',
        ),
    },
    RunReport: {
        "correlation_id": ("The run.", RUN),
        "trace_id": ("The trace in which the run began.", f'"{TRACE_ID}"'),
        "trace_url": ("URL of the trace.", f'"http://127.0.0.1:16686/trace/{TRACE_ID}"'),
        "data": ("The entries, oldest first.", None),
        "next_cursor": ("Send it as `cursor` to get the next page; null on the last one.", "null"),
        "has_more": ("Whether there are more pages.", "false"),
    },
}
"""Description and example of every field."""

NAMES: Final = {"Anchor": "ChainHead", "Verification": "AuditVerification", "RunReport": "Run", "RunStep": "RunEntry"}
"""Public names of Structs."""

LISTED: Final = {"AuditEventList": ("AuditEvent", "A page of audit events.")}

QUERIES: Final[dict[str, dict[str, Any]]] = {
    "audit.type": {
        "type": "string",
        "pattern": r"^[a-z_]+\.([a-z_]+|\*)$",
        "description": "Only this type; `receipt.*` matches every type with this prefix.",
        "examples": ["receipt.*"],
    },
    "audit.record": {
        "type": "string",
        "description": "Only events of this record, operation, job or connection.",
        "examples": ["op_0198f0a2b7c47d3c9a51f2e80b6c4d17"],
    },
    "audit.actor": {"type": "string", "description": "Only changes made by this actor.", "examples": ["lockstitch"]},
    "audit.correlation_id": {
        "type": "string",
        "description": "Only this run.",
        "examples": ["orders-4711-1767225600000"],
    },
    "audit.since": {
        "type": "string",
        "format": "date-time",
        "description": "Only events at or after this time (RFC 3339 with a zone).",
        "examples": ["2026-05-01T00:00:00Z"],
    },
    "audit.from": {
        "type": "integer",
        "minimum": 1,
        "default": 1,
        "description": "Position at which to begin. Earlier events are not verified.",
        "examples": [1],
    },
    "audit.anchor": {
        "type": "string",
        "pattern": "^[1-9][0-9]{0,17}:[0-9a-f]{64}$",
        "description": "An earlier head as POSITION:CHAIN. The chain must have this value at this position.",
        "examples": [f"48119:{CHAIN}"],
    },
}
