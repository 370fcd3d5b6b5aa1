"""The values that fields of a ticket can hold: statuses, priorities and queues."""

from typing import Final

import msgspec

from canonical.parts import ObjectName
from mappings.http import VendorReply, VendorRequest
from mappings.kit.choices import labelled
from mappings.kit.rest import next_numbered
from mappings.manifest import Choices, FieldOptions, Option, Pages
from mappings.rt.account import REQUESTS, queues
from mappings.rt.enums import PRIORITY_WRITTEN, STATUS_WRITTEN
from mappings.rt.requests import listed
from mappings.rt.wire_rest2 import Account

PRIORITY_LABELS: Final = {0: "Low", 50: "Medium", 100: "High"}


def requests(account: Account) -> tuple[VendorRequest, ...]:
    """Return the request for the queues."""
    return tuple(msgspec.structs.replace(one, query=(*one.query, ("page", "1"))) for one in REQUESTS)


def following(request: VendorRequest, reply: VendorReply) -> VendorRequest | None:
    """Return the request for the next page of a list by number."""
    return next_numbered(request, more=listed(reply)[1])


def read(account: Account, object_name: ObjectName, replies: tuple[Pages, ...]) -> FieldOptions:
    """Return the options of a ticket's fields. Without a list of queues, those of the account facts are given. The API
    does not list who may own a ticket of a queue."""
    if object_name != "ticket":
        return {}
    choices = {
        "status": labelled(STATUS_WRITTEN),
        "priority": labelled(PRIORITY_WRITTEN, PRIORITY_LABELS),
    }
    (pages,) = replies
    named = {one.id: one.name for one in queues(pages)} if pages else account.queues
    if named:
        choices["team"] = tuple(Option(value=id, label=name) for id, name in named.items())
    return choices


CHOICES: Final = Choices[Account](requests=requests, following=following, read=read)
