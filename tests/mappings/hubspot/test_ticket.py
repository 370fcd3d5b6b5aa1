"""Tickets: stages and statuses, the requester behind an association, and what a write may set."""

from datetime import UTC, datetime
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.parts import CustomFieldPatch, ReferencePatch
from canonical.ticket import (
    Ticket,
    TicketPatch,
    TicketPriority,
)
from mappings.hubspot.ticket_r1 import to_canonical, to_vendor
from mappings.hubspot.wire_v3 import (
    Account,
    AssociatedId,
    AssociatedIds,
    Person,
    RecordWrite,
    TicketAssociations,
    TicketRecord,
)
from mappings.spec import VendorDrift
from tests.mappings.drafts import only
from tests.mappings.read_back import assert_reads_back
from tests.required import required

FRESH = Account()
PROPERTIES_OF = {
    "subject": {"subject"},
    "description": {"content"},
    "status": {"hs_pipeline_stage"},
    "priority": {"hs_ticket_priority"},
    "type": {"hs_ticket_category"},
    "channel": {"source_type"},
    "assignee": {"hubspot_owner_id"},
    "external_id": {"lockstitch_external_id"},
}
CLEARABLE = ("subject", "description", "assignee", "external_id")
LINE = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
HOLDABLE = st.fixed_dictionaries(
    {},
    optional={
        "subject": st.none() | LINE,
        "description": st.none() | LINE,
        "status": st.sampled_from(["new", "open", "waiting_on_customer", "closed"]),
        "priority": st.sampled_from(["low", "normal", "high", "urgent", "none"]),
        "type": st.sampled_from(["question", "problem", "feature_request"]),
        "channel": st.sampled_from(["email", "chat", "phone", "web_form"]),
        "assignee": st.none() | LINE.map(lambda id: ReferencePatch(remote_id=id)),
        "external_id": st.none() | LINE.filter(bool),
    },
)


def ticket(*contacts: str, **properties: str | None) -> TicketRecord:
    """A ticket of these contacts with these properties."""
    moment = msgspec.convert("2026-03-12T07:33:57Z", TicketRecord.__annotations__["created_at"])
    associations: Any = msgspec.UNSET
    if contacts:
        results = tuple(AssociatedId(id=one) for one in contacts)
        associations = TicketAssociations(contacts=AssociatedIds(results=results))
    return TicketRecord(
        id="21", properties=dict(properties), created_at=moment, updated_at=moment, associations=associations
    )


def written(record: TicketRecord, body: RecordWrite) -> TicketRecord:
    """The ticket after HubSpot has carried out the write: "" clears."""
    cleared = {name: value or None for name, value in body.properties.items()}
    return msgspec.structs.replace(record, properties=record.properties | cleared)


def read(record: TicketRecord, account: Account = FRESH) -> Ticket:
    """What the ticket means."""
    return to_canonical(record, account).data


def refused(patch: TicketPatch, current: TicketRecord | None = None, account: Account = FRESH) -> dict[str, str]:
    """The complaints about a write, by pointer."""
    return {one.pointer: one.detail for one in to_vendor(patch, current, account).refused}


FULL = ticket(
    "51",
    subject="Old",
    content="Old story",
    hs_pipeline="0",
    hs_pipeline_stage="3",
    hs_ticket_priority="LOW",
    hs_ticket_category="BILLING_ISSUE",
    source_type="CHAT",
    hubspot_owner_id="1",
    lockstitch_external_id="old",
)


@given(HOLDABLE)
def test_what_is_written_reads_back_and_the_rest_stays(fields: dict[str, Any]) -> None:
    draft = to_vendor(TicketPatch(**fields), FULL, FRESH)
    before, after = read(FULL), read(written(FULL, draft.body))

    assert draft.refused == ()
    assert_reads_back(TicketPatch(**fields), after, before, among=PROPERTIES_OF)


@pytest.mark.parametrize("name", CLEARABLE)
def test_null_clears(name: str) -> None:
    draft = to_vendor(only(TicketPatch, name, None), FULL, FRESH)

    assert draft.body.properties == dict.fromkeys(PROPERTIES_OF[name], "")
    assert getattr(read(written(FULL, draft.body)), name) is None


# ------------------------------------------------------------------ statuses


def test_a_status_picks_a_stage_of_the_tickets_own_pipeline(account: Account) -> None:
    returned = ticket(hs_pipeline="75304820", hs_pipeline_stage="144402861")

    assert to_vendor(TicketPatch(status="closed"), returned, account).body.properties == {
        "hs_pipeline_stage": "144402863"
    }
    assert to_vendor(TicketPatch(status="new"), returned, account).body.properties == {"hs_pipeline_stage": "144402861"}
    assert refused(TicketPatch(status="spam"), returned, account) == {
        "/status": "the HubSpot pipeline 'Returns' has one of: open, waiting_on_customer, closed"
    }


def test_a_ticket_in_such_a_stage_stays_there(account: Account) -> None:
    second_line = ticket(hs_pipeline="0", hs_pipeline_stage="981000007")

    assert read(second_line, account).status == "open"
    assert to_vendor(TicketPatch(status="open"), second_line, account).body.properties == {
        "hs_pipeline_stage": "981000007"
    }


def test_a_new_ticket_goes_to_the_first_pipeline(account: Account) -> None:
    draft = to_vendor(TicketPatch(status="waiting_on_customer"), None, account)

    assert draft.body.properties == {"hs_pipeline": "0", "hs_pipeline_stage": "2"}


def test_without_the_tickets_pipeline_no_status_is_written() -> None:
    assert refused(TicketPatch(status="closed"), ticket(hs_pipeline="99")).keys() == {"/status"}


@given(st.none() | LINE, st.none() | LINE)
def test_no_stage_breaks_the_reading(pipeline: str | None, stage: str | None) -> None:
    result = read(ticket(hs_pipeline=pipeline, hs_pipeline_stage=stage))

    assert result.status_raw == (stage or None)
    assert (result.status == "unknown") == (result.status_label is None)


# -------------------------------------------------------- other enumerations


def test_a_value_that_the_account_lacks_becomes_the_nearest(account: Account) -> None:
    urgent = to_vendor(TicketPatch(priority="urgent"), None, account)
    assert urgent.body.properties == {"hs_ticket_priority": "HIGH"}
    assert [(one.path, one.kind) for one in urgent.loss] == [("/priority", "coerced")]
    assert refused(TicketPatch(priority="unknown"), None, account)["/priority"].endswith(
        "one of: low, normal, high, none"
    )


@given(st.none() | LINE, st.none() | LINE, st.none() | LINE)
def test_invented_values_read_as_unknown(priority: str | None, category: str | None, source: str | None) -> None:
    result = read(ticket(hs_ticket_priority=priority, hs_ticket_category=category, source_type=source))

    assert (result.priority_raw, result.type_raw, result.channel_raw) == (
        priority or None,
        category or None,
        source or None,
    )
    assert result.priority == "none" if not priority else result.priority in get_args(TicketPriority)


def test_a_date_that_is_none_is_drift() -> None:
    with pytest.raises(VendorDrift) as drift:
        read(ticket(closed_date="yesterday"))
    assert drift.value.path == "$.properties.closed_date"


def test_dates_of_older_answers_are_milliseconds() -> None:
    result = read(ticket(closed_date="1773306837041", first_agent_reply_date="2026-03-12T09:13:57.041+00:00"))

    assert required(result.closed_at) == result.first_responded_at


def test_ten_digits_are_seconds() -> None:
    assert read(ticket(closed_date="1773306837")).closed_at == datetime(2026, 3, 12, 9, 13, 57, tzinfo=UTC)


# ----------------------------------------------------------------- requester


def test_the_requester_is_made_by_an_association() -> None:
    draft = to_vendor(TicketPatch(subject="Help", requester=ReferencePatch(remote_id="51")), None, FRESH)

    assert msgspec.to_builtins(draft.body.associations) == (
        {"to": {"id": "51"}, "types": ({"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 16},)},
    )


def test_a_requester_without_an_id_is_dropped_with_advice() -> None:
    for requester in (ReferencePatch(email="ann@example.com", name="Ann"), ReferencePatch(name="Ann")):
        draft = to_vendor(TicketPatch(requester=requester), None, FRESH)
        assert (draft.refused, draft.body.associations) == ((), ())
        assert [(one.path, one.kind) for one in draft.loss] == [("/requester", "dropped")]
        assert "send requester.email" in draft.loss[0].detail
    assert refused(TicketPatch(requester=ReferencePatch(id="cus_0198"))).keys() == {"/requester/id"}


def test_orders_are_associations_made_with_the_ticket() -> None:
    patch = TicketPatch(orders=(ReferencePatch(remote_id="71"), ReferencePatch(remote_id="71")))
    may = msgspec.structs.replace(FRESH, ticket_to_order=526)
    kind = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 526}

    draft = to_vendor(patch, None, may)
    assert msgspec.to_builtins(draft.body.associations) == ({"to": {"id": "71"}, "types": (kind,)},)
    without = to_vendor(patch, None, FRESH)
    assert ([(one.path, one.kind) for one in without.loss], without.body.associations) == ([("/orders", "dropped")], ())
    account = msgspec.structs.replace(may, ticket_orders={"21": ("71",)})
    assert [one.remote_id for one in read(ticket(), account).orders] == ["71"]
    assert (to_vendor(patch, ticket(), account).refused, to_vendor(patch, ticket(), account).body.associations) == (
        (),
        (),
    )
    assert [one.pointer for one in to_vendor(patch, ticket(), may).refused] == ["/orders"]
    assert [one.pointer for one in to_vendor(TicketPatch(orders=()), ticket(), account).refused] == ["/orders"]


def test_what_the_contact_holds_is_not_written_through_the_ticket() -> None:
    patch = TicketPatch(requester=ReferencePatch(remote_id="51", name="Ann", email="ann@example.com", phone="044"))

    known = msgspec.structs.replace(FRESH, people={"51": Person(name="Anna", email="ann@example.com", phone=None)})

    assert (refused(patch), to_vendor(patch, None, FRESH).loss) == ({}, ())
    assert [(one.path, one.kind) for one in to_vendor(patch, None, known).loss] == [("/requester/name", "coerced")]


def test_html_becomes_the_text_of_a_ticket() -> None:
    html = TicketPatch(description_html="<p>Hello <b>you</b></p><script>x()</script><p>&amp; me</p>")
    both = TicketPatch(description="Hello", description_html="<p>Hello</p>")

    assert to_vendor(html, None, FRESH).body.properties == {"content": "Hello you\n& me"}
    assert to_vendor(both, None, FRESH).body.properties == {"content": "Hello"}
    assert [(one.path, one.kind) for one in to_vendor(html, None, FRESH).loss] == [("/description_html", "coerced")]


@pytest.mark.parametrize("requester", [ReferencePatch(remote_id="52"), ReferencePatch(email="bo@example.com"), None])
def test_an_update_cannot_change_the_requester(requester: ReferencePatch | None) -> None:
    draft = to_vendor(TicketPatch(requester=requester), FULL, FRESH)

    assert [(one.kind, one.pointer) for one in draft.refused] == [("unsupported", "/requester")]
    assert draft.body.associations == ()


def test_the_same_requester_again_changes_nothing() -> None:
    known = msgspec.structs.replace(FRESH, requesters={"21": ("51",)})
    same = TicketPatch(requester=ReferencePatch(remote_id="51"))

    assert to_vendor(same, FULL, FRESH).refused == ()
    assert to_vendor(same, ticket(), known).refused == ()
    assert to_vendor(TicketPatch(requester=None), ticket(), FRESH).refused == ()
    assert to_vendor(same, FULL, FRESH).body == RecordWrite(properties={})


def test_associated_contacts_complete_the_requester() -> None:
    ann = Person(name="Ann Lee", email="ann@example.com", phone="044")
    known = msgspec.structs.replace(FRESH, requesters={"21": ("51", "52")}, people={"51": ann})

    result = to_canonical(ticket(), known)

    assert result.data.requester is not None
    assert (result.data.requester.remote_id, result.data.requester.email) == ("51", "ann@example.com")
    assert [(loss.path, loss.kind) for loss in result.loss] == [("/requester", "ambiguous")]
    assert read(ticket()).requester is None


def test_custom_fields_are_written(account: Account) -> None:
    draft = to_vendor(TicketPatch(custom_fields=(CustomFieldPatch(key="warranty", value=True),)), FULL, account)

    assert draft.body.properties == {"warranty": "true"}
