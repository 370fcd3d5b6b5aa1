"""Call an operation of the API for an agent, in this process, as if by HTTP.

Key, scopes, budget, audit, idempotency and telemetry are those of the operation itself.
"""

import hashlib
import time
from types import NoneType
from typing import Any, Final
from urllib.parse import quote, urljoin

import httpx
import msgspec
from litestar.types import ASGIApp
from msgspec import Struct

from app.agents.tools import ASK_APPROVAL, BODY, CONFIRM, IF_MATCH_ARGUMENT, REQUEST_KEY, OperationTool
from app.http.headers import APPROVAL
from app.problem_document import JSON, ProblemDocument
from app.writes.deps import WriteDeps
from app.writes.routes import DRY_RUN

SAME_WRITE: Final = 600
"""Seconds for which the same arguments mean the same write."""
WAIT: Final = "respond-async, wait=20"
"""Clients of the protocol give up after 30 to 60 s."""
MOST_SECONDS: Final = 120.0
FOR_THE_WRITE: Final = (CONFIRM, ASK_APPROVAL, REQUEST_KEY, IF_MATCH_ARGUMENT)
_DRAFTED: Final = "Nothing was sent. To write this, call again with the same arguments and confirm true."
_UNDECIDED: Final = (
    "Not decided yet: Lockstitch finishes the write, once. read_operation with this id has the outcome."
    " Do not repeat it under another request_key."
)
_UNAPPROVED: Final = (
    "Nothing is sent yet: a person has to approve this write. Tell them, and do not repeat it. read_operation with this"
    " id has the decision and the outcome."
)
_sorted: Final = msgspec.json.Encoder(order="sorted")


class ToolArguments(Struct, frozen=True):
    """The arguments of a call by their place in the request."""

    path: str
    query: dict[str, str]
    content: bytes | None
    confirm: bool
    ask_approval: bool
    request_key: str | None
    if_match: str | None


class ToolAnswer(Struct, frozen=True):
    """What a tool answers: a sentence, the document of the operation, and whether that is a problem."""

    sentence: str | None
    document: dict[str, Any]
    failed: bool


def read_arguments(tool: OperationTool, arguments: dict[str, Any]) -> ToolArguments:
    """Sort the arguments of a call. Raises ValueError for one that the tool does not have, lacks, or cannot send."""
    schema = tool.schema
    if unknown := sorted(set(arguments) - set(schema["properties"])):
        raise ValueError(f"Unknown arguments: {', '.join(unknown)}. {tool.name} has {', '.join(schema['properties'])}.")
    present = {name: value for name, value in arguments.items() if value is not None}
    if absent := [name for name in schema["required"] if name not in present]:
        raise ValueError(f"Missing arguments: {', '.join(absent)}.")
    places = {one.name: str(present.pop(one.name)) for one in tool.operation.parameters}
    if turned := [name for name, value in places.items() if value in (".", "..")]:
        raise ValueError(f"{turned[0]} would lead to another path.")
    body = present.pop(BODY, None)
    confirm, ask_approval, request_key, if_match = (present.pop(name, None) for name in FOR_THE_WRITE)
    if not {type(confirm), type(ask_approval)} <= {bool, NoneType}:
        raise ValueError(f"{CONFIRM} and {ASK_APPROVAL} are true or false.")
    query = {name: _as_text(value) for name, value in present.items()}
    return ToolArguments(
        path=tool.operation.template.format(**{name: quote(value, safe="") for name, value in places.items()}),
        query=query,
        content=None if body is None else _sorted.encode(body),
        confirm=confirm is True,
        ask_approval=ask_approval is True,
        request_key=None if request_key is None else str(request_key),
        if_match=None if if_match is None else str(if_match),
    )


async def call_operation(
    app: ASGIApp, deps: WriteDeps, tool: OperationTool, wanted: ToolArguments, principal: str, headers: dict[str, str]
) -> ToolAnswer:
    """Call the operation of a tool. `headers` are those of the agent's own request: its key and its run."""
    query, headers = dict(wanted.query), headers | {"accept": JSON}
    if tool.writes and wanted.confirm:
        headers |= {"idempotency-key": await _key_of(deps, tool, wanted, principal), "prefer": WAIT}
    elif tool.writes:
        query[DRY_RUN.name] = "true"
    if wanted.ask_approval:
        headers[APPROVAL.name] = "required"
    if wanted.if_match is not None:
        headers["if-match"] = wanted.if_match
    if wanted.content is not None:
        headers["content-type"] = JSON
    origin = urljoin(deps.public_url, "/")  # a path before `/mcp` is that of a proxy
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url=origin, timeout=MOST_SECONDS) as client:
        answer = await client.request(
            tool.operation.method,
            wanted.path,
            params=dict(sorted(query.items())),
            # As bytes, so that the API judges what is not ASCII.
            headers=[(name.encode(), value.encode()) for name, value in headers.items()],
            content=wanted.content,
        )
    return _read(answer, drafted=DRY_RUN.name in query)


def _read(answer: httpx.Response, *, drafted: bool) -> ToolAnswer:
    document = msgspec.json.decode(answer.content) if answer.content else {}
    if not isinstance(document, dict):
        document = {"data": document}
    if answer.is_error:
        problem = msgspec.convert(document, ProblemDocument)
        return ToolAnswer(f"{problem.title}: {problem.detail} {problem.next_step}", document, failed=True)
    sentence = _DRAFTED if drafted else _UNDECIDED if answer.status_code == 202 else None
    if (document.get("waiting_for") or {}).get("reason") == "approval":
        sentence = _UNAPPROVED
    if drafted and "problem" in document:
        sentence = f"It would be refused: {document['problem']['detail']} {document['problem']['next_step']}"
    return ToolAnswer(sentence, document, failed=False)


def key_of_slot(tool: OperationTool, wanted: ToolArguments, principal: str, slot: int) -> str:
    """Return the Idempotency-Key of caller, tool, arguments and a slot of `SAME_WRITE` seconds since 1970."""
    body = (wanted.content or b"").decode()
    parts = [principal, tool.name, wanted.path, wanted.query, body, wanted.if_match, slot]
    return f"mcp-{hashlib.sha256(_sorted.encode(parts)).hexdigest()}"


async def _key_of(deps: WriteDeps, tool: OperationTool, wanted: ToolArguments, principal: str) -> str:
    """Return the Idempotency-Key: the argument `request_key`, or that of the present slot. A write that began in the
    slot before, but not long ago, keeps its key."""
    if wanted.request_key is not None:
        return wanted.request_key
    now = time.time()
    slot = int(now / SAME_WRITE)
    before = key_of_slot(tool, wanted, principal, slot - 1)
    earlier = await deps.operations.find_by_key(principal, before)
    if earlier is not None and now - earlier.created_at.timestamp() < SAME_WRITE:
        return before
    return key_of_slot(tool, wanted, principal, slot)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
