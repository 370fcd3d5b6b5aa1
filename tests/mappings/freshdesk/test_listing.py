"""Lists: every record once, none missed while others change, foreign cursors refused."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.customer import CustomerPatch
from mappings.endpoints import ListQuery
from mappings.freshdesk.customer_r1 import CUSTOMER
from mappings.freshdesk.ticket_r1 import TICKET
from tests.mappings.drafts import reply
from tests.required import required

from .conftest import ACCOUNT, EmulatedFreshdesk

BEGIN = 1_777_700_000


def place_tickets(freshdesk: EmulatedFreshdesk, seconds: list[int]) -> list[str]:
    """Tickets that changed so many seconds after the beginning; their numbers."""
    ids = []
    for second in seconds:
        at = datetime.fromtimestamp(BEGIN + second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        ids.append(str(freshdesk.place("tickets", subject="x", created_at=at, updated_at=at, requester_id=1)["id"]))
    return ids


def numbers(pages: Any) -> list[str]:
    return [one.remote.id for some in pages for one in some]


@pytest.mark.parametrize("limit", [1, 7, 100])
def test_every_ticket_comes_once_and_in_the_order_of_changes(freshdesk: EmulatedFreshdesk, limit: int) -> None:
    seconds = [0, 0, 0, 1, 2, 2, 3, 3, 3, 3, 5, 8, 8, 8, 8, 8, 8, 8, 9]
    ids = place_tickets(freshdesk, seconds)

    pages = list(freshdesk.pages(TICKET, ListQuery(limit=limit)))

    assert numbers(pages) == ids
    assert max(map(len, pages)) <= limit


@pytest.mark.parametrize("limit", [30, 100])
def test_more_changes_in_one_second_than_freshdesk_shows_at_once(freshdesk: EmulatedFreshdesk, limit: int) -> None:
    ids = place_tickets(freshdesk, [0, *[1] * 230, 2, 2])

    assert numbers(freshdesk.pages(TICKET, ListQuery(limit=limit))) == ids


def test_a_listed_record_is_the_one_that_a_read_shows(freshdesk: EmulatedFreshdesk) -> None:
    for place in range(20):
        person = freshdesk.ask("POST", "contacts", {"name": f"N{place:02}", "email": f"n{place}@naht.example"})
        ticket = {"subject": f"S{place}", "description": "<p>Torn</p>", "status": 2, "priority": 1}
        freshdesk.ask("POST", "tickets", {**ticket, "requester_id": person["id"]})

    assert len(freshdesk.listed_as_read(TICKET, ListQuery(limit=100))) == 20
    assert TICKET.endpoints.list_is_whole
    assert not CUSTOMER.endpoints.list_is_whole, "it lacks tags and further addresses"


def test_changes_since_a_time(freshdesk: EmulatedFreshdesk) -> None:
    ids = place_tickets(freshdesk, [0, 5, 10, 15])
    since = datetime.fromtimestamp(BEGIN + 5, UTC)

    assert numbers(freshdesk.pages(TICKET, ListQuery(limit=2, updated_since=since))) == ids[1:]


def test_old_tickets_are_in_the_list_too(freshdesk: EmulatedFreshdesk) -> None:
    """Freshdesk's own list leaves out what was made more than thirty days ago."""
    ids = place_tickets(freshdesk, [-90 * 86_400, 0])

    assert numbers(freshdesk.pages(TICKET, ListQuery(limit=10))) == ids
    assert [one["id"] for one in freshdesk.ask("GET", "tickets")] == [int(ids[1])]


def test_what_changes_meanwhile_is_met_again_and_nothing_is_missed(freshdesk: EmulatedFreshdesk) -> None:
    ids = place_tickets(freshdesk, [*[0] * 4, *[1] * 6])
    pages = freshdesk.pages(TICKET, ListQuery(limit=4))

    first = next(pages)
    freshdesk.now = BEGIN + 60
    freshdesk.ask("PUT", f"tickets/{ids[0]}", {"priority": 4})
    freshdesk.ask("PUT", f"tickets/{ids[9]}", {"priority": 4})
    rest = numbers(pages)

    assert numbers([first]) == ids[:4]
    assert rest == [*ids[4:9], ids[0], ids[9]]


def test_spam_and_deleted_tickets_are_not_listed(freshdesk: EmulatedFreshdesk) -> None:
    ids = place_tickets(freshdesk, [0, 1, 2])
    freshdesk.ask("DELETE", f"tickets/{ids[0]}")
    freshdesk.place("tickets", id=int(ids[1]), spam=True)

    assert numbers(freshdesk.pages(TICKET, ListQuery(limit=10))) == ids[2:]


@given(
    st.one_of(st.text(max_size=30), st.sampled_from(["1", "2026-05-01T09:30:00Z/1", "2026-05-01T09:30:00Z/0/", "x/1/"]))
)
def test_a_foreign_cursor_is_refused_and_no_accident(after: str) -> None:
    ask: Any = TICKET.endpoints.list
    try:
        request = ask(ListQuery(limit=10, after=after), ACCOUNT)
    except ValueError:
        return
    assert request.query[0][0] == "updated_since"


@pytest.mark.parametrize("after", ["", "0", "-1", "x", "1.5", "99999999999", "\u0663"])
def test_a_page_is_a_number(after: str) -> None:
    with pytest.raises(ValueError):
        required(CUSTOMER.endpoints.list)(ListQuery(limit=10, after=after), ACCOUNT)


def test_an_empty_list_ends() -> None:
    page: Any = TICKET.endpoints.page
    assert page(reply(b"[]"), ListQuery(limit=10), ACCOUNT).next is None


def test_every_contact_comes_once(freshdesk: EmulatedFreshdesk) -> None:
    for place in range(23):
        freshdesk.ask("POST", "contacts", {"name": f"N{place:02}", "email": f"n{place}@naht.example"})

    pages = list(freshdesk.pages(CUSTOMER, ListQuery(limit=10)))

    assert [len(some) for some in pages] == [10, 10, 3]
    assert len(set(numbers(pages))) == 23


def test_contacts_are_found_by_address_and_by_key(freshdesk: EmulatedFreshdesk) -> None:
    body = {"display_name": "Ida", "emails": [{"address": "ida@naht.example"}], "external_id": "erp-7"}
    ida = freshdesk.made(CUSTOMER, msgspec.convert(body, CustomerPatch))
    freshdesk.ask("POST", "contacts", {"name": "Otto", "email": "otto@naht.example"})

    for filters in ({"email": "IDA@naht.example"}, {"external_id": "erp-7"}):
        assert numbers(freshdesk.pages(CUSTOMER, ListQuery(limit=10, filters=filters))) == [ida.remote.id]
    since = datetime.fromtimestamp(freshdesk.now + 1, UTC)
    assert numbers(freshdesk.pages(CUSTOMER, ListQuery(limit=10, updated_since=since))) == []
