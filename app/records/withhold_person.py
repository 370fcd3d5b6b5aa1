"""What a read shows of people who were erased: no customer, and of an order, ticket or comment all but the person."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from app.errors import Erased
from app.links.tombstones import Tombstones
from canonical.customer import Customer
from canonical.parts import Loss, ObjectName
from canonical.references import named_records
from canonical.ticket import Comment
from mappings.spec import Mapped

TEXT: Final = "(erased)"
NOTHING: Final[tuple[Any, ...]] = (None, [], {}, TEXT)
_NONE, _NO_ITEMS, _NO_MEMBERS, _TEXT = NOTHING
PERSONAL: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("customer", "requester", "billing_address", "shipping_address", "last4", "body_html"), _NONE),
    **dict.fromkeys(("customer_note", "internal_note", "subject", "description", "description_html"), _NONE),
    **dict.fromkeys(("custom_fields", "options", "followers", "attachments"), _NO_ITEMS),
    "author": _NO_MEMBERS,
    **dict.fromkeys(("body_text", "reason", "detail"), _TEXT),
}
"""The members of orders, tickets and comments, and of their losses and problems, that may be about a person, with what
stands in their place. What is left are ids, amounts, times, articles and status."""


def without_person(part: Any) -> Any:
    """Return decoded JSON of an order, ticket or comment without its personal members, at any depth."""
    if isinstance(part, list):
        return [without_person(one) for one in part]
    if not isinstance(part, dict):
        return part
    return {
        name: PERSONAL[name] if name in PERSONAL and value is not None else without_person(value)
        for name, value in part.items()
    }


def withhold_person(
    erased: Tombstones,
    object_name: ObjectName,
    connection: str,
    mapped: Mapped[Any],
    raw: bytes,
    *,
    ticket: str | None = None,
) -> Mapped[Any]:
    """Return the same record, or without its personal members if it names a person who was erased. `ticket` is that of
    a comment. Raises Erased for a customer who was."""
    data, remote_id = mapped.data, mapped.remote.id
    if isinstance(data, Customer):
        if erased.has_record(object_name, connection, remote_id) or any(
            erased.has_address(one.address) for one in data.emails
        ):
            raise Erased("This customer was erased here.")
        return mapped
    records = [(object_name, remote_id), *named_records(data)]
    if isinstance(data, Comment):
        records += [("ticket", ticket or ""), ("customer", data.author.remote_id or "")]
    if not any(erased.has_record(name, connection, one) for name, one in records) and not erased.names_one(raw):
        return mapped
    plain = without_person(msgspec.to_builtins(data))
    loss = Loss(path="/" + ("author" if isinstance(data, Comment) else "customer"), kind="dropped", detail=TEXT)
    return replace(mapped, data=msgspec.convert(plain, type(data)), loss=(loss,))
