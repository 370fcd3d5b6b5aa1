"""What fields can hold: the call and its texts."""

from typing import Any, Final

from msgspec import Struct

from app.openapi.calls.call import READ_PROBLEMS, WAITING_HEADERS, Call
from app.records.options import OLDEST, OptionsView
from mappings.spec import Option

CALLS: Final[tuple[Call, ...]] = (
    Call(
        method="get",
        path="/v1/options/{connection}/{object}/{field}",
        tag="About",
        name="read_options",
        summary="What a field can hold at a connection",
        description="For drop-downs: owners, agents, groups, statuses, priorities, the choices of custom fields"
        " (`custom_fields.<key>`), as the account has them. Cached for about ten minutes, which `max_age` shortens. A"
        " write is judged by the same lists. A field without options is `invalid-field`, which names those that have"
        " some.",
        scopes=(
            *("customers:read", "customers:write", "orders:read", "orders:write"),
            *("tickets:read", "tickets:write"),
        ),
        answer="FieldOptions",
        queries=("options.max_age",),
        headers=WAITING_HEADERS,
        problems=READ_PROBLEMS,
    ),
)

TEXTS: Final[dict[type[Struct], dict[str, tuple[str, str | None]]]] = {
    OptionsView: {
        "connection": ("Where.", '"hubspot"'),
        "object": ("Of what.", '"ticket"'),
        "field": ("Of which field.", '"status"'),
        "options": ("In the order in which people see them.", None),
        "fetched_at": ("When the vendor was asked.", '"2026-05-01T09:30:00Z"'),
        "age_seconds": ("How long ago that was.", "41.5"),
    },
    Option: {
        "value": ("What to write.", '"waiting_on_customer"'),
        "label": ("What people there call it.", '"Waiting on contact"'),
        "active": ("False for what only older records hold; absent where the vendor does not tell.", "true"),
    },
}
"""Sentence and example of every field."""

NAMES: Final = {"OptionsView": "FieldOptions"}
"""How callers call them."""

PATHS: Final[dict[str, tuple[str, str]]] = {
    "field": ("A field of the object, such as status, owner_remote_id, custom_fields.loyalty_tier.", "status"),
}

QUERIES: Final[dict[str, dict[str, Any]]] = {
    "options.max_age": {
        "type": "integer",
        "minimum": 0,
        "maximum": OLDEST,
        "description": "How many seconds old they may be; 0 asks the vendor now, unless the lists came in the last five"
        " seconds.",
        "examples": [60],
    },
}
