"""Find the records in a Salesforce payload: the reply to a query, or a record."""

from typing import Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, field

from canonical.parts import ObjectName
from mappings.salesforce.field_values import CASE, CASE_COMMENT, CONTACT, ORDER
from mappings.salesforce.search import SOBJECT
from mappings.spec import Unmappable, decode

PREFIX: Final[dict[ObjectName, str]] = {
    "customer": CONTACT,
    "ticket": CASE,
    "order": ORDER,
    "comment": CASE_COMMENT,
}
"""The prefix of an object's ids."""


class _Attributes(Struct, frozen=True, kw_only=True):
    type: str | None = None


class _Payload(Struct, frozen=True, kw_only=True):
    attributes: _Attributes | UnsetType = UNSET
    id: Raw | UnsetType = field(name="Id", default=UNSET)
    records: tuple[Raw, ...] | UnsetType = UNSET
    api_name: Raw | UnsetType = field(name="apiName", default=UNSET)
    ids: Raw | UnsetType = UNSET
    success: Raw | UnsetType = UNSET
    composite_response: Raw | UnsetType = field(name="compositeResponse", default=UNSET)


_payload: Final = msgspec.json.Decoder(_Payload)


def unwrap(payload: bytes, object: ObjectName) -> tuple[Raw, ...]:
    """Return the records of one object: those of a query's reply, or the only one.

    Raises Unmappable, with path and reason, for an error body, a reply that only names records, a record of another
    object or of the UI API, an outbound message (XML), and anything else.
    """
    start = payload.lstrip()[:1]
    if start == b"<":
        raise Unmappable("$", "XML, such as an outbound message: it only hints at a record, which is read by its Id")
    if start == b"[":
        raise Unmappable("$[0]" if decode(payload, tuple[Raw, ...]) else "$", "Salesforce's refusal, not a record")
    return _records(Raw(payload), "$", object)


def _records(raw: Raw, path: str, object: ObjectName) -> tuple[Raw, ...]:
    found = _read(raw, path)
    if isinstance(found.records, UnsetType):
        _ensure_record(raw, found, path, object)
        return (raw,)
    for index, record in enumerate(found.records):
        here = f"{path}.records[{index}]"
        _ensure_record(record, _read(record, here), here, object)
    return found.records


def _ensure_record(raw: Raw, found: _Payload, path: str, object: ObjectName) -> None:
    if found.composite_response is not UNSET:
        raise Unmappable(f"{path}.compositeResponse", "a composite answer: it has the results of writes")
    if found.success is not UNSET:
        raise Unmappable(f"{path}.success", "the result of a write names a record but does not contain it")
    if found.ids is not UNSET:
        raise Unmappable(f"{path}.ids", "a list of changed ids holds no records")
    if found.api_name is not UNSET:
        raise Unmappable(f"{path}.apiName", "a record of the UI API: read it through the REST API")
    type_name = None if isinstance(found.attributes, UnsetType) else found.attributes.type
    if type_name is not None and type_name != SOBJECT[object]:
        raise Unmappable(f"{path}.attributes.type", f"a record of {type_name}, not of {SOBJECT[object]}")
    if found.id is UNSET:
        raise Unmappable(f"{path}.Id", "not a record as Salesforce sends it: it has no Id")
    if type_name is None and bytes(found.id)[1:4].decode(errors="replace") != PREFIX[object]:
        raise Unmappable(f"{path}.Id", f"the Id of a {SOBJECT[object]} begins with {PREFIX[object]}")
    if decode(raw, dict[str, Raw]).keys() <= {"attributes", "Id"}:
        raise Unmappable(path, f"only the Id of a {SOBJECT[object]}")


def _read(raw: Raw, path: str) -> _Payload:
    try:
        return _payload.decode(raw)
    except msgspec.ValidationError as error:
        raise Unmappable(path, "not a Salesforce answer: an object was expected") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unmappable(path, "not JSON") from error
