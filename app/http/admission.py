"""Who may come in, and with what: the contract's order of judgement up to the recorded key.

route (judged before) → key → scope → headers → size → media type
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
    IdempotencyKeyInvalid,
    IdempotencyKeyMissing,
    InvalidCorrelationId,
    InvalidField,
    MalformedBody,
    NotAcceptable,
    RateLimited,
    Unauthenticated,
    UnsupportedMediaType,
)
from app.http.accept import quality
from app.http.callers import Caller, forbidden
from app.http.deps import HttpDeps, deps_of
from app.http.edge import answer_headers, correlation_of
from app.http.mapping_header import MAPPING_HEADER, NamedRevision
from app.http.transfers import Transfers
from app.problem_document import JSON, PROBLEM_JSON, FieldError
from app.telemetry import name_caller, name_route

AnyRequest = Request[Any, Any, Any]

MAX_BODY: Final = 1024 * 1024
MERGE_PATCH: Final = "application/merge-patch+json"
LONGEST_WAIT: Final = 30.0
LONGEST_CALLBACK: Final = 2000
LATE_SECONDS: Final = 1.0
"""How much later a wrong key is refused when its address has used up its budget for them. A good key is never late."""
_VISIBLE: Final = re.compile(r"[\x21-\x7e]{1,255}")
_QUOTED: Final = re.compile(r'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_BEARER: Final = re.compile(r"Bearer +([A-Za-z0-9._~+/=-]+)", re.IGNORECASE)
_MEMBER: Final = re.compile(r"""(?:[^,"]|"[^"]*")+""")
_NAMED_REVISION: Final = re.compile(r"([a-z0-9-]{1,60}\.[a-z]{1,20})@r([1-9][0-9]{0,3})")
_PREFERENCE: Final = re.compile(r"""([A-Za-z0-9-]++)\s*+(?:=\s*+("[^"]*"|[^\s;"]*+))?\s*+(?:;.*)?""")


class Admitted(Struct, frozen=True, kw_only=True):
    """A request that may go on."""

    caller: Caller
    correlation_id: str


async def admit(request: AnyRequest, scope: str | None, offered: str = JSON, *, while_away: bool = False) -> Admitted:
    """Key, budget, scope and the headers that every call has; `scope` None lets any valid key in, and `offered` is
    the media type of the answer. `while_away` recalls keys while the database does not answer.

    Raises Unauthenticated, RateLimited, Forbidden, InvalidCorrelationId, NotAcceptable.
    """
    name_route(template_of(request.scope["path_template"]))
    caller = await _authenticate(request, while_away=while_away)
    name_caller(caller.name)
    verdict = deps_of(request, HttpDeps).budgets.spend(caller.principal)
    if verdict is not None:
        answer_headers(request.scope).extend(verdict.headers)
        if not verdict.allowed:
            raise RateLimited("This API key has used up its budget of calls.", retry_after=verdict.retry_after)
    if scope is not None and scope not in caller.scopes:
        raise forbidden(caller, scope)
    correlation = correlation_of(request.scope)
    if not correlation.acceptable:
        raise InvalidCorrelationId("X-Correlation-ID is not 1-128 characters of [A-Za-z0-9._:/+=@-], sent once.")
    _check_accept(request, offered)
    return Admitted(caller=caller, correlation_id=correlation.value)


async def admit_any(request: AnyRequest, scopes: tuple[str, ...]) -> tuple[Admitted, tuple[str, ...]]:
    """Like `admit`, for a call that any one of several scopes opens; also those that the key has."""
    admitted = await admit(request, None)
    held = tuple(scope for scope in scopes if scope in admitted.caller.scopes)
    if not held:
        raise forbidden(admitted.caller, " or ".join(scopes))
    return admitted, held


def idempotency_key(request: AnyRequest) -> str:
    """The key, bare or unquoted (RFC 8941 string). Raises IdempotencyKeyMissing, IdempotencyKeyInvalid."""
    sent = request.headers.getall("idempotency-key", [])
    if not any(value.strip(" \t") for value in sent):
        raise IdempotencyKeyMissing(
            f"{request.method} {request.url.path} changes something at a vendor, so a retry must be recognisable: "
            "send an Idempotency-Key header."
        )
    if len(sent) > 1:
        raise IdempotencyKeyInvalid("Two Idempotency-Key headers were sent; send one.")
    value = sent[0].strip(" \t")
    if value.startswith('"'):
        quoted = _QUOTED.fullmatch(value)
        value = "" if quoted is None else re.sub(r"\\(.)", r"\1", quoted[1])
        if quoted is not None and not value:
            raise IdempotencyKeyMissing(
                "The Idempotency-Key is an empty string; send one that stands for this request."
            )
    if not _VISIBLE.fullmatch(value):
        raise IdempotencyKeyInvalid("The Idempotency-Key is not 1-255 visible ASCII characters without space.")
    return value


class Preferences(Struct, frozen=True, kw_only=True):
    """What a caller would like: to wait so many seconds, at most 30; and to be answered before a write is done."""

    respond_async: bool
    wait: float | None


def preferences(request: AnyRequest, *, later: bool = True) -> Preferences:
    """`Prefer` (RFC 7240). What is honoured is told in `Preference-Applied`; of several values the first one counts,
    and a malformed one is ignored, as the RFC asks. Without `later` the call cannot be answered later."""
    respond_async, wait = False, None
    for line in request.headers.getall("prefer", []):
        for match in map(_PREFERENCE.fullmatch, map(str.strip, _MEMBER.findall(line))):
            name, value = ("", "") if match is None else (match[1].lower(), (match[2] or "").strip('"'))
            if name == "respond-async" and not value:
                respond_async = later
            elif name == "wait" and wait is None and value.isascii() and value.isdigit():
                wait = min(LONGEST_WAIT, float(value[:6]))
    applied = ["respond-async"] if respond_async else []
    if wait is not None:
        applied.append(f"wait={wait:.0f}")
    if applied:
        answer_headers(request.scope).append(("Preference-Applied", ", ".join(applied)))
    return Preferences(respond_async=respond_async, wait=wait)


def callback(request: AnyRequest) -> str | None:
    """The URL of `Lockstitch-Callback`, as it was sent; None without the header. Raises InvalidField."""
    sent = request.headers.getall("lockstitch-callback", [])
    if not sent:
        return None
    url = sent[0].strip(" \t")
    wrong = "is sent twice" if len(sent) > 1 else "is empty" if not url else None
    if len(url) > LONGEST_CALLBACK:
        wrong = f"is longer than {LONGEST_CALLBACK} characters"
    if wrong is not None:
        raise InvalidField(
            f"Lockstitch-Callback: {wrong}.", errors=(FieldError(header="Lockstitch-Callback", detail=wrong),)
        )
    return url


def named_revision(request: AnyRequest, admitted: Admitted) -> NamedRevision | None:
    """The revision of `X-Lockstitch-Mapping`, such as `hubspot.customer@r2`, for a dry run; None without the header.
    Raises Forbidden without the scope `ops:write`, InvalidField."""
    sent = request.headers.getall(MAPPING_HEADER, [])
    if not sent:
        return None
    if "ops:write" not in admitted.caller.scopes:
        raise forbidden(admitted.caller, "ops:write")
    match = _NAMED_REVISION.fullmatch(sent[0].strip(" \t")) if len(sent) == 1 else None
    if match is None:
        detail = "is no revision such as hubspot.customer@r2" if len(sent) == 1 else "is sent twice"
        raise InvalidField(f"{MAPPING_HEADER}: {detail}.", errors=(FieldError(header=MAPPING_HEADER, detail=detail),))
    return NamedRevision(mapping=match[1], revision=int(match[2]))


async def read_body(request: AnyRequest, media_types: tuple[str, ...]) -> bytes:
    """The raw body, counted while it comes in. Raises BodyTooLarge, UnsupportedMediaType, MalformedBody.

    Without `media_types` (DELETE) there is nothing to judge and the body is only read.
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
    """Stream the raw body, at most `most` bytes; a caller who sends more is told `next_step`. `transfers` sets the
    deadlines; by default they are those of ordinary bodies. Raises BodyTooLarge, MalformedBody, RateLimited."""
    # Looked for in what the server has read: the framework would make a mapping of all headers for this one.
    announced = next((value for name, value in request.scope["headers"] if name == b"content-length"), b"")
    if announced.isdigit() and int(announced[:12]) > most:
        told = announced[:12].decode("ascii")
        raise BodyTooLarge(f"The body has {told} bytes; at most {most} are taken.", next_step=next_step)
    size, more = 0, True
    async with (transfers or deps_of(request, HttpDeps).bodies).begin() as transfer:
        while more:
            chunk, more = await _next_chunk(request)
            size += len(chunk)
            if size > most:
                raise BodyTooLarge(f"The body has more than {most} bytes.", next_step=next_step)
            take(chunk)
            if more:
                transfer.moved(len(chunk))


async def _next_chunk(request: AnyRequest) -> tuple[bytes, bool]:
    """A piece of the body, and whether another one follows. Raises MalformedBody."""
    try:
        message: Any = await request.receive()
    except Exception as error:  # the client broke its own chunking; the server says so in its own way
        raise MalformedBody("The body breaks off before its end.") from error
    if message["type"] != "http.request":
        raise MalformedBody("The body breaks off before its end.")
    return message["body"], message.get("more_body", False)


def content_type_of(request: AnyRequest) -> str:
    """The media type without parameters, in lower case; empty without the header."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


@lru_cache(maxsize=128)
def template_of(route: str) -> str:
    """The framework's template as documents write it: `/v1/customers/{id}`."""
    return re.sub(r"\{(\w+):\w+\}", r"{\1}", route)


async def _authenticate(request: AnyRequest, *, while_away: bool) -> Caller:
    deps = deps_of(request, HttpDeps)
    find = deps.keys.find_or_recall if while_away else deps.keys.find
    sent = request.headers.getall("authorization", [])
    match = _BEARER.fullmatch(sent[0].strip()) if len(sent) == 1 else None
    caller = None if match is None else await find(match[1])
    if caller is None:
        verdict = None if match is None else deps.wrong_keys.spend(_network_of(request))
        if verdict is not None and not verdict.allowed:
            await asyncio.sleep(LATE_SECONDS)
        told = "The API key is unknown, expired or revoked." if match else "No API key was sent."
        challenge = 'Bearer realm="lockstitch"' + (', error="invalid_token"' if match else "")
        raise Unauthenticated(told, headers=(("WWW-Authenticate", challenge),))
    return caller


def _network_of(request: AnyRequest) -> str:
    """The address of the peer, which may be a proxy; of an IPv6 address the /64 that one subscriber has."""
    host = request.client.host if request.client else ""
    return str(ip_network((host, 64), strict=False)) if ":" in host else host


def _check_accept(request: AnyRequest, offered: str) -> None:
    accept = request.headers.getall("accept", [])
    if not any(quality(accept, media_type) for media_type in (offered, PROBLEM_JSON)):
        raise NotAcceptable(f"Answers are {offered}; the Accept header excludes it.")


def _check_media_type(request: AnyRequest, media_types: tuple[str, ...]) -> None:
    offered = ", ".join(media_types)
    headers = (("Accept-Patch", offered),) if request.method == "PATCH" else ()
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        raise UnsupportedMediaType(f"Content-Encoding {coding[:40]} is not accepted.", headers=headers)
    if content_type_of(request) not in media_types:
        raise UnsupportedMediaType(f"The body must be {offered}.", headers=headers)
    charset = re.search(r"charset\s*=\s*\"?([A-Za-z0-9_-]+)", request.headers.get("content-type", ""), re.IGNORECASE)
    if charset is not None and charset[1].lower() not in ("utf-8", "utf8"):
        raise UnsupportedMediaType(f"The charset {charset[1]} is not accepted; JSON is UTF-8.", headers=headers)
