"""Lists of an account: what they show of a record, deleted ones included."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from canonical.customer import CustomerPatch
from canonical.ticket import TicketPatch
from mappings.endpoints import ListQuery
from mappings.http import VendorRequest
from mappings.zendesk.customer_r1 import CUSTOMER
from mappings.zendesk.ticket_r1 import TICKET
from mappings.zendesk.wire_v2 import Account

from .conftest import Desk

SINCE = datetime(2020, 1, 1, tzinfo=UTC)
COUNT = 20


def fill(zendesk: Desk, account: Account) -> list[str]:
    """Make tickets of as many requesters, and return their numbers."""
    zendesk.account = account
    ids = []
    for place in range(COUNT):
        requester = {"email": f"n{place}@naht.example", "name": f"N {place}"}
        patch: Any = {"subject": f"S{place}", "description": "Torn", "requester": requester}
        ids.append(zendesk.made(TICKET, msgspec.convert(patch, TicketPatch), f"op_{place}").remote.id)
    zendesk.now += 600  # the export leaves out the last minute
    return ids


def test_a_listed_record_is_the_one_that_a_read_shows(zendesk: Desk, account: Account) -> None:
    fill(zendesk, account)

    for query in (ListQuery(limit=100), ListQuery(limit=100, updated_since=SINCE)):
        assert len(zendesk.listed_as_read(TICKET, query)) >= COUNT
        assert len(zendesk.listed_as_read(CUSTOMER, query)) >= COUNT


def test_a_list_of_changes_shows_deleted_records_as_such(zendesk: Desk, account: Account) -> None:
    ids = fill(zendesk, account)
    path = f"/api/v2/tickets/{ids[0]}"
    zendesk.must(VendorRequest(method="DELETE", path=path, route=path))
    user = zendesk.made(CUSTOMER, msgspec.convert({"emails": [{"address": "ida@naht.example"}]}, CustomerPatch), "op_u")
    path = f"/api/v2/users/{user.remote.id}"
    zendesk.must(VendorRequest(method="DELETE", path=path, route=path))
    zendesk.now += 600

    tickets = {one.remote.id: one.data for one in zendesk.listed(TICKET, ListQuery(limit=100, updated_since=SINCE))}
    users = {one.remote.id: one.data for one in zendesk.listed(CUSTOMER, ListQuery(limit=100, updated_since=SINCE))}

    assert [id for id, one in tickets.items() if one.status == "deleted"] == ids[:1]
    assert users[user.remote.id].status == "archived"
    assert ids[0] not in {one.remote.id for one in zendesk.listed(TICKET, ListQuery(limit=100))}
