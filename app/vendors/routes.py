"""HTTP operations of connections, for operators.

Two are for a browser: it follows the link of `lockstitch connect`, and comes back from the vendor.
"""

from html import escape
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from litestar import Response

from app.credentials.consents import Authorization, AuthorizationRequest
from app.errors import Complaint
from app.http.admission import AnyRequest
from app.http.edge import deps_of
from app.http.operation import Call, JsonBody, Listing, operation, public_operation
from app.http.paging import Page, whole_list
from app.http.parameters import PathText, text
from app.http.responses import Answered
from app.problem_document import Problem
from app.vendors import connections
from app.vendors.authorize import page_of, take_answer
from app.vendors.connections import ConnectionPause, ConnectionView, PausedConnection
from app.vendors.deps import ConsentDeps, VendorDeps

TAG: Final = "Operators"
NAME: Final = PathText("name", "A connection's name.", "hubspot")
PAUSE: Final = JsonBody(into=ConnectionPause, example={"note": "moving to another account"})

HTML: Final = "text/html"
COOKIE: Final = "lockstitch_connect"
PATH: Final = "/oauth"
RUN: Final = text("run", "The random value in the link of `lockstitch connect`.", "pZ0J…")
STATE: Final = text("state", "The state that Lockstitch sent to the vendor.", "x8Yk…")
CODE: Final = text("code", "The vendor's authorisation code, if the person agreed.", "na1-…", longest=4096)
ERROR: Final = text("error", "The vendor's error, if there is no code.", "access_denied")
SAFE: Final = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
}
PAGE: Final = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Lockstitch</title></head>'
    '<body style="font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto"><h1>{title}</h1>'
    "<p>{text}</p></body></html>"
)


@operation(
    "GET",
    "/ops/connections",
    tag=TAG,
    scopes=("ops:read",),
    answer=Listing(item=ConnectionView, meaning="Every connection."),
)
async def list_connections(call: Call) -> Page:
    """List connections with their objects and state.

    Sorted by name. Throttled and failing states are those that any process or the queue has observed.
    """
    return whole_list(await connections.list_connections(call.deps(VendorDeps)))


@operation("POST", "/ops/connections/{name}/pause", tag=TAG, scopes=("ops:write",), parameters=(NAME,), body=PAUSE)
async def pause_connection(call: Call) -> PausedConnection:
    """Pause a connection.

    Within about a second, no process sends anything on it. Calls are answered with `connection-paused`. Jobs and
    accepted writes wait, including writes whose outcome must be read back. Only a resume ends it: no mended credential
    does. If an operator has paused it already, the first note stays, and `was_paused` is true. Audited.
    """
    deps, order, actor = call.deps(VendorDeps), call.body(PAUSE), call.caller.principal
    return await connections.pause_connection(deps, call.path("name"), order, actor=actor)


@operation("POST", "/ops/connections/{name}/resume", tag=TAG, scopes=("ops:write",), parameters=(NAME,))
async def resume_connection(call: Call) -> ConnectionView:
    """Resume a connection.

    After a refused credential, Lockstitch sends one request first. Its result decides. Audited.
    """
    deps, actor = call.deps(VendorDeps), call.caller.principal
    return await connections.resume_connection(deps, call.path("name"), actor=actor)


@public_operation(
    "GET",
    "/oauth/start",
    tag=TAG,
    media_type=HTML,
    query=(RUN,),
    status=303,
    answer=None,
    also={400: str},
    sends=("Location",),
)
async def start_authorization(request: AnyRequest) -> Answered:
    """Open the vendor's page.

    The link of `lockstitch connect` leads here. It works once, in one browser. Only this browser can finish the
    authorisation.
    """
    deps, authorization = deps_of(request, ConsentDeps), AuthorizationRequest(_asked(request).get("run", ""))
    try:
        consent = await deps.consents.open(authorization)
        page = page_of(deps, consent.connection, authorization)
    except Complaint as error:
        return _page("Not opened", str(error), status=400)
    return Response(
        b"", status_code=303, headers={**SAFE, "location": page, "set-cookie": _cookie(deps, authorization.value, 900)}
    )


@public_operation(
    "GET", "/oauth/callback", tag=TAG, media_type=HTML, query=(STATE, CODE, ERROR), answer=str, also={400: str}
)
async def finish_authorization(request: AnyRequest) -> Answered:
    """Take the vendor's answer.

    Only the browser that opened the link can finish the authorisation, once and in time.
    """
    deps, authorization = deps_of(request, ConsentDeps), AuthorizationRequest(request.cookies.get(COOKIE, ""))
    try:
        consent: Authorization = await take_answer(deps, authorization, _asked(request))
    except Complaint as error:
        return _page("Not connected", str(error), status=400)
    except Problem as problem:
        return _page("Not connected", problem.detail, status=problem.status)
    answer = _page("Connected", f"{consent.connection} is connected. You can close this page.")
    answer.headers["set-cookie"] = _cookie(deps, "", 0)
    return answer


def _asked(request: AnyRequest) -> dict[str, str]:
    return dict(parse_qsl(request.scope["query_string"].decode("latin-1")))


def _cookie(deps: ConsentDeps, value: str, seconds: int) -> str:
    address = urlsplit(deps.public_url)
    secure = "; Secure" if address.scheme == "https" else ""
    return f"{COOKIE}={value}; Path={address.path}{PATH}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"


def _page(title: str, sentence: str, *, status: int = 200) -> Response[bytes]:
    body = PAGE.format(title=escape(title), text=escape(sentence)).encode()
    return Response(body, status_code=status, media_type=HTML, headers=dict(SAFE))
