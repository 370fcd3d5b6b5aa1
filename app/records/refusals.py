"""Turn a vendor's refusal, or an answer that cannot be read, into a Problem for the caller."""

from collections.abc import Mapping
from typing import Final

from msgspec import UNSET

from app.drift.detect import REJECTED
from app.errors import (
    DuplicateRecord,
    NotFound,
    UnsupportedAction,
    VendorAuthFailed,
    VendorDrifted,
    VendorRejected,
    VendorThrottled,
    VendorUnavailable,
    VersionConflict,
)
from app.problem_document import Problem, VendorSays
from app.vendors.models import Connection, VendorRefused
from canonical.parts import ObjectName
from mappings.endpoints import UpsertKey
from mappings.http import RefusalKind, VendorRefusal
from mappings.registry import active
from mappings.spec import Unmappable, VendorDrift

PROBLEM_OF: dict[RefusalKind, type[Problem]] = {
    "unavailable": VendorUnavailable,
    "throttled": VendorThrottled,
    "rejected": VendorRejected,
    "auth": VendorAuthFailed,
    "not_found": NotFound,
    "duplicate": DuplicateRecord,
    "version_conflict": VersionConflict,
    "not_allowed": UnsupportedAction,
}
GRANT = "An operator must allow this at the vendor, or correct the connection: see the detail. Until then, use another."

UPSERT: Final = "To create or update a {object} by {key}, use ?upsert_on={match_on}."
MATCH: Final = 'To copy to the {object} that has the same {key}, use "match_on": "{match_on}".'
WHEN_REJECTED: Final = (
    "Report the path to the operator, who acknowledges the change if it is acceptable: lockstitch drift list. Then send"
    " the request again."
)
KEYS: Final[Mapping[UpsertKey, str]] = {"email": "e-mail address", "external_id": "external id"}


def problem_of_refusal(
    connection: Connection,
    refused: VendorRefused,
    object_name: ObjectName | None = None,
    *,
    matched_on: UpsertKey | None = None,
    is_copy: bool = False,
) -> Problem:
    """Return the problem for a definite refusal, with the vendor's own words. `object_name` is what was written, if
    anything was, and `matched_on` the key by which its record was looked for."""
    refusal = refused.refusal
    existing = None if refusal.existing_remote_id is None else f"{connection.name}:{refusal.existing_remote_id}"
    says = VendorSays(
        connection=connection.name,
        status=refused.status,
        code=refusal.code,
        detail=refusal.detail,
        request_id=refusal.request_id,
        existing=existing or UNSET,
    )
    detail = f"{connection.vendor.title} answered: {refusal.detail.rstrip('.')}."
    if existing is not None:
        detail += f" The existing record is {existing}."
    if refusal.fields:
        detail += (
            " It complains about " + "; ".join(f"{field}: {complaint}" for field, complaint in refusal.fields) + "."
        )
    next_step = GRANT if refusal.kind == "not_allowed" else None
    key = None if object_name is None or _is_over_phone(refusal) else _match_key(connection, object_name, matched_on)
    if refusal.kind == "duplicate" and key is not None:
        advice = (MATCH if is_copy else UPSERT).format(object=object_name, key=KEYS[key], match_on=key)
        next_step = f"{DuplicateRecord.next_step} {advice}"
    return PROBLEM_OF[refusal.kind](detail, vendor=says, retry_after=refusal.retry_after, next_step=next_step)


def _is_over_phone(refusal: VendorRefusal) -> bool:
    """Return whether another record has the telephone number, by which none can be matched."""
    return any("phone" in field.lower() for field, _ in refusal.fields)


def _match_key(connection: Connection, object_name: ObjectName, matched_on: UpsertKey | None) -> UpsertKey | None:
    """Return the first key by which the connection finds such records and this one was not looked for."""
    mapping = active(connection.vendor, object_name)
    known = () if mapping is None else (*mapping.endpoints.upsert, *mapping.endpoints.find)
    return next((key for key in KEYS if key in known and key != matched_on), None)


def problem_of_unmappable(connection: Connection, object_name: str, error: Unmappable) -> Problem:
    """Return the problem for a record that cannot be mapped. The reason names a type or field, never a value."""
    says = VendorSays(connection=connection.name, detail=f"{error.reason} at {error.place}")
    if isinstance(error, VendorDrift):
        return VendorDrifted(
            f"{connection.vendor.title}'s {object_name} no longer fits its schema at {error.place}: {error.reason}.",
            vendor=says,
            next_step=WHEN_REJECTED if error.reason.startswith(REJECTED) else None,
        )
    return VendorDrifted(
        f"{connection.vendor.title}'s record cannot be read as a {object_name}: {error.reason} at {error.place}.",
        vendor=says,
    )
