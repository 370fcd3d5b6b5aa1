"""The first judgements of a request, in the order of the contract: key, scope, headers, size, media type.

`app.http.operation` calls them. The route is judged before, the recorded key and the fields after.
"""

import asyncio
import re
from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_network
from typing import Any, Final

from litestar import Request
from msgspec import Struct

from app.errors import (
    BodyTooLarge,
    InvalidCorrelationId,
    MalformedBody,
    NotAcceptable,
    RateLimited,
    Unauthenticated,
    UnsupportedMediaType,
)
from app.http.accept import quality
from app.http.bodies import MOST_PIECES, Transfers
from app.http.callers import OR_ANOTHER, Caller, forbidden, require_scopes
from app.http.deps import HttpDeps
from app.http.edge import answer_headers, correlation_of, deps_of, header_of, headers_of
from app.problem_document import JSON, PROBLEM_JSON
from app.telemetry import name_caller

AnyRequest = Request[Any, Any, Any]

MAX_BODY: Final = 1024 * 1024
SMALL_PIECE: Final = 64
MERGE_PATCH: Final = "application/merge-patch+json"
LATE_SECONDS: Final = 1.0
"""Delay of the refusal of a wrong key, once its address has used up its budget for them. A good key is never late."""
_BEARER: Final = re.compile(r"Bearer +([A-Za-z0-9._~+/=-]+)", re.IGNORECASE)


class Admitted(Struct, frozen=True, kw_only=True):
    """An admitted request. `granted` are the scopes that the call asks for and the caller has."""

    caller: Caller
    correlation_id: str
    granted: tuple[str, ...]


async def admit(
    request: AnyRequest,
    scopes: tuple[str, ...],
    offered: tuple[str, ...] = (JSON,),
    *,
    needs_all: bool = False,
    while_away: bool = False,
) -> Admitted:
    """Judge the key, its budget, its scope, and the headers that every call has.

    Any one of the `scopes` suffices, unless the call `needs_all`; without scopes any valid key does. `offered` are the
    media types of the answer.
    `while_away` recalls keys while the database does not answer.

    Raises Unauthenticated, RateLimited, Forbidden, InvalidCorrelationId, NotAcceptable.
    """
    deps = deps_of(request, HttpDeps)
    caller = await _authenticate(request, deps, while_away=while_away)
    name_caller(caller.name)
    verdict = await deps.budgets.spend(caller.principal, alone=while_away)
    if verdict is not None:
        answer_headers(request.scope).extend(verdict.headers)
        if not verdict.allowed:
            raise RateLimited("The budget of this API key is empty.", retry_after=verdict.retry_after)
    granted = tuple(scope for scope in scopes if scope in caller.scopes)
    if needs_all:
        require_scopes(caller, scopes)
    elif scopes and not granted:
        raise forbidden(caller, " or ".join(scopes))
    used = granted if needs_all or len(granted) == 1 else [f"{scope}{OR_ANOTHER}" for scope in granted] or [""]
    deps.note_use(caller.key, *used)
    correlation = correlation_of(request.scope)
    if not correlation.acceptable:
        raise InvalidCorrelationId("X-Correlation-ID is not 1-128 characters of [A-Za-z0-9._:/+=@-], sent once.")
    if not _accepts(tuple(headers_of(request.scope).get("accept", [])), offered):
        raise NotAcceptable(f"Answers are {' or '.join(offered)}; the Accept header excludes it.")
    return Admitted(caller=caller, correlation_id=correlation.value, granted=granted)


async def read_body(request: AnyRequest, media_types: tuple[str, ...]) -> bytes:
    """Return the raw body, counted while it arrives. Without `media_types`, accept any.

    Raises BodyTooLarge, UnsupportedMediaType, MalformedBody.
    """
    body = bytearray()
    await read_into(request, body.extend, MAX_BODY)
    if media_types:
        _check_media_type(request, media_types)
    return bytes(body)


async def read_into(
    request: AnyRequest,
    take: Callable[[bytes], object],
    most: int,
    *,
    transfers: Transfers | None = None,
    next_step: str | None = None,
) -> None:
    """Stream the raw body, at most `most` bytes. A larger one is refused with `next_step`. `transfers` sets the
    deadlines; by default they are those of ordinary bodies. Raises BodyTooLarge, MalformedBody, RateLimited."""
    # Read from the scope: the framework would build a mapping of all headers for this one.
    announced = next((value for name, value in request.scope["headers"] if name == b"content-length"), b"")
    if announced.isdigit() and int(announced[:12]) > most:
        size_sent = announced[:12].decode("ascii")
        raise BodyTooLarge(f"The body has {size_sent} bytes; the maximum is {most}.", next_step=next_step)
    size, pieces, more = 0, 0, True
    async with (transfers or deps_of(request, HttpDeps).bodies).begin() as transfer:
        while more:
            chunk, more = await _next_chunk(request)
            size += len(chunk)
            if size > most:
                raise BodyTooLarge(f"The body has more than the maximum of {most} bytes.", next_step=next_step)
            pieces += 1
            if pieces > MOST_PIECES and size < pieces * SMALL_PIECE:
                raise MalformedBody(
                    f"The body comes in too many small pieces: send {SMALL_PIECE} bytes or more at once."
                )
            take(chunk)
            if more:
                transfer.moved(len(chunk))


async def _next_chunk(request: AnyRequest) -> tuple[bytes, bool]:
    """Return a piece of the body, and whether another one follows. Raises MalformedBody."""
    try:
        message: Any = await request.receive()
    except Exception as error:  # broken chunking; the server raises an error of its own
        raise MalformedBody("The body breaks off before its end.") from error
    if message["type"] != "http.request":
        raise MalformedBody("The body breaks off before its end.")
    return message["body"], message.get("more_body", False)


def content_type_of(request: AnyRequest) -> str:
    """Return the media type without parameters, in lower case; empty without the header."""
    return (header_of(request.scope, "content-type") or "").partition(";")[0].strip().lower()


@lru_cache(maxsize=128)
def template_of(route: str) -> str:
    """Return a path of the framework as documents write it: `/v1/customers/{id}`."""
    return re.sub(r"\{(\w+):\w+\}", r"{\1}", route)


async def _authenticate(request: AnyRequest, deps: HttpDeps, *, while_away: bool) -> Caller:
    find = deps.keys.find_or_recall if while_away else deps.keys.find
    sent = headers_of(request.scope).get("authorization", [])
    match = _BEARER.fullmatch(sent[0].strip()) if len(sent) == 1 else None
    foreign = None if match is None else deps.keys.refuse_foreign(match[1])
    caller = None if match is None or foreign is not None else await find(match[1])
    if caller is None:
        if match is not None:
            await delay_wrong_key(request)
        detail = foreign or ("The API key is unknown, expired or revoked." if match else "No API key was sent.")
        challenge = 'Bearer realm="lockstitch"' + (', error="invalid_token"' if match else "")
        raise Unauthenticated(detail, headers=(("WWW-Authenticate", challenge),))
    return caller


async def delay_wrong_key(request: AnyRequest) -> bool:
    """Count a wrong key of the caller's address. Return whether its budget for them is used up, after a delay."""
    verdict = deps_of(request, HttpDeps).wrong_keys.spend(_network_of(request))
    if verdict is None or verdict.allowed:
        return False
    await asyncio.sleep(LATE_SECONDS)
    return True


def _network_of(request: AnyRequest) -> str:
    """Return the address of the peer, which may be a proxy. For IPv6, return the /64 that one subscriber has."""
    host = request.client.host if request.client else ""
    return str(ip_network((host, 64), strict=False)) if ":" in host else host


@lru_cache(maxsize=128)
def _accepts(accept: tuple[str, ...], offered: tuple[str, ...]) -> bool:
    return any(quality(accept, media_type) for media_type in (*offered, PROBLEM_JSON))


def check_coding(request: AnyRequest, headers: tuple[tuple[str, str], ...] = ()) -> None:
    """Raise UnsupportedMediaType, with these headers, if the body has a content coding."""
    coding = (header_of(request.scope, "content-encoding") or "").strip().lower()
    if coding not in ("", "identity"):
        step = "Send the body as it is, without Content-Encoding."
        raise UnsupportedMediaType(f"Content-Encoding {coding[:40]} is not accepted.", next_step=step, headers=headers)


def _check_media_type(request: AnyRequest, media_types: tuple[str, ...]) -> None:
    if header_of(request.scope, "content-type") in media_types and "content-encoding" not in headers_of(request.scope):
        return
    offered = ", ".join(media_types)
    headers = (("Accept-Patch", offered),) if request.method == "PATCH" else ()
    check_coding(request, headers)
    if content_type_of(request) not in media_types:
        step = f"Send Content-Type: {media_types[0]}."
        raise UnsupportedMediaType(f"The body must be {offered}.", next_step=step, headers=headers)
    charset = re.search(
        r"charset\s*=\s*\"?([A-Za-z0-9_-]+)", header_of(request.scope, "content-type") or "", re.IGNORECASE
    )
    if charset is not None and charset[1].lower() not in ("utf-8", "utf8"):
        raise UnsupportedMediaType(f"The charset {charset[1]} is not accepted; JSON is UTF-8.", headers=headers)
