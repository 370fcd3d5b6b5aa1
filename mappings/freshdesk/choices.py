"""The allowed values of fields in a Freshdesk account: agents, groups, statuses, types, and the choices of custom
fields."""

from typing import Final

from msgspec import Raw, Struct

from canonical.parts import ObjectName
from mappings.freshdesk.enums import PRIORITY_WRITTEN, SOURCE_WRITTEN, statuses_written, types_written
from mappings.freshdesk.requests import API, MOST, next_page
from mappings.freshdesk.wire_v2 import Account
from mappings.http import VendorRequest
from mappings.kit.choices import labelled, of_custom_fields, plain
from mappings.kit.rest import get
from mappings.manifest import Choices, FieldOptions, Option, Pages
from mappings.spec import Unmappable, decode

PRIORITY_LABELS: Final = {1: "Low", 2: "Medium", 3: "High", 4: "Urgent"}
SOURCE_LABELS: Final = {1: "Email", 2: "Portal", 3: "Phone", 7: "Chat"}


def _list(name: str, *query: tuple[str, str]) -> VendorRequest:
    return get(f"{API}/{name}", *query)


AGENTS: Final = _list("agents", ("page", "1"), ("per_page", str(MOST)))
GROUPS: Final = _list("groups", ("page", "1"), ("per_page", str(MOST)))
TICKET_FIELDS: Final = _list("ticket_fields")
CONTACT_FIELDS: Final = _list("contact_fields")


class _Person(Struct, frozen=True, kw_only=True):
    name: str | None = None


class _Agent(Struct, frozen=True, kw_only=True):
    id: int
    contact: _Person = _Person()


class _Group(Struct, frozen=True, kw_only=True):
    id: int
    name: str


class _Choice(Struct, frozen=True, kw_only=True):
    value: str


class _Field(Struct, frozen=True, kw_only=True):
    """A field. Custom fields only have lists of text as choices."""

    name: str
    choices: Raw = Raw(b"null")


def requests(account: Account) -> tuple[VendorRequest, ...]:
    """Return the requests for agents, groups, ticket fields and contact fields, in this order."""
    return (AGENTS, GROUPS, TICKET_FIELDS, CONTACT_FIELDS)


def read(account: Account, object_name: ObjectName, replies: tuple[Pages, ...]) -> FieldOptions:
    """Return the options of an object's fields."""
    agents, groups, ticket_fields, contact_fields = replies
    if object_name == "customer":
        return _custom(account, object_name, contact_fields)
    if object_name != "ticket":
        return {}
    choices = {
        "status": tuple(
            Option(value=ours, label=account.status_labels.get(theirs, ours))
            for ours, theirs in statuses_written(account, None).items()
        ),
        "priority": labelled(PRIORITY_WRITTEN, PRIORITY_LABELS),
        "type": labelled(types_written(account)),
        "channel": labelled(SOURCE_WRITTEN, SOURCE_LABELS),
    }
    if agents:
        people = [one for page in agents for one in decode(page.body, tuple[_Agent, ...])]
        choices["assignee"] = tuple(Option(value=str(one.id), label=one.contact.name or str(one.id)) for one in people)
    if groups:
        teams = [one for page in groups for one in decode(page.body, tuple[_Group, ...])]
        choices["team"] = tuple(Option(value=str(one.id), label=one.name) for one in teams)
    return {**choices, **_custom(account, object_name, ticket_fields)}


CHOICES: Final = Choices[Account](
    requests=requests,
    following=next_page,
    read=read,
    definitions={"ticket": TICKET_FIELDS, "customer": CONTACT_FIELDS},
)


def _custom(account: Account, object_name: ObjectName, pages: Pages) -> FieldOptions:
    fields = [one for page in pages for one in decode(page.body, tuple[_Field, ...])]
    return of_custom_fields(
        account.custom_fields.get(object_name, ()), {one.name: plain(_values(one.choices)) for one in fields}
    )


def _values(choices: Raw) -> tuple[str, ...]:
    """Return the choices of a drop-down: a list of texts, texts with a number each, or records with a text."""
    start = bytes(choices).lstrip()[:1]
    try:
        if start == b"{":
            return tuple(decode(choices, dict[str, Raw]))
        return decode(choices, tuple[str, ...])
    except Unmappable:
        pass
    try:
        return tuple(one.value for one in decode(choices, tuple[_Choice, ...]))
    except Unmappable:
        return ()
