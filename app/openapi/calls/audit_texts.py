"""What the OpenAPI document says of the audit trail and of runs."""

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
        "id": ("Its number; a later one is greater.", "48121"),
        "at": ("When the change was made: the beginning of its transaction.", AT),
        "type": ("What happened, as `<space>.<what>`.", '"operation.resolved"'),
        "subject": ("What it happened to.", '"op_0198f0a2b7c47d3c9a51f2e80b6c4d17"'),
        "actor": ("Who did it: a key's principal, or `lockstitch`.", '"key_0198f0a2b7c47d3c9a51f2e80b6c4d17"'),
        "correlation_id": ("The run that it belongs to.", RUN),
        "facts": ("More about it; without personal data.", '{"outcome": "succeeded"}'),
        "position": ("Its place in the chain; null until it is sealed, within about a second.", "48119"),
    },
    Anchor: {
        "position": ("A place in the chain; 0 before the first event.", "48119"),
        "chain": ("The chain there, SHA-256 in hexadecimal.", f'"{CHAIN}"'),
    },
    ChainBreak: {
        "what": ("What does not fit.", '"content"'),
        "position": ("Where in the chain.", "31007"),
        "audit_event": ("The event that it is about.", "31009"),
        "detail": ("In words.", '"The event is not what was sealed. Its own digest does not fit either."'),
    },
    UnsealedTail: {
        "count": ("Events that have no place in the chain yet.", "2"),
        "oldest_at": ("When the oldest of them happened.", AT),
        "oldest_age_seconds": ("How long ago that is.", "0.4"),
    },
    Verification: {
        "intact": ("Whether everything fits that this call has walked over.", "true"),
        "verified": ("How many events fit.", "48119"),
        "from_position": ("Where the walk began.", "1"),
        "head": (
            "The end of the chain. Keep it elsewhere: as `anchor` it proves later that nothing was rewritten.",
            None,
        ),
        "first_break": ("The first thing that does not fit; null when all does.", None),
        "unsealed": ("The tail that no chain protects yet.", None),
        "next_from": ("Go on with this as `from`; null when the end was reached.", "null"),
    },
    RunStep: {
        "at": ("When it happened, or began.", AT),
        "kind": ("What kind of thing it is.", '"vendor_call"'),
        "sentence": (
            "In words.",
            '"hubspot was asked POST /crm/v3/objects/contacts: 201 in 84 ms; their request id is 0f1c7a9e-5b7e-4d0b."',
        ),
        "facts": ("In facts, which differ by kind; without personal data.", '{"status": 201, "connection": "hubspot"}'),
    },
    RunReport: {
        "correlation_id": ("The run.", RUN),
        "trace_id": ("The trace that it began in.", f'"{TRACE_ID}"'),
        "trace_url": ("Where the trace is shown.", f'"http://127.0.0.1:16686/trace/{TRACE_ID}"'),
        "data": ("What happened, oldest first.", None),
        "next_cursor": ("Send it as `cursor` to get the next page; null on the last one.", "null"),
        "has_more": ("Whether there are more pages.", "false"),
    },
}
"""Sentence and example of every field."""

NAMES: Final = {"Anchor": "ChainHead", "Verification": "AuditVerification", "RunReport": "Run", "RunStep": "RunEntry"}
"""How callers call them."""

LISTED: Final = {"AuditEventList": ("AuditEvent", "A page of audit events.")}

QUERIES: Final[dict[str, dict[str, Any]]] = {
    "audit.type": {
        "type": "string",
        "pattern": r"^[a-z_]+\.([a-z_]+|\*)$",
        "description": "Only this type; `receipt.*` is every type that begins so.",
        "examples": ["receipt.*"],
    },
    "audit.record": {
        "type": "string",
        "description": "Only what happened to this: a record, an operation, a job, a connection.",
        "examples": ["op_0198f0a2b7c47d3c9a51f2e80b6c4d17"],
    },
    "audit.actor": {"type": "string", "description": "Only what was done by this actor.", "examples": ["lockstitch"]},
    "audit.correlation_id": {
        "type": "string",
        "description": "Only of this run.",
        "examples": ["orders-4711-1767225600000"],
    },
    "audit.since": {
        "type": "string",
        "format": "date-time",
        "description": "Only what happened at or after this time (RFC 3339 with a zone).",
        "examples": ["2026-05-01T00:00:00Z"],
    },
    "audit.from": {
        "type": "integer",
        "minimum": 1,
        "default": 1,
        "description": "Where in the chain to begin; what stands before is taken as it is.",
        "examples": [1],
    },
    "audit.anchor": {
        "type": "string",
        "pattern": "^[1-9][0-9]{0,17}:[0-9a-f]{64}$",
        "description": "A head that was given out earlier, as POSITION:CHAIN; the chain has to be the same there.",
        "examples": [f"48119:{CHAIN}"],
    },
}
