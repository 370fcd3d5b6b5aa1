"""Cases and their comments: a change touches nothing else, every word is judged."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.parts import ReferencePatch
from canonical.ticket import (
    CommentPatch,
    Ticket,
    TicketPatch,
)
from mappings.salesforce.comment_r1 import COMMENT
from mappings.salesforce.requests import body_of
from mappings.salesforce.ticket_r1 import to_canonical, to_vendor
from mappings.salesforce.wire_v62 import Account, Case
from tests.mappings.drafts import only
from tests.required import required

from .words import ORG

USER, QUEUE = "005dM00000EmLtrQAF", "00GdM00000Frst1QAB"
COMPANY, CONTACT, PARENT = "001dM00000Loop1QAF", "003dM00001aBcDeQAK", "500dM00003F2OMkQAN"
LINE = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs", "Zs", "Cc"]), max_size=40)
FULL = msgspec.convert(
    {
        "Id": "500dM00003F2OMjQAN",
        "CaseNumber": "00001001",
        "Subject": "Old",
        "Description": "old",
        "Status": "New",
        "Priority": "Low",
        "Type": "Problem",
        "Origin": "Web",
        "ContactId": "003dM00001vWOXQQA4",
        "Contact": {"Name": "Bo Field", "Email": "Bo@field.example", "Phone": "044 1"},
        "AccountId": "001dM00003jU9H2QAK",
        "ParentId": "500dM00003F2OMmQAN",
        "OwnerId": USER,
        "Lockstitch_Key__c": "old",
    },
    Case,
)


def sent(patch: TicketPatch, current: Case | None = FULL) -> dict[str, Any]:
    """The members of the body."""
    return body_of(to_vendor(patch, current, ORG).body)


def written(record: Case, patch: TicketPatch) -> Case:
    """The case after Salesforce has carried out the write; whether it is closed follows from the status."""
    members = msgspec.to_builtins(record) | sent(patch, record)
    members["IsClosed"] = members["Status"] in ("Resolved", "Closed")
    return msgspec.convert(members, Case)


def read(record: Case, account: Account = ORG) -> Ticket:
    """What the case means."""
    return to_canonical(record, account).data


def refused(patch: TicketPatch, current: Case | None = None) -> dict[str, str]:
    """The complaints about a write, by pointer."""
    return {one.pointer: one.detail for one in to_vendor(patch, current, ORG).refused}


@pytest.mark.parametrize("name", ["subject", "description", "company", "parent", "external_id", "requester"])
def test_null_clears(name: str) -> None:
    patch = only(TicketPatch, name, None)

    assert refused(patch, FULL) == {}
    assert not any(sent(patch).values())
    assert getattr(read(written(FULL, patch)), name) is None


# ------------------------------------------------------------- enumerations


@given(st.none() | LINE, st.booleans(), st.sampled_from(["Status", "Priority", "Type", "Origin"]))
def test_an_invented_word_is_unknown_and_kept(word: str | None, closed: bool, field: str) -> None:
    record = msgspec.convert({"Id": "500dM00003F2OMjQAN", field: word, "IsClosed": closed}, Case)

    ticket = read(record)

    assert {"Status": ticket.status_raw, "Priority": ticket.priority_raw, "Type": ticket.type_raw}.get(
        field, ticket.channel_raw
    ) == word
    assert (ticket.status_category == "done") == closed
    assert msgspec.json.decode(msgspec.json.encode(ticket), type=Ticket) == ticket


def test_the_present_status_is_kept_if_it_means_the_same() -> None:
    here = msgspec.structs.replace(FULL, status="Sent to workshop")

    assert sent(TicketPatch(status="open"), here) == {"Status": "Sent to workshop"}
    assert sent(TicketPatch(status="open"), None) == {"Status": "In Progress"}


@pytest.mark.parametrize(
    ("status", "closed", "deleted", "means"),
    [
        ("Closed", True, False, "closed"),
        ("Closed", False, False, "open"),
        ("On Hold", True, False, "closed"),
        ("Escalated", False, False, "open"),
        ("Awaiting Vendor", False, False, "unknown"),
        ("Awaiting Vendor", True, False, "closed"),
        ("New", False, True, "deleted"),
    ],
)
def test_whether_it_is_closed_is_salesforces_own_word(status: str, closed: bool, deleted: bool, means: str) -> None:
    record = msgspec.structs.replace(FULL, status=status, is_closed=closed, is_deleted=deleted)

    assert read(record).status == means


@pytest.mark.parametrize(
    ("members", "means"),
    [
        ({"Status": "Closed"}, "closed"),
        ({"Status": "Closed", "IsClosed": None}, "closed"),
        ({"Status": "Resolved"}, "resolved"),
        ({"Status": "Merged"}, "closed"),
        ({"Status": "Erledigt", "ClosedDate": "2026-05-04T11:20:00.000+0000"}, "closed"),
        ({"Status": "Erledigt"}, "unknown"),
        ({"Status": "On Hold"}, "on_hold"),
        ({}, "unknown"),
    ],
)
def test_a_case_without_is_closed_is_judged_by_its_status(members: dict[str, Any], means: str) -> None:
    assert read(msgspec.convert({"Id": "500dM00003F2OMjQAN", **members}, Case)).status == means


def test_without_a_system_stamp_the_last_user_change_counts() -> None:
    members = {"Id": "500dM00003F2OMjQAN", "LastModifiedDate": "2026-05-02T08:00:00.000+0000"}
    mapped = to_canonical(msgspec.convert(members, Case), ORG)
    both = to_canonical(msgspec.convert(members | {"SystemModstamp": "2026-05-03T08:00:00.000+0000"}, Case), ORG)

    assert mapped.data.updated_at == mapped.remote.updated_at == datetime(2026, 5, 2, 8, tzinfo=UTC)
    assert both.data.updated_at == datetime(2026, 5, 3, 8, tzinfo=UTC)


# ------------------------------------------------------ owners and requesters


def test_an_owner_whose_id_the_user_may_not_see_has_a_name() -> None:
    members = msgspec.to_builtins(FULL) | {"OwnerId": None, "Owner": {"Name": "Dev Admin", "Email": "Dev@example.com"}}
    owner = required(to_canonical(msgspec.convert(members, Case), ORG).data.assignee)

    assert (owner.remote_id, owner.name, owner.email) == (None, "Dev Admin", "dev@example.com")


def test_an_owner_is_a_user_or_a_queue() -> None:
    both = TicketPatch(assignee=ReferencePatch(remote_id=USER), team=ReferencePatch(remote_id=QUEUE))

    assert refused(both).keys() == {"/team"}
    assert refused(TicketPatch(assignee=None), FULL).keys() == {"/assignee"}
    assert refused(TicketPatch(team=None), FULL) == {}
    assert sent(TicketPatch(assignee=None, team=ReferencePatch(remote_id=QUEUE))) == {"OwnerId": QUEUE}
    assert refused(TicketPatch(assignee=ReferencePatch(remote_id=QUEUE))).keys() == {"/assignee/remote_id"}


def test_a_requester_is_a_contact_or_what_somebody_says_of_himself() -> None:
    stranger = TicketPatch(requester=ReferencePatch(name="Cy", email="Cy@example.com"))
    same = TicketPatch(requester=ReferencePatch(remote_id="003dM00001vWOXQQA4", name="Bo Field"))

    assert sent(stranger) == {
        "ContactId": None,
        "SuppliedName": "Cy",
        "SuppliedEmail": "cy@example.com",
        "SuppliedPhone": None,
    }
    assert "ContactId" not in sent(stranger, None)
    assert read(written(FULL, stranger)).requester == msgspec.structs.replace(
        read(FULL).requester or pytest.fail("nobody"), remote_id=None, name="Cy", email="cy@example.com", phone=None
    )
    assert refused(same, FULL) == {}
    assert refused(TicketPatch(requester=ReferencePatch(remote_id=CONTACT, name="Cy")), FULL) == {}
    assert refused(TicketPatch(requester=ReferencePatch())).keys() == {"/requester"}
    assert refused(TicketPatch(requester=ReferencePatch(id="cus_1"))).keys() == {"/requester/id"}
    assert refused(TicketPatch(requester=ReferencePatch(remote_id="51"))).keys() == {"/requester/remote_id"}


# ------------------------------------------------------------------- comments


@pytest.mark.parametrize(
    ("comment", "pointer"),
    [
        (CommentPatch(), "/body_text"),
        (CommentPatch(body_text=" "), "/body_text"),
        (CommentPatch(body_text="ü" * 2001), "/body_text"),
    ],
)
def test_a_comment_that_cannot_be_kept_is_refused(comment: CommentPatch, pointer: str) -> None:
    assert [one.pointer for one in COMMENT.to_vendor(comment, None, ORG).refused] == [pointer]
