"""Options of fields: users, queues, statuses, picklists, record types."""

from collections.abc import Mapping
from typing import Final, TypeVar

from msgspec import Struct

from canonical.parts import ObjectName
from mappings.http import VendorReply, VendorRequest
from mappings.kit.choices import joined, labelled, plain
from mappings.kit.custom_fields import name_of
from mappings.manifest import Choices, FieldOptions, Option, Pages
from mappings.salesforce.custom_fields import RECORD_TYPE
from mappings.salesforce.enums import CHANNEL, PRIORITY, TYPE, available, order_status
from mappings.salesforce.paging import follow, locator_of
from mappings.salesforce.requests import query
from mappings.salesforce.search import SOBJECT
from mappings.salesforce.wire_v62 import Account
from mappings.spec import decode

C = TypeVar("C", bound=str)  # the canonical values of an enumeration

USERS: Final = query("SELECT Id, Name, IsActive FROM User WHERE UserType = 'Standard' ORDER BY Name, Id")
QUEUES: Final = query("SELECT Id, Name FROM Group WHERE Type = 'Queue' ORDER BY Name, Id")


class _Named(Struct, frozen=True, kw_only=True, rename="pascal"):
    id: str
    name: str | None = None
    is_active: bool = True


class _Page(Struct, frozen=True, kw_only=True, rename="camel"):
    records: tuple[_Named, ...]
    next_records_url: str | None = None


def requests(account: Account) -> tuple[VendorRequest, ...]:
    """Build the requests: users, then queues. All other options are account facts."""
    return (USERS, QUEUES)


def following(request: VendorRequest, reply: VendorReply) -> VendorRequest | None:
    """Build the request for the next records of a reply."""
    url = decode(reply.body, _Page).next_records_url
    locator = None if url is None else locator_of(url)
    return None if locator is None else follow(locator)


def read(account: Account, object_name: ObjectName, replies: tuple[Pages, ...]) -> FieldOptions:
    """Return the options of an object's fields."""
    users, queues = (_named(pages) for pages in replies)
    choices: dict[str, tuple[Option, ...]] = {}
    if object_name == "customer":
        choices = {"owner": users, "lead_source": _plain(account, "Contact.LeadSource")}
    elif object_name == "ticket":
        choices = {
            "status": _statuses(account),
            "priority": (*_words(account, PRIORITY, "Case.Priority"), Option(value="none", label="-")),
            "type": _words(account, TYPE, "Case.Type"),
            "channel": _words(account, CHANNEL, "Case.Origin"),
            "assignee": users,
            "team": queues,
        }
    elif object_name == "order":
        choices = {"status": _order_statuses(account)}
    for setting in account.custom_fields.get(object_name, ()):
        choices[name_of(setting)] = _custom(account, SOBJECT[object_name], setting.vendor_field)
    return {name: options for name, options in choices.items() if options}


def open_fields(account: Account, object_name: ObjectName) -> frozenset[str]:
    """Return the custom fields that take other values too. The API accepts any value for a picklist that is not
    restricted. A record type can be written by its id: the write checks it."""
    return frozenset(
        setting.key
        for setting in account.custom_fields.get(object_name, ())
        if setting.vendor_field == RECORD_TYPE
        or f"{SOBJECT[object_name]}.{setting.vendor_field}" not in account.restricted
    )


CHOICES: Final = Choices[Account](requests=requests, following=following, read=read, open_fields=open_fields)


def _named(pages: Pages) -> tuple[Option, ...]:
    people = [one for page in pages for one in decode(page.body, _Page).records]
    return tuple(Option(value=one.id, label=one.name or one.id, active=one.is_active) for one in people)


def _plain(account: Account, picklist: str) -> tuple[Option, ...]:
    return plain(account.picklists.get(picklist, ()))


def _words(account: Account, words: Mapping[str, C], picklist: str) -> tuple[Option, ...]:
    """Return the canonical values that a write accepts, with the org's own as labels."""
    return labelled(available(words, picklist, account))


def _statuses(account: Account) -> tuple[Option, ...]:
    return joined((known.status, known.label) for known in account.case_statuses.values())


def _order_statuses(account: Account) -> tuple[Option, ...]:
    words = ((order_status(value, code), value) for value, code in account.order_statuses.items())
    return joined(word for word in words if word[0] != "unknown")


def _custom(account: Account, sobject: str, vendor_field: str) -> tuple[Option, ...]:
    if vendor_field == RECORD_TYPE:
        return plain(account.record_types.get(sobject, {}).values())
    return _plain(account, f"{sobject}.{vendor_field}")
