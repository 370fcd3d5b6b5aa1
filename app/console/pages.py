"""Declare a page or an action of the console.

    @page("/console/runs/{id}")
    async def run(visit: Visit) -> View:
        return View("run.html", run=await read(visit.deps(RunDeps), visit.path("id")))

    @action("/console/connections/{name}/pause")
    async def pause(visit: Visit) -> NextPage: ...

A page reads, by the functions that the routes of the API use; an action writes, and leads to a page. Both get a
`Visit`: the operator and the request. Every answer has the headers of `HEADERS`.
"""

import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from litestar import Response, route
from litestar.datastructures import Cookie
from litestar.handlers import HTTPRouteHandler
from litestar.response import Template

from app import telemetry
from app.console.store import PostgresSessions
from app.errors import Forbidden, InvalidField, Unauthenticated
from app.http.admission import AnyRequest, read_body
from app.http.callers import Caller, require_scopes
from app.http.deps import HttpDeps
from app.http.edge import deps_of, header_of, headers_of

T = TypeVar("T")

HOME: Final = "/console"
SIGN_IN: Final = "/console/sign-in"
NAVIGATION: Final = (
    (HOME, "Now"),
    ("/console/runs", "Runs"),
    ("/console/dead-letters", "Dead letters"),
    ("/console/writes", "Undecided writes"),
    ("/console/connections", "Connections"),
    ("/console/subscribers", "Subscribers"),
    ("/console/persons", "Persons"),
    ("/console/changes", "Changes"),
)
"""The pages in the navigation, by path."""
READ: Final = "ops:read"
WRITE: Final = "ops:write"
FORM: Final = "application/x-www-form-urlencoded"
MOST_FIELDS: Final = 1000
SESSION: Final = "lockstitch_console"
NOTICE: Final = "lockstitch_console_notice"
HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self';"
    " img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_PAGES: Final[list[re.Pattern[str]]] = []
"""The paths of the declared pages."""
_WITHIN: Final = re.compile(r"/console(?:[/?][!-\[\]-~]*)?")


Declared = Callable[[Callable[["Visit"], Awaitable["View | NextPage"]]], HTTPRouteHandler]
"""What a function that shows or changes something becomes."""


class View:
    """A rendered template: its name and what it shows."""

    def __init__(self, template: str, *, status: int = 200, **context: Any) -> None:
        self.template = template
        self.status = status
        self.context = context


class NextPage:
    """The page that follows an action, and what it says at its top."""

    def __init__(self, path: str, notice: str = "") -> None:
        self.path = path
        self.notice = notice


class Visit:
    """A request of a signed-in operator. `form` has the fields of an action."""

    def __init__(self, request: AnyRequest, caller: Caller, secret: str, form: dict[str, str]) -> None:
        self.request = request
        self.caller = caller
        self.form = form
        self._secret = secret

    @property
    def may_write(self) -> bool:
        """Whether the key may act."""
        return WRITE in self.caller.scopes

    @property
    def csrf(self) -> str:
        """The token that each form of this session sends."""
        return csrf_of(self._secret)

    @cached_property
    def query(self) -> dict[str, str]:
        """The query parameters with a value. Of one that is repeated, the last value. Raises InvalidField."""
        return query_of(self.request)

    def after(self, pattern: str) -> str | None:
        """Return the place at which a page of a list begins, None for the first one. Raises InvalidField."""
        sent = self.query.get("after")
        if sent is not None and not re.fullmatch(pattern, sent):
            raise InvalidField.of("after", "is no position of this list")
        return sent

    def path(self, name: str) -> str:
        """Return a path parameter."""
        return str(self.request.path_params[name])

    def deps(self, kind: type[T]) -> T:
        """Return the dependencies of this type."""
        return deps_of(self.request, kind)


def page(path: str, *, scopes: Sequence[str] = (READ,)) -> Declared:
    """Declare a page. Without a session, it leads to the sign-in and back."""
    _PAGES.append(re.compile(re.sub(r"\{\w+\}", "[^/]+", path)))
    return partial(_declare, path, "GET", scopes)


def action(path: str, *, scopes: Sequence[str] = (WRITE,)) -> Declared:
    """Declare an action: a form that changes something. Refused without the session's token."""
    return partial(_declare, path, "POST", scopes)


def _declare(
    path: str, method: str, scopes: Sequence[str], show: Callable[[Visit], Awaitable[View | NextPage]]
) -> HTTPRouteHandler:
    async def handle(request: AnyRequest) -> Response[Any]:
        telemetry.name_route(path)
        secret = request.cookies.get(SESSION, "")
        caller = await find_caller(request, secret)
        if caller is None:
            if method == "GET":
                return _ask_to_sign_in(request)
            raise Unauthenticated("The session has ended.")
        _admit(request, caller, scopes)
        visit = Visit(request, caller, secret, {} if method == "GET" else await read_form(request, secret))
        return _answer(request, await show(visit), visit)

    return console_route(path, method, handle)


def console_route(path: str, method: Any, handle: Callable[[AnyRequest], Awaitable[Response[Any]]]) -> HTTPRouteHandler:
    """Declare a route that answers with 200, unless the response says otherwise."""
    return route(re.sub(r"\{(\w+)\}", r"{\1:str}", path), http_method=[method], status_code=200)(handle)


async def find_caller(request: AnyRequest, secret: str) -> Caller | None:
    """Return the key of the session of this secret, None if it has ended. Raises StoreUnavailable."""
    return await deps_of(request, PostgresSessions).find(secret) if secret else None


def csrf_of(secret: str) -> str:
    """Return the token that goes with a cookie. It does not reveal the cookie."""
    return hashlib.sha256(f"csrf\0{secret}".encode()).hexdigest()


async def read_form(request: AnyRequest, secret: str) -> dict[str, str]:
    """Return the fields of a form that this browser was given. Raises Forbidden for any other."""
    body = await read_body(request, (FORM,))
    try:
        form = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        form = {}
    matches = hmac.compare_digest(form.pop("csrf", "").encode(), csrf_of(secret).encode())
    if not secret or not matches or not _is_of_own_page(request):
        raise Forbidden(
            "The form is not of this session.",
            next_step="Go back, load the page again, and repeat it; nothing was done.",
        )
    _refuse_nul(form)
    return form


def query_of(request: AnyRequest) -> dict[str, str]:
    """Return the query parameters with a value. Raises InvalidField for what the database cannot store."""
    try:
        query = dict(parse_qsl(request.scope["query_string"].decode("latin-1"), max_num_fields=MOST_FIELDS))
    except ValueError as error:
        raise InvalidField.of("query", f"has more than {MOST_FIELDS} parameters") from error
    _refuse_nul(query)
    return query


def _refuse_nul(fields: Mapping[str, str]) -> None:
    for name, value in fields.items():
        if "\0" in value:
            raise InvalidField.of(name[:80], "holds a NUL character")


def _is_of_own_page(request: AnyRequest) -> bool:
    """Return whether a page of this console sent the request. Over plain HTTP, browsers send `Origin` only: there a
    page at another port of the host has the same cookies."""
    site, origin = header_of(request.scope, "sec-fetch-site"), header_of(request.scope, "origin")
    if site is not None:
        return site in ("same-origin", "none")
    public = urlsplit(deps_of(request, HttpDeps).public_url).netloc
    return origin is None or origin.partition("://")[2] in (header_of(request.scope, "host"), public)


def rendered(request: AnyRequest, view: View, visit: Visit | None = None) -> Response[Any]:
    """Return a page, in the frame of the operator who is signed in."""
    notice = unquote(request.cookies.get(NOTICE, "")) if visit else ""
    context = {
        "root": _root(request),
        "here": request.scope["path"],
        "address": address_of(request),
        "navigation": NAVIGATION,
        "visit": visit,
        "notice": notice,
        **view.context,
    }
    cookies = [console_cookie(request, NOTICE, "", 0)] if notice else []
    return Template(
        view.template,
        context=context,
        status_code=view.status,
        headers=HEADERS,
        cookies=cookies,
        media_type="text/html",
    )


def _answer(request: AnyRequest, result: View | NextPage, visit: Visit) -> Response[Any]:
    if isinstance(result, View):
        return rendered(request, result, visit)
    cookies = [console_cookie(request, NOTICE, quote(result.notice), 60)] if result.notice else []
    return redirect(request, result.path, cookies)


def redirect(request: AnyRequest, path: str, cookies: Sequence[Cookie] = ()) -> Response[bytes]:
    """Lead to a page of the console with GET."""
    headers = {**HEADERS, "location": f"{_root(request)}{path}"}
    return Response(b"", status_code=303, headers=headers, cookies=list(cookies), media_type="text/html")


def console_cookie(request: AnyRequest, name: str, value: str, seconds: int | None) -> Cookie:
    """Return a cookie that only this console gets, and no script. `seconds` None: until the browser is closed."""
    secure = urlsplit(deps_of(request, HttpDeps).public_url).scheme == "https"
    return Cookie(
        key=name,
        value=value,
        path=f"{_root(request)}{HOME}",
        max_age=seconds,
        httponly=True,
        samesite="strict",
        secure=secure,
    )


def address_of(request: AnyRequest) -> str:
    """Return path and query of the request."""
    query = request.scope["query_string"].decode("latin-1")
    return f"{request.scope['path']}?{query}" if query else str(request.scope["path"])


def within_console(target: str) -> str:
    """Return a path of the console, the first page for any other address."""
    climbs = ".." in unquote(target.partition("?")[0])
    return target if _WITHIN.fullmatch(target) and not climbs and not target.startswith(SIGN_IN) else HOME


def page_of(path: str) -> str:
    """Return the page nearest to an action's path, which has its button: `/console/writes/op_1` for its `/check`."""
    while path and not any(one.fullmatch(path) for one in _PAGES):
        path = path.rpartition("/")[0]
    return path or HOME


def _root(request: AnyRequest) -> str:
    """Return the path of the public URL, under which a proxy serves Lockstitch."""
    return urlsplit(deps_of(request, HttpDeps).public_url).path.rstrip("/")


def _admit(request: AnyRequest, caller: Caller, scopes: Sequence[str]) -> None:
    telemetry.name_caller(caller.name)
    require_scopes(caller, scopes)
    deps_of(request, HttpDeps).note_use(caller.key, *scopes)


def _ask_to_sign_in(request: AnyRequest) -> Response[Any]:
    """Lead to the sign-in. A browser that follows a link of another site sends no strict cookie: it asks once more."""
    if header_of(request.scope, "sec-fetch-site") == "cross-site":
        return rendered(request, View("again.html"))
    target = f"{SIGN_IN}?to={quote(address_of(request), safe='')}"
    answer = redirect(request, target)
    if "hx-request" in headers_of(request.scope):  # a redirect would put the form into the page
        answer.status_code = 200
        answer.headers["hx-redirect"] = answer.headers.pop("location")
    return answer
