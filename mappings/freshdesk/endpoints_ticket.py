"""Requests for tickets.

Tickets have no unique field and Freshdesk has no idempotency keys. A create has the operation id in a custom field. The
search by it lags, so a lost create is looked up in the list of what changed since.

Freshdesk numbers its pages, serves at most 300 of them, and limits a plain list to the last thirty days. So a list is
always sorted by change, oldest first, and continues from the last change read. A ticket that changes meanwhile moves to
the end and appears again. The order of tickets that changed in the same second is not documented. These lists contain
no deleted tickets and no spam.
"""

import dataclasses
from functools import partial
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from canonical import values
from canonical.parts import Reference
from mappings.endpoints import Action, NamedRead, Recovery
from mappings.freshdesk.requests import API, BEFORE, MOST, next_page, whole_seconds
from mappings.freshdesk.wire_v2 import MARK_FIELD, Account, TicketWrite
from mappings.http import VendorReply, VendorRequest
from mappings.kit import markers
from mappings.kit.paging import EPOCH, Keyset, Query, Window, head
from mappings.kit.recovery import same_values
from mappings.kit.rest import Collection, get, parameter
from mappings.spec import decode


class _Named(Struct, frozen=True, kw_only=True):
    name: str | None = None
    email: str | None = None


class _Agent(Struct, frozen=True, kw_only=True):
    contact: _Named


def window(page: Window) -> Query:
    """Return the parameters of a page of changes."""
    return (
        ("updated_since", whole_seconds(page.since or EPOCH)),
        ("order_by", "updated_at"),
        ("order_type", "asc"),
        ("page", str(page.offset // page.rows + 1)),
        ("per_page", str(page.rows)),
        ("include", "requester,stats,description"),
    )


MARKED: Final = markers.MarkedField(name=MARK_FIELD)
TICKETS: Final = Collection[TicketWrite, Account](
    path=f"{API}/tickets",
    paging=Keyset(
        ask=window,
        head=head(time="updated_at"),
        spell=whole_seconds,
        most=MOST,
        is_exact=False,
        numbered=True,
    ),
    # According to the headers, each member of `include` costs one more request.
    read_query=(("include", "requester,stats"),),
    read_cost=3.0,
    list_cost=4.0,
    filters={"requester": parameter("requester_id")},
    mark=MARKED.mark,
    carries=MARKED.carries,
    # The answer to a write has neither requester nor times.
    is_whole=lambda record: False,
)


def find_marker(marker: str, parent: str | None, body: TicketWrite | None, account: Account) -> VendorRequest | None:
    """Return the request for the tickets that changed since the operation began. None for a marker without a time."""
    began = markers.began(marker)
    if began is None:
        return None
    since = ("updated_since", whole_seconds(began - BEFORE))
    query = (since, ("order_by", "created_at"), ("order_type", "desc"), ("page", "1"), ("per_page", str(MOST)))
    return replace(TICKETS.listed(query), cost=1.0)


def _show(kind: str, remote_id: str) -> VendorRequest:
    return get(f"{API}/{kind}/{remote_id}", route=f"{API}/{kind}/{{id}}")


def agent_keys(reply: VendorReply) -> Reference:
    """Return the name and address of an agent."""
    contact = decode(reply.body, _Agent).contact
    return Reference(name=contact.name, email=values.email(contact.email) if contact.email else None)


def name_alone(reply: VendorReply) -> Reference:
    """Return the name of a group or company."""
    return Reference(name=decode(reply.body, _Named).name)


RECOVERY: Final[dict[Action, Recovery]] = {
    "create": Recovery(
        by="marker",
        strength="listed",
        note="Freshdesk has neither idempotency keys nor unique fields of tickets. The ticket is looked up by the "
        "operation id in its custom field, in the list of all that changed since the operation began, not in the "
        "search, which lags. If it is absent twice, ten minutes apart, it is sent once more. A ticket that a person "
        "deleted meanwhile is in no list",
    ),
    "update": same_values("ticket"),
}

ENDPOINTS: Final = dataclasses.replace(
    TICKETS.endpoints(recovery=RECOVERY, find_marker=find_marker, max_limit=MOST),
    sorts=frozenset({"updated_at"}),
    named={
        "assignee": NamedRead(request=partial(_show, "agents"), keys=agent_keys),
        "team": NamedRead(request=partial(_show, "groups"), keys=name_alone),
        "company": NamedRead(request=partial(_show, "companies"), keys=name_alone),
    },
    marker_page=next_page,
)
