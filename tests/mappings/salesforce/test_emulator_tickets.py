"""Tickets and their comments against the emulator of Salesforce."""

import msgspec

from canonical.parts import CustomFieldPatch, ReferencePatch
from canonical.ticket import CommentPatch, Ticket, TicketPatch, TicketStatus
from emulators.salesforce.ids import QUEUE_ID, USER_ID
from emulators.salesforce.seed import ACCOUNT_ID
from mappings.endpoints import ListQuery
from mappings.salesforce.comment_r1 import COMMENT
from mappings.salesforce.ticket_r1 import TICKET
from tests.mappings.references import plain

from .conftest import EmulatedOrg
from .people import buyer


def test_a_ticket_is_created_for_a_contact_and_closed(salesforce: EmulatedOrg) -> None:
    contact = buyer(salesforce)
    patch = TicketPatch(
        subject="Seam came apart",
        description="After two days.",
        priority="high",
        type="problem",
        channel="email",
        requester=ReferencePatch(remote_id=contact),
        external_id="case-77",
        custom_fields=(CustomFieldPatch(key="record_type", value="Warranty"),),
    )
    id = salesforce.made(TICKET, patch, "op_2").remote.id
    ticket: Ticket = salesforce.read(TICKET, id).data
    assert (ticket.number, ticket.status, ticket.status_label) == ("00001001", "new", "New")
    assert (ticket.priority, ticket.type, ticket.channel) == ("high", "problem", "email")
    assert ticket.requester is not None
    assert (ticket.requester.remote_id, ticket.requester.email) == (contact, "ann.lee@example.com")
    assert (plain(ticket.company), plain(ticket.assignee)) == (ACCOUNT_ID, USER_ID)
    assert ticket.custom_fields[0].value == "Warranty"

    salesforce.changed(TICKET, id, TicketPatch(status="closed", team=ReferencePatch(remote_id=QUEUE_ID)))
    ticket = salesforce.read(TICKET, id).data
    assert (ticket.status, ticket.status_category, plain(ticket.team)) == ("closed", "done", QUEUE_ID)
    assert (ticket.assignee, ticket.closed_at is not None) == (None, True)


def test_somebody_without_a_contact_may_ask(salesforce: EmulatedOrg) -> None:
    requester = ReferencePatch(name="Bo Field", email="Bo@field.example")
    id = salesforce.made(TICKET, TicketPatch(subject="Lid", requester=requester), "op_1").remote.id

    ticket: Ticket = salesforce.read(TICKET, id).data

    assert ticket.requester is not None
    assert (ticket.requester.remote_id, ticket.requester.email) == (None, "bo@field.example")


def test_tickets_are_filtered_by_what_their_status_means(salesforce: EmulatedOrg) -> None:
    statuses: tuple[TicketStatus, ...] = ("new", "open", "on_hold", "closed", "open")
    for place, status in enumerate(statuses):
        salesforce.made(TICKET, TicketPatch(subject=str(place), status=status), f"op_{place}")

    def subjects(**filters: str) -> list[str]:
        return [one.data.subject for one in salesforce.listed(TICKET, ListQuery(limit=2, filters=filters))]

    assert subjects(status="open") == ["1", "4"]
    assert subjects(status="on_hold") == ["2"]
    assert subjects(status="spam") == []
    assert subjects(number="00001003") == ["2"]


def test_a_status_of_the_orgs_own_is_open_and_keeps_its_name(salesforce: EmulatedOrg) -> None:
    placed = salesforce.place("Case", CaseNumber="7", Status="Waiting for parts")

    ticket: Ticket = salesforce.read(TICKET, placed["Id"]).data

    assert (ticket.status, ticket.status_raw, ticket.status_label) == ("open", "Waiting for parts", "Waiting for parts")


def test_comments_are_added_and_listed_both_ways(salesforce: EmulatedOrg) -> None:
    case = salesforce.made(TICKET, TicketPatch(subject="Lid"), "op_1").remote.id
    for place in range(5):
        visible = "private" if place % 2 else "public"
        comment = msgspec.convert({"body_text": f"{place}", "visibility": visible}, CommentPatch)
        salesforce.must(salesforce.create(COMMENT, comment, f"op_c{place}", case))
        salesforce.now += 1

    listed = salesforce.listed(COMMENT, ListQuery(limit=2, parent=case))
    newest = salesforce.listed(COMMENT, ListQuery(limit=2, parent=case, newest_first=True))

    assert [one.data.body_text for one in listed] == ["0", "1", "2", "3", "4"]
    assert [one.remote.id for one in newest] == [one.remote.id for one in reversed(listed)]
    assert [one.data.visibility for one in listed[:2]] == ["public", "private"]
    assert (listed[0].data.author.kind, listed[0].data.author.name) == ("agent", "Dev Admin")
