"""Check that an unknown enum value never breaks a read, and that every error response is classified.

Each golden record is mapped once per text in it, with that text replaced by an unknown word. The mapping may return
`unknown`, omit the value, or refuse the record with a path.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, get_args, get_origin

import msgspec
from msgspec import Raw
from msgspec.structs import fields

from mappings.checks.golden import account_of, records
from mappings.checks.result import Result, raised
from mappings.checks.variations import NEW_WORD, changed, leaves, name_of
from mappings.http import RefusalKind, VendorReply
from mappings.registry import AnyMapping, AnyVendor
from mappings.spec import Unmappable

JUNK: Final = (b"", b"{}", b"[]", b"null", b"7", b'"no"', b"\xff\xfe", b"<html><body>503</body></html>", b'{"error":1}')
WANTED: Final[dict[int, frozenset[RefusalKind]]] = {
    401: frozenset({"auth"}),
    404: frozenset({"not_found", "not_allowed"}),  # the API itself may be missing at this address
    429: frozenset({"throttled"}),
    500: frozenset({"unavailable"}),
    502: frozenset({"unavailable"}),
    503: frozenset({"unavailable"}),
}
"""The allowed kinds for a status if the body says nothing more."""
ODD_HEADERS: Final[tuple[dict[str, str], ...]] = (
    {},
    {"retry-after": "soon"},
    {"retry-after": "-1", "x-ratelimit-remaining": "many"},
)


def reads(vendor: AnyVendor, root: Path) -> Result:
    """Check that every object can be read or listed, and that its golden records fit the wire Structs."""
    failures = [
        f"{mapping.name} has neither read nor list"
        for mapping in vendor.mappings
        if mapping.endpoints.read is None and mapping.endpoints.list is None
    ]
    tried = 0
    account = account_of(vendor, root)
    for mapping in _newest(vendor):
        for name, record in records(vendor, mapping, root):
            tried += 1
            try:
                mapping.read(record, account)
            except Unmappable as refusal:
                failures.append(f"{name}: refused at {refusal.path}: {refusal.reason}")
            except Exception as error:  # noqa: BLE001 - the check looks for any other exception
                failures.append(f"{name}: {raised(error)}")
    return Result(cases=tried, failures=tuple(failures), nothing="there are no golden records to read")


def enums_read(vendor: AnyVendor, root: Path) -> Result:
    """Check that an unknown word never breaks a mapping, and that `_raw` keeps it if the enum becomes `unknown`."""
    tried, failures = 0, []
    account = account_of(vendor, root)
    for mapping in vendor.mappings:
        for name, record in records(vendor, mapping, root):
            for path, other in _with_a_new_word(record):
                tried += 1
                failure = _failure(mapping, record, other, account)
                if failure is not None:
                    failures.append(f"{name}, r{mapping.revision}, an unknown value at {path}: {failure}")
    return Result(cases=tried, failures=tuple(failures), nothing="there are no golden records to change")


def errors_classified(vendor: AnyVendor) -> Result:
    """Check that every status has its kind for any body, and that `refusal` and `budget` never raise."""
    tried, failures = 0, []
    for status in (200, 204, 301, 400, 401, 403, 404, 409, 412, 422, 429, 500, 502, 503, 599):
        for body in JUNK:
            for headers in ODD_HEADERS:
                tried += 1
                failure = _misclassified(vendor, VendorReply(status=status, headers=dict(headers), body=body))
                if failure is not None:
                    failures.append(f"{status} with the body {body!r}: {failure}")
    return Result(cases=tried, failures=tuple(dict.fromkeys(failures)))


def _misclassified(vendor: AnyVendor, reply: VendorReply) -> str | None:
    try:
        refusal = vendor.refusal(reply)
        vendor.budget(reply)
    except Exception as error:  # noqa: BLE001 - the check looks for any exception
        return raised(error)
    if reply.status >= 300 and refusal is None:
        return "it is read as a success"
    wanted = WANTED.get(reply.status)
    if wanted is None or refusal is None or refusal.kind in wanted:
        return None
    return f"it is {refusal.kind}, not {' or '.join(sorted(wanted))}"


def _failure(mapping: AnyMapping, golden: Raw, record: Raw, account: Any) -> str | None:
    try:
        mapped = mapping.read(record, account)
    except Unmappable:
        return None
    except Exception as error:  # noqa: BLE001 - the check looks for any other exception
        return raised(error)
    for field in _enums(mapping):
        if getattr(mapped.data, field) == "unknown" and getattr(mapped.data, f"{field}_raw") is None:
            was = getattr(mapping.read(golden, account).data, field)
            if was != "unknown":
                return f"{field} is unknown and {field}_raw does not keep the vendor's value"
    return None


def _enums(mapping: AnyMapping) -> Iterator[str]:
    names = {field.name for field in fields(mapping.model)}
    for field in fields(mapping.model):
        if get_origin(field.type) is not None and "unknown" in get_args(field.type) and f"{field.name}_raw" in names:
            yield field.name


def _with_a_new_word(record: Raw) -> Iterator[tuple[str, Raw]]:
    whole = msgspec.json.decode(record)
    for place, value in leaves(whole):
        if isinstance(value, str):
            yield name_of(place), Raw(msgspec.json.encode(changed(whole, place, NEW_WORD)))


def _newest(vendor: AnyVendor) -> list[AnyMapping]:
    newest = {mapping.object: mapping for mapping in sorted(vendor.mappings, key=lambda one: one.revision)}
    return list(newest.values())
