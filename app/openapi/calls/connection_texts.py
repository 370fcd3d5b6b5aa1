"""Descriptions of connections in the OpenAPI document."""

from typing import Final

from msgspec import Struct

from app.vendors.connections import ConnectionPause, ConnectionView, LaneView

TEXTS: Final[dict[type[Struct], dict[str, tuple[str, str | None]]]] = {
    ConnectionView: {
        "name": ("The name, as in `?connection=`.", '"hubspot"'),
        "vendor": ("The vendor's name.", '"hubspot"'),
        "base_url": ("Base URL, without secrets; null if nothing is sent.", '"https://api.hubapi.com"'),
        "objects": ("The verbs by object.", '{"customer": ["read", "list", "create", "update"]}'),
        "state": (
            "`paused` (by an operator) and `unauthorised` last in all processes until an operator resumes the"
            " connection;"
            " `throttled` and `failing` end automatically.",
            '"paused"',
        ),
        "since": ("When the state began, if known.", '"2026-05-01T09:30:00Z"'),
        "until": ("When Lockstitch tries again; null if an operator must resume.", "null"),
        "note": ("The reason, from an operator or from Lockstitch.", '"moving to another account"'),
        "next_step": ("What you can do now.", '"When it may go on: POST /ops/connections/hubspot/resume."'),
        "lane": ("How fast its jobs may start; null before the first job.", None),
    },
    LaneView: {
        "rate": ("Starts per second; null if unlimited.", "10.0"),
        "burst": ("Starts at once after an idle period.", "8.0"),
        "tokens": ("Starts available now.", "8.0"),
    },
    ConnectionPause: {
        "note": ("The reason, shown to affected callers. No personal data.", '"moving to another account"'),
    },
}
"""Description and example of every field."""
