"""Salesforce's refusals, and what is left of its rate limit.

Documented: REST API Developer Guide, Status Codes and Error Responses; SOAP API Developer Guide, Core Data Types (the
error codes). An error is an array of complaints. A composite reply always has status 200, and each part has its own
status; parts that were not carried out because of another have a code of CONSEQUENCES.
"""

import re
from typing import Any, Final

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from mappings.http import Budget, VendorRefusal, VendorReply
from mappings.kit.refusals import UNREADABLE, Refusals, read
from mappings.salesforce.field_values import is_id, long_id

REQUEST_ID_HEADER: Final = "x-sfdc-request-id"
DAILY_WAIT: Final = 600.0
"""Seconds. Salesforce counts the requests of a rolling 24 hours."""
CONCURRENT_WAIT: Final = 5.0
SERVER_ERROR: Final = 500
CONSEQUENCES: Final = ("PROCESSING_HALTED", "ALL_OR_NONE_OPERATION_ROLLED_BACK")
"""Codes of a part that was not carried out, or was rolled back, because another part failed."""

ACCOUNT: Final = "AccountId"
NO_ACCOUNT: Final = (
    "The buyer is a contact without an account: give the contact one in Salesforce, or send the account's id in a "
    "custom field that is AccountId"
)

REFUSALS: Final = Refusals(
    vendor="Salesforce",
    statuses={300: "duplicate", 420: "unavailable"},
    codes={
        "INVALID_SESSION_ID": "auth",
        "INVALID_AUTH_HEADER": "auth",
        "SESSION_NOT_FOUND": "auth",
        "USER_SUSPENDED": "auth",
        "REQUEST_LIMIT_EXCEEDED": "throttled",
        "TOO_MANY_APEX_REQUESTS": "throttled",
        "SERVER_UNAVAILABLE": "unavailable",
        "UNABLE_TO_LOCK_ROW": "unavailable",  # two writes collided, and this one was rolled back
        "QUERY_TIMEOUT": "unavailable",
        "ORG_LOCKED": "unavailable",  # the administrator is changing the schema
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
    },
    request_id=(REQUEST_ID_HEADER,),
)
_UNCOMMITTED: Final = "on record with id: <unknown>"
"""What Salesforce says while the transaction that creates the other record is open."""
_EXISTING: Final = re.compile(r"on record with id: ([a-zA-Z0-9]{15}(?:[a-zA-Z0-9]{3})?)\b")
_USED: Final = re.compile(r"(?:^|[ ;])(?:per-app-)?api-usage=([0-9]{1,12})/([0-9]{1,12})")


class _Duplicate(Struct, frozen=True, kw_only=True, rename="pascal"):
    id: str | None = None


class _MatchRecord(Struct, frozen=True, kw_only=True):
    record: _Duplicate = _Duplicate()


class _MatchResult(Struct, frozen=True, kw_only=True, rename="camel"):
    match_records: tuple[_MatchRecord, ...] = ()


class _DuplicateResult(Struct, frozen=True, kw_only=True, rename="camel"):
    match_results: tuple[_MatchResult, ...] = ()


class _Complaint(Struct, frozen=True, kw_only=True, rename="camel"):
    """One complaint. Results of writes call the code `statusCode`, the OAuth endpoints `error`. Some versions spell the
    result of duplicate rules `duplicateResut`."""

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
        """The code, under any of its names."""
        return self.error_code or self.status_code or self.error


class _Bare(Struct, frozen=True, kw_only=True, rename="camel"):
    """A complaint with other members of another shape."""

    message: str = ""
    error_code: str | None = None


class _Part(Struct, frozen=True, kw_only=True, rename="camel"):
    """One part of a composite reply."""

    body: Any = None
    http_status_code: int = 200


class _Composite(Struct, frozen=True, kw_only=True, rename="camel"):
    composite_response: tuple[_Part, ...]


class _Outcome(Struct, frozen=True, kw_only=True):
    """The result for one record of a write."""

    success: bool = True
    errors: tuple[_Complaint, ...] = ()


def refusal(reply: VendorReply) -> VendorRefusal | None:
    """Return the refusal in a reply, None for a success."""
    if not 200 <= reply.status < 300:
        return _refusal(reply, reply.status, _complaints(reply.body))
    if reply.body.startswith(b'{"compositeResponse"'):
        return _of_parts(reply)
    if b'"success":false' not in reply.body[:400]:
        return None
    outcome = read(reply.body, _Outcome)
    return None if outcome is None or outcome.success else _refusal(reply, 400, outcome.errors)


def budget(reply: VendorReply) -> Budget | None:
    """Return what is left of the requests of 24 hours: the org's or this app's, whichever is less."""
    left = [int(most) - int(used) for used, most in _USED.findall(reply.headers.get("sforce-limit-info", ""))]
    return Budget(remaining=float(max(min(left), 0))) if left else None


def _of_parts(reply: VendorReply) -> VendorRefusal | None:
    """Return the refusal of the part that failed. The other parts were rolled back, or not carried out."""
    composite = read(reply.body, _Composite)
    halted: VendorRefusal | None = None
    for part in () if composite is None else composite.composite_response:
        complaints = _of_part(part)
        if part.http_status_code < 400 and not complaints:
            continue
        refused = _refusal(reply, max(part.http_status_code, 400), complaints)
        # Composite requests are all or none: a part that failed rolled back the others.
        refused = replace(refused, undone=part.http_status_code < SERVER_ERROR)
        if refused.code == "REQUIRED_FIELD_MISSING" and ACCOUNT in dict(refused.fields):
            refused = replace(refused, detail=f"{refused.detail}. {NO_ACCOUNT}")
        if refused.code not in CONSEQUENCES:
            # A missing record is one that the new record refers to, and not the requested one.
            return replace(refused, kind="rejected") if refused.kind == "not_found" else refused
        halted = halted or refused
    return halted


def _of_part(part: _Part) -> tuple[_Complaint, ...]:
    """Return the complaints of one part: of a request, or of the records of a collection."""
    complaints: list[_Complaint] = []
    for one in part.body if isinstance(part.body, list) else (part.body,):
        try:
            if isinstance(one, dict) and one.get("success") is False:
                complaints += msgspec.convert(one, _Outcome).errors or (_Complaint(),)
            elif isinstance(one, dict) and part.http_status_code >= 400:
                complaints.append(msgspec.convert(one, _Complaint))
        except UNREADABLE:
            complaints.append(_Complaint())
    own = tuple(one for one in complaints if one.code not in CONSEQUENCES)
    return own or tuple(complaints)


def _refusal(reply: VendorReply, status: int, complaints: tuple[_Complaint, ...]) -> VendorRefusal:
    first = complaints[0] if complaints else _Complaint()
    kind = REFUSALS.kind(status, first.code)
    wait = CONCURRENT_WAIT if "oncurrent" in first.message else DAILY_WAIT
    refused = REFUSALS.refusal(
        reply,
        kind=kind,
        code=first.code,
        detail="; ".join(one.message or one.error_description or "" for one in complaints).strip("; "),
        retry_after=wait if kind == "throttled" else None,
        fields=tuple((name, one.message) for one in complaints for name in one.fields or ()),
        existing_remote_id=next(filter(None, map(_existing_id, complaints)), None),
    )
    return replace(refused, uncommitted=any(_UNCOMMITTED in one.message for one in complaints))


def _existing_id(complaint: _Complaint) -> str | None:
    """Return the id of the record that holds the value: in the message for a unique field, else in the result of a
    duplicate rule."""
    named = _EXISTING.search(complaint.message)
    if named is not None:
        return long_id(named[1])
    result = complaint.duplicate_resut or complaint.duplicate_result or _DuplicateResult()
    ids = (match.record.id for matches in result.match_results for match in matches.match_records)
    return next((long_id(id) for id in ids if id is not None and is_id(id)), None)


def _complaints(body: bytes) -> tuple[_Complaint, ...]:
    if (several := read(body, tuple[_Complaint, ...])) is not None:
        return several
    if (bare := read(body, tuple[_Bare, ...])) is not None:
        return tuple(_Complaint(message=one.message, error_code=one.error_code) for one in bare)
    one = read(body, _Complaint)
    return () if one is None else (one,)
