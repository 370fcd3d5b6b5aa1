"""Descriptions of drift findings in the OpenAPI document."""

from typing import Any, Final, get_args

from msgspec import Struct

from app.drift.models import DriftFinding
from app.settings.drift import DriftKind

TEXTS: Final[dict[type[Struct], dict[str, tuple[str, str | None]]]] = {
    DriftFinding: {
        "id": ("The finding's id.", '"drf_0198f0a2b7c47d3c9a51f2e80b6c4d17"'),
        "connection": ("The connection.", '"hubspot"'),
        "object": ("The object.", '"customer"'),
        "mapping": ("The mapping that read the record.", '"hubspot.customer"'),
        "revision": ("Its revision.", "1"),
        "source": ("A record in an answer, or the body of a webhook.", '"record"'),
        "path": (
            "JSONPath into the vendor's record, with `[*]` for items and `.*` for names that are data. For a"
            " `new_enum_value`, JSONPath into the canonical resource, whose field reads `unknown`.",
            '"$.recordVersion"',
        ),
        "kind": (
            "A new member, another type, a value that the mapping does not know, or a required member that is missing.",
            '"unknown_field"',
        ),
        "expected": ("A description of the previous content.", '"no such member"'),
        "found": ("A description of the new content; for a new choice, the choice.", '"a member"'),
        "example": ("A masked example, letters as x and digits as 0; null if there is none.", '"0"'),
        "policy": ("The policy that the connection's rules set.", '"evolve"'),
        "count": ("Number of sampled records with the change.", "12"),
        "first_seen": ("When it was first observed.", '"2026-05-01T09:30:00Z"'),
        "last_seen": ("When it was last observed.", '"2026-05-01T11:00:00Z"'),
        "acknowledged_at": ("When it was acknowledged; null before.", "null"),
        "acknowledged_by": ("Who acknowledged it.", "null"),
    },
}
"""Description and example of every field."""

LISTED: Final = {"DriftFindingList": ("DriftFinding", "A page of drift findings.")}

QUERIES: Final[dict[str, dict[str, Any]]] = {
    "drift.connection": {"type": "string", "description": "Only this connection.", "examples": ["hubspot"]},
    "drift.kind": {
        "enum": list(get_args(DriftKind)),
        "description": "Only this kind.",
        "examples": ["unknown_field"],
    },
    "drift.acknowledged": {
        "type": "boolean",
        "description": "Only acknowledged findings, or only others; all if absent.",
        "examples": [False],
    },
}
