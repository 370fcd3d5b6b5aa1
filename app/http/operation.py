"""Declare an operation of the API once: the declaration admits the request, and describes it in the OpenAPI document.

    @operation("GET", "/ops/queue", tag="Operators", scopes=("ops:read",))
    async def read_queue(call: Call) -> QueueView: ...

The name of the handler is the `operationId`. The first line of its docstring is the summary, the rest the description.
What it returns is the answer: a Struct or a list as JSON, with the declared status; a `Page` with a link to the next
one. A handler that returns `Answered` sets status and headers itself, and declares its `answer`.

The order of judgement is that of the contract: route, key, scope, headers, size, media type, JSON, fields. A handler
with a `raw` body judges JSON and fields itself, after the recorded key.
"""

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from types import ModuleType
from typing import Any, Final, Generic, Literal, TypeVar

import msgspec
from litestar import Response, route
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct
from msgspec.structs import replace

from app.errors import NotFound, UnsupportedMediaType
from app.http.admission import AnyRequest, admit, read_body, template_of
from app.http.callers import Caller
from app.http.decode_body import decode_patch
from app.http.edge import deps_of, headers_of
from app.http.headers import Header
from app.http.paging import Page
from app.http.parameters import LIMIT, Parameter, PathText, Query
from app.http.responses import Answered, json_response, page_response
from app.problem_document import JSON, FieldError
from app.telemetry import name_route

T = TypeVar("T")
S = TypeVar("S", bound=Struct)
Method = Literal["GET", "POST", "PATCH", "DELETE"]

_DECLARATION: Final = "operation"
VENDOR_READ: Final = (
    *("not-found", "unsupported-action", "vendor-rejected", "vendor-throttled", "vendor-auth-failed"),
    *("vendor-drift", "vendor-unavailable", "vendor-timeout", "connection-paused"),
)
"""The problems that a read at a vendor brings with it."""
VENDOR_WRITE: Final = (
    *VENDOR_READ,
    *("unsupported-field", "not-system-of-record", "outcome-unknown", "duplicate-record", "version-conflict"),
)
"""The problems that a write at a vendor brings with it."""


class Listing(Struct, frozen=True, kw_only=True):
    """The list envelope as an answer: the Struct of its items, and the meaning of the list.

    `name` is that of its schema, where it differs from that of the items.
    """

    item: type[Struct]
    meaning: str
    name: str | None = None
    cursor: str = "Send it as `cursor` to get the next page; null on the last one."
    cursor_example: str | None = None


class JsonBody(Struct, Generic[S], frozen=True, kw_only=True):
    """A JSON body. A `raw` one is not decoded before the handler. An `optional` one may be absent."""

    into: type[S]
    example: Any
    optional: bool = False
    raw: bool = False
    media_types: tuple[str, ...] = (JSON,)


class FileBody(Struct, frozen=True, kw_only=True):
    """A body that the handler streams and judges itself."""

    media_type: str
    example: str


class Call(Struct, frozen=True, kw_only=True):
    """An admitted request, with the values of what its operation declares. `granted` are the scopes that the key has,
    of those that the operation asks for."""

    request: AnyRequest
    caller: Caller
    correlation_id: str
    granted: tuple[str, ...]
    raw_body: bytes
    _query: Query
    _headers: Mapping[str, Any]
    _body: Any

    def path(self, name: str) -> str:
        """Return a path parameter."""
        value: str = self.request.path_params[name]
        return value

    def query(self, parameter: Parameter[T]) -> T:
        """Return the value of a declared query parameter."""
        value: T = self._query.values[parameter.name]
        return value

    def filter(self, into: type[S], declared: tuple[Parameter[Any], ...]) -> S:
        """Return a Struct of the values of declared query parameters, by their names."""
        return msgspec.convert({one.name: self._query.values[one.name] for one in declared}, into)

    @property
    def query_errors(self) -> tuple[FieldError, ...]:
        """The errors of the query parameters."""
        return tuple(self._query.errors)

    def check_query(self) -> None:
        """Raise InvalidField for wrong query parameters. Called before the handler, unless the body is raw."""
        self._query.check()

    def header(self, header: Header[T]) -> T:
        """Return the value of a declared header."""
        value: T = self._headers[header.name]
        return value

    def body(self, declared: JsonBody[S]) -> S:
        """Return the decoded body."""
        assert isinstance(self._body, declared.into)  # noqa: S101 - the operation declares another body
        return self._body

    def deps(self, kind: type[T]) -> T:
        """Return the dependencies of this type."""
        return deps_of(self.request, kind)


class _Target(Struct, frozen=True):
    method: Method
    path: str


class ApiOperation(_Target, frozen=True, kw_only=True):
    """What operations with and without a key declare.

    `answer` is a Struct, a union of Structs, a list of one, a `Listing` or None; without it, what the handler returns.
    `also` holds the answers of further statuses. `sends` names the headers of the success; a `Listing` in pages sends
    `Link`. `problems` are the codes beyond those that the other members imply; `never` removes some that they imply.
    `name` and `text` replace the name and the docstring of the handler.
    """

    tag: str
    parameters: tuple[PathText, ...] = ()
    query: tuple[Parameter[Any], ...] | None = ()
    headers: tuple[Header[Any], ...] = ()
    body: JsonBody[Any] | FileBody | None = None
    answer: Any = None
    also_methods: tuple[Literal["HEAD"], ...] = ()
    status: int = 200
    also: Mapping[int, Any] = {}
    media_type: str = JSON
    also_media_types: tuple[str, ...] = ()
    sends: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    name: str = ""
    text: str = ""

    @property
    def template(self) -> str:
        """The path as documents write it."""
        return template_of(self.path)

    def _route(
        self, documented: Callable[..., Any], handle: Callable[[AnyRequest], Awaitable[Answered]]
    ) -> HTTPRouteHandler:
        declared = replace(
            self,
            name=self.name or documented.__name__,
            text=self.text or inspect.getdoc(documented) or "",
            answer=self.answer or _answer_of(documented),
            sends=("Link",) if isinstance(self.answer, Listing) and LIMIT in (self.query or ()) else self.sends,
        )
        path = re.sub(r"\{(\w+)\}", r"{\1:str}", self.path)
        methods: list[Method | Literal["HEAD"]] = [self.method, *self.also_methods]
        # Handlers set the status of each answer themselves.
        return route(path, http_method=methods, status_code=200, opt={_DECLARATION: declared})(handle)

    def _answer(self, request: AnyRequest, result: Any) -> Answered:
        if isinstance(result, Page):
            return page_response(request, result)
        return json_response(result, status=self.status)


class KeyOperation(ApiOperation, frozen=True, kw_only=True):
    """An operation that needs a key.

    Any one of the `scopes` suffices, unless it `needs_all`; without scopes any key does. `scopes_of` narrows them where
    the path decides. If it raises NotFound, that is the answer to a key with any of them. `query` None accepts every
    parameter. `while_away` recalls keys while the database does not answer.
    """

    scopes: tuple[str, ...] = ()
    needs_all: bool = False
    scopes_of: Callable[[AnyRequest], tuple[str, ...]] | None = None
    while_away: bool = False

    def __call__(self, handler: Callable[[Call], Awaitable[Any]]) -> HTTPRouteHandler:
        template = self.template
        checks_query = self.query is not None and not self._judged_by_handler()

        async def handle(request: AnyRequest) -> Answered:
            name_route(template)
            call = await self._admit(request)
            if checks_query:
                call.check_query()
            result = await handler(call)
            return result if isinstance(result, Response) else self._answer(request, result)

        return self._route(handler, handle)

    async def _admit(self, request: AnyRequest) -> Call:
        scopes, missing = self.scopes, None
        if self.scopes_of is not None:
            try:
                scopes = self.scopes_of(request)
            except NotFound as error:
                missing = error
        offered = (self.media_type, *self.also_media_types)
        admitted = await admit(request, scopes, offered, needs_all=self.needs_all, while_away=self.while_away)
        if missing is not None:
            raise missing
        headers = {header.name: header.read(request, admitted) for header in self.headers}
        raw_body, body = await self._read(request)
        return Call(
            request=request,
            caller=admitted.caller,
            correlation_id=admitted.correlation_id,
            granted=admitted.granted,
            raw_body=raw_body,
            _query=Query(request, self.query or ()),
            _headers=headers,
            _body=body,
        )

    def _judged_by_handler(self) -> bool:
        return isinstance(self.body, FileBody) or (self.body is not None and self.body.raw)

    async def _read(self, request: AnyRequest) -> tuple[bytes, Any]:
        """Return the raw body, and the decoded one."""
        if self.method == "GET" or isinstance(self.body, FileBody):
            return b"", None
        if self.body is None:
            return await read_body(request, ()), None
        absent = self.body.optional and "content-type" not in headers_of(request.scope)
        raw = await read_body(request, () if absent else self.body.media_types)
        if self.body.raw:
            return raw, None
        if self.body.optional and not raw:
            return raw, self.body.into()
        if absent:
            raise UnsupportedMediaType(f"The body must be {JSON}.")
        return raw, decode_patch(raw, self.body.into)


class PublicOperation(ApiOperation, frozen=True, kw_only=True):
    """An operation without a key. Its handler gets the request, and judges what there is to judge."""

    def __call__(self, handler: Callable[[AnyRequest], Awaitable[Any]]) -> HTTPRouteHandler:
        template = self.template

        async def handle(request: AnyRequest) -> Answered:
            name_route(template)
            result = await handler(request)
            return result if isinstance(result, Response) else self._answer(request, result)

        return self._route(handler, handle)


def _answer_of(handler: Callable[..., Any]) -> Any:
    """Return the type of the answer that a handler returns, None if it sets everything itself."""
    returned = inspect.signature(handler).return_annotation
    return None if returned is Answered else returned


def declaration_of(handler: HTTPRouteHandler) -> ApiOperation:
    """Return the declaration of a handler."""
    declared: ApiOperation = handler.opt[_DECLARATION]
    return declared


def handlers_of(*modules: ModuleType) -> list[HTTPRouteHandler]:
    """Return every operation that these modules declare, alone or in a tuple or list."""
    values = [value for module in modules for value in vars(module).values()]
    declared = (one for value in values for one in (value if isinstance(value, (tuple, list)) else (value,)))
    return list(dict.fromkeys(one for one in declared if isinstance(one, HTTPRouteHandler)))


operation: Final = KeyOperation
public_operation: Final = PublicOperation
