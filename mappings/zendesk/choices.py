"""The values that fields of a Zendesk account can hold: agents, groups, statuses and choices of custom fields."""

from collections.abc import Iterable
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from canonical.parts import ObjectName
from mappings.http import VendorReply, VendorRequest
from mappings.kit.choices import labelled, of_custom_fields
from mappings.kit.rest import get, wrapped
from mappings.manifest import Choices, FieldOptions, Option, Pages
from mappings.spec import decode
from mappings.zendesk.enums import PRIORITY_WRITTEN, STATUS_LABEL, STATUS_WRITTEN, TYPE_WRITTEN
from mappings.zendesk.paging import PageEnd
from mappings.zendesk.wire_v2 import Account

R = TypeVar("R")
SIZE: Final = ("page[size]", "100")


def _list(path: str, *query: tuple[str, str]) -> VendorRequest:
    return get(f"/api/v2/{path}", *query, SIZE)


AGENTS: Final = _list("users", ("role[]", "agent"), ("role[]", "admin"))
GROUPS: Final = _list("groups")
TICKET_FIELDS: Final = _list("ticket_fields")
USER_FIELDS: Final = _list("user_fields")


class _Agent(Struct, frozen=True, kw_only=True):
    id: int
    name: str | None = None
    active: bool = True
    suspended: bool | None = None


class _Group(Struct, frozen=True, kw_only=True):
    id: int
    name: str
    deleted: bool = False


class _Choice(Struct, frozen=True, kw_only=True):
    name: str
    value: str


class _Field(Struct, frozen=True, kw_only=True):
    """A field. Custom fields of tickets have the id as their name, those of users the key."""

    id: int
    key: str | None = None
    custom_field_options: tuple[_Choice, ...] | None = None


def requests(account: Account) -> tuple[VendorRequest, ...]:
    """Return the requests for agents, groups, ticket fields and user fields."""
    return (AGENTS, GROUPS, TICKET_FIELDS, USER_FIELDS)


def following(request: VendorRequest, reply: VendorReply) -> VendorRequest | None:
    """Return the request for the next page. Lists that are never longer than a page have no `meta`."""
    meta = decode(reply.body, PageEnd).meta
    if meta is None or not meta.has_more or meta.after_cursor is None:
        return None
    query = tuple(pair for pair in request.query if pair[0] != "page[after]")
    return msgspec.structs.replace(request, query=(*query, ("page[after]", meta.after_cursor)))


def read(account: Account, object_name: ObjectName, replies: tuple[Pages, ...]) -> FieldOptions:
    """Return the options of an object's fields."""
    agents, groups, ticket_fields, user_fields = replies
    choices: dict[str, tuple[Option, ...]] = {}
    fields: dict[str, tuple[Option, ...]] = {}
    if object_name == "ticket":
        choices = {
            "status": labelled(STATUS_WRITTEN, STATUS_LABEL),
            "priority": labelled({ours: theirs or "-" for ours, theirs in PRIORITY_WRITTEN.items()}),
            "type": labelled(TYPE_WRITTEN),
        }
        if agents:
            choices["assignee"] = _agents(agents)
        if groups:
            choices["team"] = _groups(groups)
        fields = _choices(_listed(ticket_fields, "ticket_fields", _Field), by_key=False)
    elif object_name == "customer":
        fields = _choices(_listed(user_fields, "user_fields", _Field), by_key=True)
    return choices | of_custom_fields(account.custom_fields.get(object_name, ()), fields)


CHOICES: Final = Choices[Account](
    requests=requests,
    following=following,
    read=read,
    definitions={"ticket": TICKET_FIELDS, "customer": USER_FIELDS},
)


def _agents(pages: Pages) -> tuple[Option, ...]:
    return tuple(
        Option(value=str(one.id), label=one.name or str(one.id), active=one.active and not one.suspended)
        for one in _listed(pages, "users", _Agent)
    )


def _groups(pages: Pages) -> tuple[Option, ...]:
    return tuple(
        Option(value=str(one.id), label=one.name, active=not one.deleted) for one in _listed(pages, "groups", _Group)
    )


def _listed(pages: Pages, name: str, into: type[R]) -> list[R]:
    return [decode(one, into) for page in pages for one in wrapped(None, name)(page)]


def _choices(fields: Iterable[_Field], *, by_key: bool) -> dict[str, tuple[Option, ...]]:
    return {
        (one.key or "") if by_key else str(one.id): tuple(
            Option(value=choice.value, label=choice.name) for choice in one.custom_field_options or ()
        )
        for one in fields
    }
