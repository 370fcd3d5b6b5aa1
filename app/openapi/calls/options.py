"""The options of fields: the call and its descriptions."""

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
        summary="List the options of a field at a connection",
        description="For drop-downs: owners, agents, groups, statuses, priorities and choices of custom fields"
        " (`custom_fields.<key>`), as configured in the account. Cached for about ten minutes; `max_age`"
        " shortens this. Writes are checked against the same lists. A field without options is refused with"
        " `invalid-field`, which names the fields that have options.",
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
        "connection": ("The connection.", '"hubspot"'),
        "object": ("The object.", '"ticket"'),
        "field": ("The field.", '"status"'),
        "options": ("The options, in the order in which the vendor shows them.", None),
        "fetched_at": ("When the options were fetched from the vendor.", '"2026-05-01T09:30:00Z"'),
        "age_seconds": ("Their age in seconds.", "41.5"),
    },
    Option: {
        "value": ("The value to write.", '"waiting_on_customer"'),
        "label": ("The name that users of the vendor see.", '"Waiting on contact"'),
        "active": ("False if only older records have it; absent if the vendor does not say.", "true"),
    },
}
"""Description and example of every field."""

NAMES: Final = {"OptionsView": "FieldOptions"}
"""Public names of Structs."""

PATHS: Final[dict[str, tuple[str, str]]] = {
    "field": ("A field of the object, such as status, owner_remote_id, custom_fields.loyalty_tier.", "status"),
}

QUERIES: Final[dict[str, dict[str, Any]]] = {
    "options.max_age": {
        "type": "integer",
        "minimum": 0,
        "maximum": OLDEST,
        "description": "Maximum age in seconds. 0 asks the vendor now, unless the lists are less than five seconds"
        " old.",
        "examples": [60],
    },
}
