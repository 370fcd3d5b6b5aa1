"""How Salesforce says no, and what it tells of its rate limit.

Documented: REST API Developer Guide, Status Codes and Error Responses; SOAP API Developer Guide, Core Data Types (the
error codes). An error is an array of complaints; inside a composite answer, which is a 200 in any case, each part has
its own; parts that were merely not carried out say so. Nothing in here raises, whatever the bytes are.
"""

import re
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from mappings.http import Budget, RefusalKind, VendorRefusal, VendorReply
from mappings.salesforce.field_values import is_id, long_id

REQUEST_ID_HEADER: Final = "x-sfdc-request-id"
LONGEST_DETAIL: Final = 1000
DAILY_PATIENCE: Final = 600.0
"""Seconds after which a day's requests, which are counted over a rolling 24 hours, are asked for again."""
CONCURRENT_PATIENCE: Final = 5.0
SERVER_ERROR: Final = 500
CONSEQUENCES: Final = ("PROCESSING_HALTED", "ALL_OR_NONE_OPERATION_ROLLED_BACK")
"""Codes of what was not done, or taken back, because something else failed."""

_KIND_BY_CODE: Final[dict[str, RefusalKind]] = {
    "INVALID_SESSION_ID": "auth",
    "INVALID_AUTH_HEADER": "auth",
    "SESSION_NOT_FOUND": "auth",
    "USER_SUSPENDED": "auth",
    "REQUEST_LIMIT_EXCEEDED": "throttled",
    "TOO_MANY_APEX_REQUESTS": "throttled",
    "SERVER_UNAVAILABLE": "unavailable",
    "UNABLE_TO_LOCK_ROW": "unavailable",  # two writes met, and this one was rolled back
    "QUERY_TIMEOUT": "unavailable",
    "ORG_LOCKED": "unavailable",  # the administrator changes the schema just now
    "UNKNOWN_EXCEPTION": "unavailable",
    "NOT_FOUND": "not_found",
    "ENTITY_IS_DELETED": "not_found",
    "DUPLICATE_VALUE": "duplicate",
    "DUPLICATE_EXTERNAL_ID": "duplicate",
    "DUPLICATES_DETECTED": "duplicate",
    "MULTIPLE_CHOICES": "duplicate",
    "API_CURRENTLY_DISABLED": "not_allowed",
    "API_DISABLED_FOR_ORG": "not_allowed",
    "FUNCTIONALITY_NOT_ENABLED": "not_allowed",
    "INSUFFICIENT_ACCESS": "not_allowed",
    "INSUFFICIENT_ACCESS_OR_READONLY": "not_allowed",
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": "not_allowed",
    "CLIENT_NOT_ACCESSIBLE_FOR_USER": "not_allowed",
    "INVALID_LOGIN": "auth",
    "invalid_grant": "auth",
}
_KIND_BY_STATUS: Final[dict[int, RefusalKind]] = {
    300: "duplicate",
    401: "auth",
    403: "not_allowed",
    404: "not_found",
    408: "unavailable",
    409: "version_conflict",
    410: "not_found",
    412: "version_conflict",
    420: "unavailable",
    429: "throttled",
}
_HOLDER: Final = re.compile(r"on record with id: ([a-zA-Z0-9]{15}(?:[a-zA-Z0-9]{3})?)\b")
_USED: Final = re.compile(r"(?:^|[ ;])(?:per-app-)?api-usage=([0-9]{1,12})/([0-9]{1,12})")


class _Found(Struct, frozen=True, kw_only=True, rename="pascal"):
    id: str | None = None


class _MatchRecord(Struct, frozen=True, kw_only=True):
    record: _Found = _Found()


class _MatchResult(Struct, frozen=True, kw_only=True, rename="camel"):
    match_records: tuple[_MatchRecord, ...] = ()


class _DuplicateResult(Struct, frozen=True, kw_only=True, rename="camel"):
    match_results: tuple[_MatchResult, ...] = ()


class _Complaint(Struct, frozen=True, kw_only=True, rename="camel"):
    """One complaint. Results of writes call the code `statusCode`; the OAuth endpoints `error`. The result of duplicate
    rules really is spelled `duplicateResut` by some versions."""

    message: str = ""
    error_code: str | None = None
    status_code: str | None = None
    fields: tuple[str, ...] | None = None
    duplicate_resut: _DuplicateResult | None = None
    duplicate_result: _DuplicateResult | None = None
    error: str | None = None
    error_description: str | None = field(name="error_description", default=None)

    @property
    def code(self) -> str | None:
        """The complaint's code, whatever its name is here."""
        return self.error_code or self.status_code or self.error


class _Bare(Struct, frozen=True, kw_only=True, rename="camel"):
    """The same where the rest has a shape of its own."""

    message: str = ""
    error_code: str | None = None


class _Part(Struct, frozen=True, kw_only=True, rename="camel"):
    """One part of a composite answer."""

    body: Any = None
    http_status_code: int = 200


class _Composite(Struct, frozen=True, kw_only=True, rename="camel"):
    composite_response: tuple[_Part, ...]


class _Outcome(Struct, frozen=True, kw_only=True):
    """What became of one record of a write."""

    success: bool = True
    errors: tuple[_Complaint, ...] = ()


_composite: Final = msgspec.json.Decoder(_Composite)
_outcome: Final = msgspec.json.Decoder(_Outcome)
_many: Final = msgspec.json.Decoder(tuple[_Complaint, ...])
_one: Final = msgspec.json.Decoder(_Complaint)
_bare: Final = msgspec.json.Decoder(tuple[_Bare, ...])
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def refusal(reply: VendorReply) -> VendorRefusal | None:
    """The no in a reply, or None for a success."""
    if not 200 <= reply.status < 300:
        return _refusal(reply, reply.status, _complaints(reply.body))
    if reply.body.startswith(b'{"compositeResponse"'):
        return _of_parts(reply)
    if b'"success":false' in reply.body[:400]:
        try:
            outcome = _outcome.decode(reply.body)
        except _UNREADABLE:
            return None  # whoever reads it will say what does not fit
        return None if outcome.success else _refusal(reply, 400, outcome.errors)
    return None


def budget(reply: VendorReply) -> Budget | None:
    """What is left of the requests of 24 hours, of the org's or of this app's, whichever is less."""
    left = [int(most) - int(used) for used, most in _USED.findall(reply.headers.get("sforce-limit-info", ""))]
    return Budget(remaining=float(max(min(left), 0))) if left else None


def _of_parts(reply: VendorReply) -> VendorRefusal | None:
    """The first part that failed of itself: the others were rolled back, or never begun, because of it."""
    try:
        parts = _composite.decode(reply.body).composite_response
    except _UNREADABLE:
        return None
    halted: VendorRefusal | None = None
    for part in parts:
        complaints = _of_part(part)
        if part.http_status_code < 400 and not complaints:
            continue
        refused = _refusal(reply, max(part.http_status_code, 400), complaints)
        # Our composite requests are all or none: what one part could not do now took the others back.
        refused = msgspec.structs.replace(refused, undone=part.http_status_code < SERVER_ERROR)
        if refused.code not in CONSEQUENCES:
            # What was not found is something that the new record was to name, and not what was asked for.
            return msgspec.structs.replace(refused, kind="rejected") if refused.kind == "not_found" else refused
        halted = halted or refused
    return halted


def _of_part(part: _Part) -> tuple[_Complaint, ...]:
    """The complaints of one part: of a request, or of the records of a collection."""
    found: list[_Complaint] = []
    for one in part.body if isinstance(part.body, list) else (part.body,):
        try:
            if isinstance(one, dict) and one.get("success") is False:
                found += msgspec.convert(one, _Outcome).errors or (_Complaint(),)
            elif isinstance(one, dict) and part.http_status_code >= 400:
                found.append(msgspec.convert(one, _Complaint))
        except _UNREADABLE:
            found.append(_Complaint())
    own = tuple(one for one in found if one.code not in CONSEQUENCES)
    return own or tuple(found)


def _refusal(reply: VendorReply, status: int, complaints: tuple[_Complaint, ...]) -> VendorRefusal:
    first = complaints[0] if complaints else _Complaint()
    kind = _kind(status, first.code)
    said = "; ".join(one.message or one.error_description or "" for one in complaints).strip("; ")
    return VendorRefusal(
        kind=kind,
        code=first.code,
        detail=(said or f"Salesforce answers {reply.status} without a reason")[:LONGEST_DETAIL],
        request_id=reply.headers.get(REQUEST_ID_HEADER),
        retry_after=_patience(first.message) if kind == "throttled" else None,
        fields=tuple((name, one.message) for one in complaints for name in one.fields or ()),
        existing_remote_id=next(filter(None, map(_holder, complaints)), None),
    )


def _kind(status: int, code: str | None) -> RefusalKind:
    known = None if code is None else _KIND_BY_CODE.get(code)
    if known is not None:
        return known
    if status >= 500:
        return "unavailable"
    return _KIND_BY_STATUS.get(status, "rejected")


def _patience(message: str) -> float:
    return CONCURRENT_PATIENCE if "oncurrent" in message else DAILY_PATIENCE


def _holder(complaint: _Complaint) -> str | None:
    """The record that is in the way: named in the message by a unique field, by its id by a duplicate rule."""
    told = _HOLDER.search(complaint.message)
    if told is not None:
        return long_id(told[1])
    result = complaint.duplicate_resut or complaint.duplicate_result or _DuplicateResult()
    ids = (match.record.id for found in result.match_results for match in found.match_records)
    return next((long_id(id) for id in ids if id is not None and is_id(id)), None)


def _complaints(body: bytes) -> tuple[_Complaint, ...]:
    try:
        return _many.decode(body)
    except _UNREADABLE:
        pass
    try:
        return tuple(_Complaint(message=one.message, error_code=one.error_code) for one in _bare.decode(body))
    except _UNREADABLE:
        pass
    try:
        return (_one.decode(body),)
    except _UNREADABLE:
        return ()
