"""Mappings, their revisions and routes."""

from typing import Final

from app.openapi.calls.call import OWN_PROBLEMS, READ_HEADERS, Call

ROUTE_PROBLEMS: Final = (*OWN_PROBLEMS, "malformed-body", "body-too-large", "unsupported-media-type")

CALLS: Final[tuple[Call, ...]] = (
    Call(
        method="get",
        path="/ops/mappings",
        tag="Operators",
        name="list_mappings",
        summary="List mappings with their revisions and routes",
        description="Sorted by name, with every connection that uses them: the active revision, the differences that a"
        " shadow found, the results of a canary, and why a canary was withdrawn.",
        scopes=("ops:read",),
        answer="MappingList",
        headers=READ_HEADERS,
    ),
    Call(
        method="post",
        path="/ops/mappings/{mapping}/route",
        tag="Operators",
        name="route_mapping",
        summary="Set the active, shadow or canary revision",
        description="Every process applies it within about a second, without a restart. An absent member stays; null"
        " removes it. A canary is withdrawn automatically if it refuses or loses more than the active"
        " revision. Operations keep the revision that they began with. Audited.",
        scopes=("ops:write",),
        answer="Mapping",
        body="RouteOrder",
        headers=READ_HEADERS,
        problems=ROUTE_PROBLEMS,
    ),
)
