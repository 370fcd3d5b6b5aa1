"""Consumers: connections to which the changes of an object are copied."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from canonical.customer import CustomerPatch
from canonical.order_patch import OrderPatch
from canonical.parts import ObjectName
from canonical.ticket import TicketPatch

OBJECTS: Final[dict[str, ObjectName]] = {"customers": "customer", "orders": "order", "tickets": "ticket"}
WRITTEN: Final[dict[str, type[Struct]]] = {"customers": CustomerPatch, "orders": OrderPatch, "tickets": TicketPatch}


class ConsumerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[consumers]]`: changes of `object` at the `sources` are copied to `connection`.

    No `sources`: all other connections. No `fields`: all. `match_on` and `on_missing` as in a copy. `requires_consent`:
    only customers who opted in to this channel are copied. `logins`: whether a changed e-mail address becomes the login
    where the address is one. `on_delete`: what happens to the copy of a customer who is deleted at the source.
    `most_writes_per_minute`: how often a record may be written before the consumer is paused.
    """

    object: Literal["customers", "orders", "tickets"]
    connection: str
    sources: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    match_on: Literal["email", "external_id"] | None = None
    on_missing: Literal["create", "ignore"] = "create"
    requires_consent: Literal["email", "sms", "phone", "post", "ads"] | None = None
    logins: Literal["keep", "follow"] = "keep"
    on_delete: Literal["keep", "archive"] = "keep"
    most_writes_per_minute: Annotated[int, Meta(ge=1)] = 10

    @property
    def name(self) -> str:
        """The name of the consumer, such as `customers:crm`."""
        return f"{self.object}:{self.connection}"


def complaints_about(consumers: Sequence[ConsumerSettings], connections: Sequence[str]) -> Iterator[str]:
    """Return what is wrong with the consumers, one sentence each."""
    pairs = set[tuple[str, str]]()
    for number, one in enumerate(consumers):
        where = f"[[consumers]] {number + 1}"
        for name in (one.connection, *one.sources):
            if name not in connections:
                yield f"{where} names {name!r}, which is not a connection."
        if one.connection in one.sources:
            yield f"{where} has {one.connection} as its own source."
        if (one.object, one.connection) in pairs:
            yield f"{where} is the second one for {one.object} at {one.connection}."
        pairs.add((one.object, one.connection))
        if one.object != "customers" and one.match_on == "email":
            yield f"{where} matches {one.object} on email; only external_id finds them."
        if one.object != "customers" and one.requires_consent is not None:
            yield f"{where} requires a consent, which only customers give."
        if one.object != "customers" and one.logins == "follow":
            yield f"{where} lets logins follow, which only customers have."
        if one.object != "customers" and one.on_delete == "archive":
            yield f"{where} archives {one.object} on_delete; only customers are archived."
        unknown = [name for name in one.fields if name not in WRITTEN[one.object].__struct_encode_fields__]
        if unknown:
            yield f"{where} names the field {unknown[0]!r}, which {one.object} are not written with."
