"""What the OpenAPI document says of drift findings."""

from typing import Any, Final, get_args

from msgspec import Struct

from app.drift.models import DriftFinding
from app.settings.drift import DriftKind

TEXTS: Final[dict[type[Struct], dict[str, tuple[str, str | None]]]] = {
    DriftFinding: {
        "id": ("The finding.", '"drf_0198f0a2b7c47d3c9a51f2e80b6c4d17"'),
        "connection": ("Where it was met.", '"hubspot"'),
        "object": ("In what.", '"customer"'),
        "mapping": ("Which mapping met it.", '"hubspot.customer"'),
        "revision": ("Which revision of it.", "1"),
        "source": ("In a record that the vendor answered with, or in the body of a webhook.", '"record"'),
        "path": (
            "JSONPath into what the vendor sent, with `[*]` for items and `.*` for names that are data; of a"
            " `new_enum_value` into the canonical resource, where the field reads `unknown`.",
            '"$.recordVersion"',
        ),
        "kind": (
            "A member that was never there, another type, a value that the mapping has no word for, or a member that we"
            " need and that is gone.",
            '"unknown_field"',
        ),
        "expected": ("What was there before, in words.", '"no such member"'),
        "found": ("What is there now, in words; of a new choice the choice.", '"a member"'),
        "example": ("What it looks like, letters as x and digits as 0; null where nothing is.", '"0"'),
        "policy": ("What the connection's rules say of it.", '"evolve"'),
        "count": ("How many records had it, of those that were looked at.", "12"),
        "first_seen": ("When it was met first.", '"2026-05-01T09:30:00Z"'),
        "last_seen": ("When it was met last.", '"2026-05-01T11:00:00Z"'),
        "acknowledged_at": ("When somebody said that it is seen; null until then.", "null"),
        "acknowledged_by": ("Who.", "null"),
    },
}
"""Sentence and example of every field."""

LISTED: Final = {"DriftFindingList": ("DriftFinding", "A page of drift findings.")}

QUERIES: Final[dict[str, dict[str, Any]]] = {
    "drift.connection": {"type": "string", "description": "Only of this connection.", "examples": ["hubspot"]},
    "drift.kind": {
        "enum": list(get_args(DriftKind)),
        "description": "Only of this kind.",
        "examples": ["unknown_field"],
    },
    "drift.acknowledged": {
        "type": "boolean",
        "description": "Only those that somebody has acknowledged, or that nobody has; all when left out.",
        "examples": [False],
    },
}
