"""Sign in with an API key, and out."""

import secrets
from typing import Any, Final

from litestar import Response

from app import telemetry
from app.console.pages import (
    READ,
    SESSION,
    SIGN_IN,
    NextPage,
    View,
    Visit,
    action,
    console_cookie,
    console_route,
    csrf_of,
    find_caller,
    query_of,
    read_form,
    redirect,
    rendered,
    within_console,
)
from app.console.store import LIFETIME, PostgresSessions
from app.http.admission import AnyRequest, delay_wrong_key
from app.http.callers import Caller
from app.http.deps import HttpDeps
from app.http.edge import deps_of

FORM_COOKIE: Final = "lockstitch_console_form"
UNKNOWN: Final = "The key is unknown, expired or revoked."
LACKING: Final = f"The key has no scope {READ}. Create one: lockstitch key create NAME --scope {READ}"
ENDED: Final = "Your session has ended, and nothing was done. Sign in, and repeat it."
TOO_MANY: Final = "Too many wrong keys from this address. Wait a minute."


async def show_form(request: AnyRequest) -> Response[Any]:
    """Show the form, to one who is not signed in yet."""
    telemetry.name_route(SIGN_IN)
    target = within_console(query_of(request).get("to", ""))
    if await find_caller(request, request.cookies.get(SESSION, "")) is not None:
        return redirect(request, target)
    return _form(request, target, "", 200)


async def sign_in(request: AnyRequest) -> Response[Any]:
    """Open a session with a new id, whatever the browser sent before."""
    telemetry.name_route(SIGN_IN)
    form = await read_form(request, request.cookies.get(FORM_COOKIE, ""))
    target = within_console(form.get("to", ""))
    key = form.get("key", "").strip()
    http = deps_of(request, HttpDeps)
    foreign = http.keys.refuse_foreign(key)
    caller = None if foreign is not None else await http.keys.find(key)
    if caller is None:
        if await delay_wrong_key(request):
            return _form(request, target, TOO_MANY, 429)
        return _form(request, target, foreign or UNKNOWN, 401)
    if READ not in caller.scopes:
        return _form(request, target, LACKING, 403)
    return await _open_session(request, caller, target)


def session_ended(request: AnyRequest, target: str) -> Response[Any]:
    """Show the form to one whose action came too late. It leads to the page of the action."""
    return _form(request, target, ENDED, 401)


async def _open_session(request: AnyRequest, caller: Caller, target: str) -> Response[Any]:
    sessions = deps_of(request, PostgresSessions)
    secret = await sessions.open(caller, replaces=request.cookies.get(SESSION, ""))
    cookies = [
        console_cookie(request, SESSION, secret, int(LIFETIME.total_seconds())),
        console_cookie(request, FORM_COOKIE, "", 0),
    ]
    return redirect(request, target, cookies)


@action("/console/sign-out", scopes=())
async def sign_out(visit: Visit) -> NextPage:
    """End the session in every process."""
    await visit.deps(PostgresSessions).close(visit.request.cookies[SESSION])
    return NextPage(SIGN_IN)


def _form(request: AnyRequest, target: str, error: str, status: int) -> Response[Any]:
    sent = request.cookies.get(FORM_COOKIE, "")
    secret = sent or secrets.token_urlsafe(32)
    answer = rendered(request, View("sign_in.html", status=status, token=csrf_of(secret), target=target, error=error))
    if not sent:
        answer.cookies.append(console_cookie(request, FORM_COOKIE, secret, None))
    return answer


FORMS: Final = (console_route(SIGN_IN, "GET", show_form), console_route(SIGN_IN, "POST", sign_in))
