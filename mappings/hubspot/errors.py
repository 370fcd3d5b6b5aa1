"""HubSpot's refusals, and what is left of its rate limit.

Documented: developers.hubspot.com, Error handling. All members of an error body are optional. Some replies are HTML.
Only the message names the record that holds a unique value.
"""

from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from mappings.http import Budget, RefusalKind, VendorRefusal, VendorReply
from mappings.kit.refusals import Refusals, number, read

REQUEST_ID_HEADER: Final = "x-hubspot-correlation-id"
REFUSALS: Final = Refusals(
    vendor="HubSpot",
    # 423: another write locks the record. 477: the account moves to another data centre.
    statuses={409: "duplicate", 423: "unavailable", 477: "unavailable"},
    codes={"RATE_LIMITS": "throttled"},
    request_id=(REQUEST_ID_HEADER,),
)
WAIT_BY_POLICY: Final[dict[str, float]] = {"SECONDLY": 1.0, "TEN_SECONDLY_ROLLING": 10.0, "DAILY": 600.0}
"""Seconds to wait by `policyName`, if there is no Retry-After. The daily limit ends at midnight in the account's time
zone, which is unknown: retry every ten minutes."""
WAIT_FOR_LOCK: Final = 2.0
"""Seconds. HubSpot asks for "at least two seconds"."""
TAKEN: Final = " already has that value"
VALIDATION_PREFIX: Final = "Property values were not valid: "


class _Context(Struct, frozen=True, kw_only=True, rename="camel"):
    property_name: tuple[str, ...] = ()


class _Complaint(Struct, frozen=True, kw_only=True):
    message: str = ""
    category: str | None = None
    place: str | None = field(name="in", default=None)
    context: _Context = _Context()

    @property
    def name(self) -> str | None:
        """The property or parameter that the complaint is about."""
        return self.place or next(iter(self.context.property_name), None)


class _Body(Struct, frozen=True, kw_only=True, rename="camel"):
    message: str = ""
    category: str | None = None
    correlation_id: str | None = None
    policy_name: str | None = None
    errors: tuple[_Complaint, ...] = ()


class _InvalidValue(Struct, frozen=True, kw_only=True):
    """A complaint about one property. HubSpot sends it as JSON inside the message."""

    name: str
    message: str = ""
    error: str | None = None


def refusal(reply: VendorReply) -> VendorRefusal | None:
    """Return the refusal in a reply, None for a success. A batch (207) that only misses records is a success."""
    if 200 <= reply.status < 300 and reply.status != 207:
        return None

    body = read(reply.body, _Body) or _Body()
    if reply.status == 207:
        failed = next((one for one in body.errors if one.category != "OBJECT_NOT_FOUND"), None)
        if failed is None:
            return None
        return REFUSALS.refusal(reply, kind="rejected", code=failed.category, detail=failed.message)

    invalid = _invalid_values(body.message)
    wait = number(reply.headers.get("retry-after"))
    refused = REFUSALS.refusal(
        reply,
        kind=_kind(reply.status, body, invalid),
        code=body.category,
        detail=body.message,
        retry_after=_wait(reply.status, body.policy_name) if wait is None else wait,
        fields=tuple((value.name, value.message) for value in invalid)
        or tuple((one.name, one.message) for one in body.errors if one.name is not None),
        existing_remote_id=_existing_id(body.message),
    )
    return replace(refused, request_id=body.correlation_id or refused.request_id)


def budget(reply: VendorReply) -> Budget | None:
    """Return what is left of the rolling window. Searches have a separate limit and no such headers."""
    remaining = number(reply.headers.get("x-hubspot-ratelimit-remaining"))
    if remaining is None:
        return None
    most = number(reply.headers.get("x-hubspot-ratelimit-max"))
    window = number(reply.headers.get("x-hubspot-ratelimit-interval-milliseconds"))
    return Budget(remaining=remaining, restore_per_second=most * 1000 / window if most and window else None)


def _kind(status: int, body: _Body, invalid: tuple[_InvalidValue, ...]) -> RefusalKind:
    if body.policy_name is not None:
        return "throttled"
    # A taken value of a unique property is a 400, unlike a taken e-mail address, which is a 409.
    if TAKEN in body.message or any(value.error == "CONFLICTING_UNIQUE_VALUE" for value in invalid):
        return "duplicate"
    return REFUSALS.kind(status, body.category)


def _invalid_values(message: str) -> tuple[_InvalidValue, ...]:
    if not message.startswith(VALIDATION_PREFIX):
        return ()
    return read(message.removeprefix(VALIDATION_PREFIX).encode(errors="replace"), tuple[_InvalidValue, ...]) or ()


def _existing_id(message: str) -> str | None:
    """Return the id of the record that holds the value: "Contact already exists. Existing ID: 51", or "Cannot set
    PropertyValueCoordinates{…} on 72. 51 already has that value."."""
    if "Existing ID:" in message:
        id = message.rpartition("Existing ID:")[2].strip().rstrip(".")
    elif "PropertyValueCoordinates{" in message and TAKEN in message:
        id = message.rpartition(TAKEN)[0].rpartition(" ")[2]
    else:
        return None
    return id if id.isascii() and id.isdecimal() else None


def _wait(status: int, policy: str | None) -> float | None:
    return WAIT_FOR_LOCK if status == 423 else WAIT_BY_POLICY.get(policy or "")
