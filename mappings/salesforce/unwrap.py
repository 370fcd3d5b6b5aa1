"""Find the records in a Salesforce payload: the reply to a query, or a record."""

from typing import Final

from msgspec import Struct

from canonical.parts import ObjectName
from mappings.kit.refusals import read
from mappings.kit.unwrap import PayloadObject, Unwrap
from mappings.salesforce.field_values import CASE, CASE_COMMENT, CONTACT, ORDER
from mappings.salesforce.search import SOBJECT

PREFIX: Final[dict[ObjectName, str]] = {
    "customer": CONTACT,
    "ticket": CASE,
    "order": ORDER,
    "comment": CASE_COMMENT,
}
"""The prefix of an object's ids."""


NO_RECORDS: Final = {
    "compositeResponse": "a composite answer: it has the results of writes",
    "success": "the result of a write names a record but does not contain it",
    "ids": "a list of changed ids holds no records",
    "apiName": "a record of the UI API: read it through the REST API",
}
"""Members of answers without records."""


class _Attributes(Struct, frozen=True, kw_only=True):
    type: str | None = None


class _Typed(Struct, frozen=True, kw_only=True):
    attributes: _Attributes = _Attributes()


def check(one: PayloadObject, object: ObjectName) -> None:
    """Raise Unmappable for a reply that only names records, a record of another object or of the UI API, and anything
    else."""
    for name, reason in NO_RECORDS.items():
        if name in one.members:
            raise one.refused(reason, name)
    type_name = (read(bytes(one.raw), _Typed) or _Typed()).attributes.type
    if type_name is not None and type_name != SOBJECT[object]:
        raise one.refused(f"a record of {type_name}, not of {SOBJECT[object]}", "attributes.type")
    id = one.members.get("Id")
    if id is None:
        raise one.refused("not a record as Salesforce sends it: it has no Id", "Id")
    if type_name is None and bytes(id)[1:4].decode(errors="replace") != PREFIX[object]:
        raise one.refused(f"the Id of a {SOBJECT[object]} begins with {PREFIX[object]}", "Id")
    if one.members.keys() <= {"attributes", "Id"}:
        raise one.refused(f"only the Id of a {SOBJECT[object]}")


unwrap: Final = Unwrap(
    title="Salesforce",
    envelopes=dict.fromkeys(PREFIX, ("records",)),
    check=check,
    array="Salesforce's refusal, not a record",
)
