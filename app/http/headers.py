"""Request headers beyond those of every call: declared once, judged in the order of the declaration, and described in
the OpenAPI document."""

import re
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from msgspec import Struct

from app.errors import IdempotencyKeyInvalid, IdempotencyKeyMissing, InvalidField
from app.http.admission import Admitted, AnyRequest
from app.http.callers import forbidden
from app.http.edge import answer_headers, header_of, headers_of
from app.problem_document import FieldError

T = TypeVar("T")

LONGEST_WAIT: Final = 30.0
LONGEST_CALLBACK: Final = 2000
_VISIBLE: Final = re.compile(r"[\x21-\x7e]{1,255}")
_QUOTED: Final = re.compile(r'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_MEMBER: Final = re.compile(r"""(?:[^,"]|"[^"]*")+""")
_NAMED_REVISION: Final = re.compile(r"([a-z0-9-]{1,60}\.[a-z]{1,20})@r([1-9][0-9]{0,3})")
_PREFERENCE: Final = re.compile(r"""([A-Za-z0-9-]++)\s*+(?:=\s*+("[^"]*"|[^\s;"]*+))?\s*+(?:;.*)?""")
MAPPING_HEADER: Final = "X-Lockstitch-Mapping"


class Header(Struct, Generic[T], frozen=True, kw_only=True):
    """A request header. `read` takes it from an admitted request, and raises the problem for an unusable one.

    `{operation}` in the example becomes the name of the operation, where calls must not share a value.
    `problems` are the codes, and `sends` the headers of the success, that it brings with it.
    """

    name: str
    meaning: str
    example: str
    read: Callable[[AnyRequest, Admitted], T]
    required: bool = False
    pattern: str | None = None
    problems: tuple[str, ...] = ()
    sends: tuple[str, ...] = ()


class NamedRevision(Struct, frozen=True, kw_only=True):
    """A revision that a caller names, such as `hubspot.customer@r2`."""

    mapping: str
    revision: int


def is_dry_run(request: AnyRequest) -> bool:
    """Return whether a write is only judged, by `?dry_run=true`."""
    return b"dry_run=true" in request.scope["query_string"].split(b"&")


def idempotency_key(request: AnyRequest) -> str:
    """Return the key, bare or unquoted (RFC 8941 string). A dry run needs none. Raises IdempotencyKeyMissing,
    IdempotencyKeyInvalid."""
    sent = headers_of(request.scope).get("idempotency-key", [])
    if not sent and is_dry_run(request):
        return ""
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
    """The caller's preferences: how many seconds to wait, at most 30, and an answer before a write is done."""

    respond_async: bool
    wait: float | None


def preferences(request: AnyRequest, *, later: bool = True) -> Preferences:
    """Return the preferences of `Prefer` (RFC 7240), and report those that are honoured in `Preference-Applied`.

    The first of several values counts, and a malformed one is ignored, as the RFC asks. Without `later`, the call
    cannot be answered before it is done.
    """
    respond_async, wait = False, None
    for line in headers_of(request.scope).get("prefer", []):
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
    """Return the URL of `Lockstitch-Callback` as it was sent; None without the header. Raises InvalidField."""
    sent = headers_of(request.scope).get("lockstitch-callback", [])
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


def requires_approval(request: AnyRequest) -> bool:
    """Return whether `Lockstitch-Approval` is `required`. Raises InvalidField for another value: a write must not be
    sent because of a typo."""
    sent = headers_of(request.scope).get("lockstitch-approval", [])
    if any(value.strip(" \t") != "required" for value in sent):
        detail = "must be: required"
        raise InvalidField(
            f"Lockstitch-Approval: {detail}.", errors=(FieldError(header="Lockstitch-Approval", detail=detail),)
        )
    return bool(sent)


def named_revision(request: AnyRequest, admitted: Admitted) -> NamedRevision | None:
    """Return the revision of `X-Lockstitch-Mapping`, such as `hubspot.customer@r2`, for a dry run; None without the
    header. Raises Forbidden without the scope `ops:write`, InvalidField."""
    sent = headers_of(request.scope).get(MAPPING_HEADER.lower(), [])
    if not sent:
        return None
    if "ops:write" not in admitted.caller.scopes:
        raise forbidden(
            *(admitted.caller, "ops:write"),
            because=f"{MAPPING_HEADER} needs the scope ops:write",
            next_step=f"Leave out {MAPPING_HEADER}, or use a key with the scope ops:write.",
        )
    match = _NAMED_REVISION.fullmatch(sent[0].strip(" \t")) if len(sent) == 1 else None
    if match is None:
        detail = "is not a revision such as hubspot.customer@r2" if len(sent) == 1 else "is sent twice"
        raise InvalidField(f"{MAPPING_HEADER}: {detail}.", errors=(FieldError(header=MAPPING_HEADER, detail=detail),))
    return NamedRevision(mapping=match[1], revision=int(match[2]))


IDEMPOTENCY_KEY: Final = Header(
    name="Idempotency-Key",
    meaning="1-255 visible ASCII characters, bare or quoted. Identifies one request: name its purpose, its target and"
    " what it is about, such as an order number. A dry run needs none. In the example, Postman replaces `{{$guid}}`.",
    example="{operation}-{{$guid}}",
    pattern=r'^("[!#-\[\]-~]{1,255}"|[!#-~][!-~]{0,254})$',
    required=True,
    read=lambda request, _: idempotency_key(request),
    problems=(
        *("idempotency-key-missing", "idempotency-key-invalid"),
        *("idempotency-key-reused", "idempotency-in-progress"),
    ),
    sends=("Idempotent-Replayed",),
)
MAPPING: Final = Header(
    name=MAPPING_HEADER,
    meaning="Requires the scope `ops:write`. Use this mapping revision. A read returns its result. A write is not sent"
    " and does not use its key; the answer is 200 with the request that would be sent.",
    example="hubspot.customer@r2",
    pattern=f"^{_NAMED_REVISION.pattern.replace('(', '').replace(')', '')}$",
    read=named_revision,
)
CALLBACK: Final = Header(
    name="Lockstitch-Callback",
    meaning="A URL that also receives the `operation.finished` event, such as the `$execution.resumeUrl` of an n8n Wait"
    " node. At most 2000 characters. The rules for targets of subscriptions apply.",
    example="https://n8n.example.com/webhook-waiting/1051",
    read=lambda request, _: None if is_dry_run(request) else callback(request),
)
APPROVAL: Final = Header(
    name="Lockstitch-Approval",
    meaning="`required`: another key has to approve the write before it is sent. The answer is 202 with the operation.",
    example="required",
    pattern="^required$",
    read=lambda request, _: "lockstitch-approval" in headers_of(request.scope) and requires_approval(request),
)
WAIT: Final = Header(
    name="Prefer",
    meaning="`wait=N`: maximum seconds to wait for the vendor, 0 to 30 (RFC 7240).",
    example="wait=5",
    read=lambda request, _: preferences(request, later=False).wait,
    sends=("Preference-Applied",),
)
PREFER: Final = Header(
    name="Prefer",
    meaning="`wait=N`: maximum seconds to wait for the vendor, 0 to 30. `respond-async`: 202 at once, or after"
    " `wait=N`; a worker runs the write, in order per record (RFC 7240).",
    example="respond-async, wait=5",
    # A dry run has nothing to do later.
    read=lambda request, _: preferences(
        request, later=MAPPING_HEADER.lower() not in headers_of(request.scope) and not is_dry_run(request)
    ),
    sends=("Preference-Applied",),
)
IF_MATCH: Final = Header(
    name="If-Match",
    meaning="Write only if the record still has this entity tag.",
    example='"4d801e8b078e9c01"',
    read=lambda request, _: header_of(request.scope, "if-match"),
)
IF_NONE_MATCH: Final = Header(
    name="If-None-Match",
    meaning="Answer 304 if the record still has this entity tag.",
    example='"4d801e8b078e9c01"',
    read=lambda request, _: header_of(request.scope, "if-none-match"),
)
