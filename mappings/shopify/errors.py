"""Refusals of Shopify, and its rate limit.

GraphQL always answers with status 200. Top-level `errors` concern the request, or one field that Shopify does not
return; `userErrors` in a mutation concern its input. Other statuses come from the edge, as `{"errors": "text"}`,
`{"errors": {field: [...]}}` or HTML. No function here raises, for any bytes.
"""

from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from mappings.http import Budget, RefusalKind, VendorRefusal, VendorReply
from mappings.kit.graphql import NULL, present
from mappings.kit.refusals import UNREADABLE, Refusals, number, read

REFUSALS: Final = Refusals(
    vendor="Shopify",
    statuses={
        402: "not_allowed",  # the shop's plan is unpaid
        404: "not_allowed",  # no such shop or API version, never a missing record: GraphQL returns null for one
        409: "rejected",
        410: "rejected",
        412: "rejected",
        423: "not_allowed",  # the shop is locked
        430: "not_allowed",  # Shopify's security rejected the request
    },
    request_id=("x-request-id",),
)
BY_CODE: Final[dict[str, RefusalKind]] = {
    "THROTTLED": "throttled",
    "ACCESS_DENIED": "not_allowed",
    "SHOP_INACTIVE": "not_allowed",
    "INTERNAL_SERVER_ERROR": "unavailable",
    "TIMEOUT": "unavailable",
}
BY_USER_CODE: Final[dict[str, RefusalKind]] = {
    "TAKEN": "duplicate",
    "INTERNAL_ERROR": "unavailable",
    "NO_REFUND_PERMISSION": "not_allowed",
    "NO_REFUND_TO_STORE_CREDIT_PERMISSION": "not_allowed",
}
TAKEN_WORDS: Final = ("taken", "must be unique", "already exists", "already in use")
MISSING_WORDS: Final = ("does not exist", "doesn't exist", "not found", "could not be found", "couldn't be found")
NAMES_RECORD: Final = frozenset({"id", "orderId", "customerId", "ownerId"})
"""Input members that identify the record of a mutation."""
ASKS_FOR_RECORD: Final = frozenset({"customer", "order"})
"""Reads by id: null means that the record does not exist. A look-up by a key may find nothing."""
USER_ERRORS: Final = frozenset({"userErrors", "orderCancelUserErrors"})
HARDEST: Final[tuple[RefusalKind, ...]] = ("unavailable", "throttled", "auth", "not_allowed", "duplicate", "not_found")
"""The order of precedence among several complaints. Any other is `rejected`."""


class _Complaint(Struct, frozen=True, kw_only=True):
    kind: RefusalKind
    code: str | None
    message: str
    field: str


class _Envelope(Struct, frozen=True, kw_only=True):
    data: dict[str, Raw]
    errors: Raw = NULL


class _Payload(Struct, frozen=True, kw_only=True, rename="camel"):
    user_errors: tuple[Raw, ...] = ()
    order_cancel_user_errors: tuple[Raw, ...] = ()


_envelopes = msgspec.json.Decoder(_Envelope)
_payloads = msgspec.json.Decoder(_Payload)


def refusal(reply: VendorReply) -> VendorRefusal | None:
    """Return the refusal in a reply, None for a success."""
    if reply.status == 200 and _is_plain_success(reply.body):
        return None
    body = read(reply.body, dict[str, Any])
    if not 200 <= reply.status < 300:
        return _of_status(reply, body)
    if body is None or not ("data" in body or "errors" in body):
        return REFUSALS.refusal(reply, kind="unavailable", detail="Shopify's answer is not GraphQL")
    complaints = _complaints(body)
    if complaints:
        return _of_complaints(reply, body, complaints)
    for name, value in _data(body).items():
        if name in ASKS_FOR_RECORD and value is None:
            return REFUSALS.refusal(reply, kind="not_found", detail=f"no such {name}")
    return None


def budget(reply: VendorReply) -> Budget | None:
    """Return the remaining points, and how many are restored each second."""
    if b'"throttleStatus"' not in reply.body:
        return None
    status = _inside(read(reply.body, dict[str, Any]), "extensions", "cost", "throttleStatus")
    left, rate = number(status.get("currentlyAvailable")), number(status.get("restoreRate"))
    return None if left is None else Budget(remaining=left, restore_per_second=rate)


def _is_plain_success(body: bytes) -> bool:
    """Return whether an answer has no complaint, without decoding its records."""
    try:
        envelope = _envelopes.decode(body)
        if present(envelope.errors) is not None:
            return False
        for name, raw in envelope.data.items():
            if present(raw) is None and name in ASKS_FOR_RECORD:
                return False
            if b'serErrors"' in bytes(raw):
                payload = _payloads.decode(raw)
                if payload.user_errors or payload.order_cancel_user_errors:
                    return False
    except UNREADABLE:
        return False
    return True


def _complaints(body: dict[str, Any]) -> tuple[_Complaint, ...]:
    top = body.get("errors")
    complaints = [_top(error, body) for error in (top if isinstance(top, list) else [top] if top else [])]
    for name, payload in _data(body).items():
        if isinstance(payload, dict):
            listed = [error for member in USER_ERRORS for error in _list(payload.get(member))]
            complaints.extend(_user(error, name) for error in listed if isinstance(error, dict))
    return tuple(complaint for complaint in complaints if complaint is not None)


def _top(error: Any, body: dict[str, Any]) -> _Complaint | None:
    """Return a top-level complaint. None if the app may not see one part of a record and the rest is in the answer."""
    if not isinstance(error, dict):
        return _Complaint(kind="rejected", code=None, message=str(error), field="")
    code = _inside(error, "extensions").get("code")
    code = code if isinstance(code, str) else None
    kind = BY_CODE.get(code or "", "rejected")
    path = [str(step) for step in _list(error.get("path"))]
    if kind == "not_allowed" and len(path) > 1 and _has_record(path, body):
        return None
    if kind == "not_allowed" and len(path) > 1 and _is_mutation(_data(body).get(path[0])):
        # The mutation ran, but the app may not see its result, so its outcome is unknown.
        kind = "unavailable"
    return _Complaint(kind=kind, code=code, message=_text(error.get("message")), field=".".join(path))


def _has_record(path: list[str], body: dict[str, Any]) -> bool:
    """Return whether the answer has the record in the path although it lacks one of its parts."""
    root = _data(body).get(path[0])
    if not isinstance(root, dict):
        return False
    if not _is_mutation(root):
        return True
    return isinstance(root.get(path[1]), dict)


def _is_mutation(root: Any) -> bool:
    return isinstance(root, dict) and not USER_ERRORS.isdisjoint(root)


def _user(error: dict[str, Any], mutation: str) -> _Complaint:
    message, code = _text(error.get("message")), error.get("code")
    path = [str(step) for step in _list(error.get("field"))]
    kind = BY_USER_CODE.get(code, "rejected") if isinstance(code, str) else "rejected"
    words = message.lower()
    if kind == "rejected" and any(word in words for word in TAKEN_WORDS):
        kind = "duplicate"
    # In a create, a missing record is one that the input refers to.
    about_record = path[-1:] and path[-1] in NAMES_RECORD and not mutation.endswith("Create")
    if kind == "rejected" and about_record and (code == "NOT_FOUND" or any(word in words for word in MISSING_WORDS)):
        kind = "not_found"
    return _Complaint(kind=kind, code=code if isinstance(code, str) else None, message=message, field=".".join(path))


def _of_complaints(reply: VendorReply, body: dict[str, Any], complaints: tuple[_Complaint, ...]) -> VendorRefusal:
    rank = {kind: place for place, kind in enumerate(HARDEST)}
    worst = min(complaints, key=lambda complaint: rank.get(complaint.kind, len(rank)))
    return REFUSALS.refusal(
        reply,
        kind=worst.kind,
        code=worst.code,
        detail="; ".join(complaint.message for complaint in complaints if complaint.message)
        or "Shopify gives no reason",
        retry_after=_wait(reply, body) if worst.kind == "throttled" else None,
        fields=tuple((complaint.field, complaint.message) for complaint in complaints if complaint.field),
    )


def _of_status(reply: VendorReply, body: dict[str, Any] | None) -> VendorRefusal:
    if 300 <= reply.status < 400:
        return REFUSALS.refusal(reply, kind="not_allowed")
    errors = None if body is None else body.get("errors", body.get("error"))
    fields: tuple[tuple[str, str], ...] = ()
    if isinstance(errors, dict):
        fields = tuple((str(name), _text(problem)) for name, problem in errors.items())
        errors = "; ".join(f"{name}: {problem}" for name, problem in fields)
    detail = errors if isinstance(errors, str) else f"Shopify answered with status {reply.status}"
    return REFUSALS.refusal(reply, kind=REFUSALS.kind(reply.status), detail=detail, fields=fields)


def _wait(reply: VendorReply, body: dict[str, Any]) -> float:
    """Return the seconds until Shopify has restored the points for the query."""
    cost = _inside(body, "extensions", "cost")
    status = _inside(cost, "throttleStatus")
    wanted, left = number(cost.get("requestedQueryCost")), number(status.get("currentlyAvailable"))
    rate = number(status.get("restoreRate"))
    if wanted is not None and left is not None and rate:
        return max(0.0, (wanted - left) / rate)
    return number(reply.headers.get("retry-after")) or 1.0


def _data(body: dict[str, Any]) -> dict[str, Any]:
    data = body.get("data")
    return data if isinstance(data, dict) else {}


def _inside(value: Any, *names: str) -> dict[str, Any]:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return ", ".join(map(_one_text, value)) if isinstance(value, list) else _one_text(value)


def _one_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else msgspec.json.encode(value).decode()
