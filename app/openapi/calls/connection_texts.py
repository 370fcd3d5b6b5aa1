"""What the OpenAPI document says of connections as operators see them."""

from typing import Final

from msgspec import Struct

from app.vendors.connections import ConnectionPause, ConnectionView, LaneView

TEXTS: Final[dict[type[Struct], dict[str, tuple[str, str | None]]]] = {
    ConnectionView: {
        "name": ("Its name, as in `?connection=`.", '"hubspot"'),
        "vendor": ("The product behind it.", '"hubspot"'),
        "base_url": ("Where it leads, without secrets; null where nothing is ever sent.", '"https://api.hubapi.com"'),
        "objects": ("By object: the verbs that it has.", '{"customer": ["read", "list", "create", "update"]}'),
        "state": (
            "`paused` (by a person) and `unauthorised` wait for a person in the whole installation; `throttled` and"
            " `failing` end by themselves.",
            '"paused"',
        ),
        "since": ("Since when, where that is known.", '"2026-05-01T09:30:00Z"'),
        "until": ("When it is tried again by itself; null when a person has to say so.", "null"),
        "note": ("Why, in words: an operator's, or ours.", '"moving to another account"'),
        "next_step": ("What a person can do now.", '"When it may go on: POST /ops/connections/hubspot/resume."'),
        "lane": ("How fast its jobs may start; null before the first one.", None),
    },
    LaneView: {
        "rate": ("Starts a second; null for no limit.", "10.0"),
        "burst": ("Starts at once after a rest.", "8.0"),
        "tokens": ("Starts that are saved up now.", "8.0"),
    },
    ConnectionPause: {
        "note": ("Why, for those who meet the pause; no personal data.", '"moving to another account"'),
    },
}
"""Sentence and example of every field."""
