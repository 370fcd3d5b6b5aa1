"""Connections, for operators: how each one is, and its switch."""

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
        summary="Every connection, what it does, and how it is",
        description="All of them, by name. What throttles or fails is told as this process and the queue have met it.",
        scopes=("ops:read",),
        answer="ConnectionList",
        headers=READ_HEADERS,
    ),
    Call(
        method="post",
        path="/ops/connections/{name}/pause",
        tag="Operators",
        name="pause_connection",
        summary="Stop a connection",
        description="Within about a second nothing more is sent on it, whatever process it is: calls are answered with"
        " `connection-paused`; jobs and accepted writes wait, those included whose outcome has to be read back."
        " Audited.",
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
        summary="Let a connection go on",
        description="After a refused credential one request goes first, and what it meets decides. Audited.",
        scopes=("ops:write",),
        answer="Connection",
        headers=READ_HEADERS,
        problems=RESUME_PROBLEMS,
    ),
)
