"""Connections: list, pause, resume."""

from typing import Final

from app.openapi.calls.call import OWN_PROBLEMS, READ_HEADERS, Call

RESUME_PROBLEMS: Final = (*OWN_PROBLEMS, "malformed-body", "body-too-large")
PAUSE_PROBLEMS: Final = (*RESUME_PROBLEMS, "unsupported-media-type")

CALLS: Final[tuple[Call, ...]] = (
    Call(
        method="get",
        path="/ops/connections",
        tag="Operators",
        name="list_connections",
        summary="List connections with their objects and state",
        description="Sorted by name. Throttled and failing states are those that this process and the queue have"
        " observed.",
        scopes=("ops:read",),
        answer="ConnectionList",
        headers=READ_HEADERS,
    ),
    Call(
        method="post",
        path="/ops/connections/{name}/pause",
        tag="Operators",
        name="pause_connection",
        summary="Pause a connection",
        description="Within about a second, no process sends anything on it. Calls are answered with"
        " `connection-paused`."
        " Jobs and accepted writes wait, including writes whose outcome must be read back. Audited.",
        scopes=("ops:write",),
        answer="Connection",
        body="ConnectionPause",
        headers=READ_HEADERS,
        problems=PAUSE_PROBLEMS,
    ),
    Call(
        method="post",
        path="/ops/connections/{name}/resume",
        tag="Operators",
        name="resume_connection",
        summary="Resume a connection",
        description="After a refused credential, Lockstitch sends one request first. Its result decides. Audited.",
        scopes=("ops:write",),
        answer="Connection",
        headers=READ_HEADERS,
        problems=RESUME_PROBLEMS,
    ),
)
