"""Mappings, their revisions, and which of them is at work."""

from typing import Final

from app.openapi.calls.call import OWN_PROBLEMS, READ_HEADERS, Call

ROUTE_PROBLEMS: Final = (*OWN_PROBLEMS, "malformed-body", "body-too-large", "unsupported-media-type")

CALLS: Final[tuple[Call, ...]] = (
    Call(
        method="get",
        path="/ops/mappings",
        tag="Operators",
        name="list_mappings",
        summary="Every mapping, its revisions, and what is at work and tried",
        description="All of them, by name, with every connection that uses them: which revision is active, what a"
        " shadow's readings differ in, how a canary does, and why one came back by itself.",
        scopes=("ops:read",),
        answer="MappingList",
        headers=READ_HEADERS,
    ),
    Call(
        method="post",
        path="/ops/mappings/{mapping}/route",
        tag="Operators",
        name="route_mapping",
        summary="Say which revision is active, compared, or answers for a share",
        description="Every process keeps to it within about a second, and nothing is restarted. What is left out stays;"
        " null takes away. A canary comes back by itself when it refuses or loses more than the active revision does."
        " Operations go on by the revision that they began with. Audited.",
        scopes=("ops:write",),
        answer="Mapping",
        body="RouteOrder",
        headers=READ_HEADERS,
        problems=ROUTE_PROBLEMS,
    ),
)
