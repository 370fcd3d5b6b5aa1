"""Answers as Litestar responses: JSON, resources with their entity tags, pages and problems."""

import logging
import math
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.exceptions import MethodNotAllowedException as NoSuchMethod
from litestar.exceptions import NotFoundException as NoSuchRoute
from litestar.types import Receive, Send

from app import telemetry
from app.errors import Internal, MethodNotAllowed, NotFound, StoreUnavailable
from app.http.accept import accepted_problem_type
from app.http.deps import HttpDeps
from app.http.edge import ASKED, answer_headers, correlation_of, deps_of, header_of, headers_of, path_of
from app.http.paging import Page
from app.problem_document import JSON, Problem, document_of

_encoder = msgspec.json.Encoder()
_log = logging.getLogger("lockstitch.api")

AnyRequest = Request[Any, Any, Any]


class RenderedResponse(Response[bytes]):
    """A body that is rendered already, of a status that allows one: the two messages to the server. The framework would
    look for encoders, cookies and defaults on the way."""

    __slots__ = ("_messages",)

    def __init__(
        self, body: bytes, *, media_type: str, status_code: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        lines = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in (headers or {}).items()]
        lines.append((b"content-type", media_type.encode("latin-1")))
        lines.append((b"content-length", b"%d" % len(body)))
        start: Any = {"type": "http.response.start", "status": status_code, "headers": lines}
        self._messages: tuple[Any, Any] = (start, {"type": "http.response.body", "body": body, "more_body": False})

    def to_asgi_response(self, app: Any, request: Any, **_: Any) -> Any:
        """Return itself."""
        return self

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Send the messages."""
        for message in self._messages:
            await send(message)


def json_response(content: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response[bytes]:
    """Return a Struct or builtin as `application/json`."""
    return RenderedResponse(_encoder.encode(content), status_code=status, headers=headers, media_type=JSON)


def resource_response(
    request: AnyRequest, resource: Any, etag: str | None, age: float | None = None
) -> Response[bytes]:
    """Return a resource with its entity tag, or 304 if `If-None-Match` names it (RFC 9110, 13.1.2). One without a tag
    has an `Age` in seconds (RFC 9111, 5.1)."""
    if etag is None:
        return json_response(resource, headers={} if age is None else {"age": str(math.ceil(age))})
    wanted = header_of(request.scope, "if-none-match")
    if wanted is not None:
        tags = {tag.strip().removeprefix("W/") for tag in wanted.split(",")}
        if "*" in tags or etag in tags:
            return Response(b"", status_code=304, headers={"etag": etag})
    return json_response(resource, headers={"etag": etag})


def page_response(request: AnyRequest, page: Page) -> Response[bytes]:
    """Return a page of a list, with a link to the next one."""
    link_next(request, page.next_cursor)
    return json_response(page)


def link_next(request: AnyRequest, cursor: str | None, parameter: str = "cursor") -> None:
    """Add a `Link` to the page at `cursor` (RFC 8288), under the public URL. `parameter` is the query parameter that
    takes the cursor."""
    if cursor is None:
        return
    sent = parse_qsl(request.scope["query_string"].decode())
    query = urlencode([*(pair for pair in sent if pair[0] != parameter), (parameter, cursor)])
    following = f"{deps_of(request, HttpDeps).public_url}{request.scope['path']}?{query}"
    answer_headers(request.scope).append(("Link", f'<{following}>; rel="next"'))


def problem_response(request: AnyRequest, error: Exception) -> Response[bytes]:
    """Return the problem document of any exception. Litestar calls this for OPTIONS too, which is answered with the
    methods of the route (RFC 9110, section 9.3.7)."""
    if isinstance(error, NoSuchMethod) and request.scope["method"] == ASKED:
        return Response(b"", status_code=204, headers={"allow": _allowed(error)})
    problem = problem_of(request, error)
    correlation = correlation_of(request.scope)
    document = document_of(
        problem,
        public_url=deps_of(request, HttpDeps).public_url,
        instance=path_of(request.scope)[:2000],
        correlation_id=correlation.value,
    )
    connection = None if problem.vendor is None else problem.vendor.connection
    telemetry.name_problem(problem.code, problem.operation_id, connection)
    answer_headers(request.scope).extend(problem.headers)
    headers = {} if document.retry_after is None else {"retry-after": str(document.retry_after)}
    return RenderedResponse(
        _encoder.encode(document), status_code=document.status, headers=headers, media_type=problem_type(request)
    )


async def refuse_other_path(request: AnyRequest) -> None:
    """Refuse `/v1/customers/`, which the router takes for `/v1/customers`: an empty id would list all customers. Refuse
    a NUL character, which the database does not take.

    It is async though it awaits nothing: the framework runs other functions in a thread, which costs more.

    Raises NotFound.
    """
    sent = path_of(request.scope)
    if sent != request.scope["path"]:
        raise NotFound(f"There is no route {sent[:200]}; was an id left empty?")
    if "\0" in sent:
        raise NotFound("The path holds a NUL character, and no id does.")


def problem_type(request: AnyRequest) -> str:
    """Return the media type of a problem for this caller."""
    return accepted_problem_type(headers_of(request.scope).get("accept", []))


def problem_of(request: AnyRequest, error: Exception) -> Problem:
    """Return any exception as a problem, and log what is our own fault."""
    if isinstance(error, StoreUnavailable):
        _log.error("the database is not available", extra={"cause": type(error.__cause__ or error).__name__})
        return error
    if isinstance(error, Problem):
        return error
    if isinstance(error, NoSuchRoute):
        return NotFound(f"There is no route {path_of(request.scope)[:200]}; /schema lists the routes.")
    if isinstance(error, NoSuchMethod):
        allowed = _allowed(error)
        detail = f"{request.method} is not allowed here" + (f"; allowed: {allowed}." if allowed else ".")
        return MethodNotAllowed(detail, headers=(("Allow", allowed),) if allowed else ())
    if isinstance(error, HTTPException) and error.status_code < 500:
        return NotFound("The request could not be understood.")
    _log.error("an unexpected error", exc_info=error)
    return Internal("Lockstitch failed. Give the correlation id to an operator, who can find the reason.")


def _allowed(error: NoSuchMethod) -> str:
    """Return the methods of the route. Litestar names them in a header; HEAD works wherever GET does."""
    allow = next((value for name, value in (error.headers or {}).items() if name.lower() == "allow"), "")
    methods = {method for method in re.split(r"[,\s]+", allow) if method}
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


Answered = Response[bytes]
