"""What counts as a change of a record, over any two states of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from app.events.models import RecordChange
from app.events.record_changes import (
    Watched,
    changed,
    fields_of,
    history_of,
    is_older,
    read_state,
    state_of,
    watched_in,
)
from canonical.customer import Customer, Email
from canonical.parts import MappingName, Reference, ResourceMeta
from canonical.ticket import Ticket

EMPTY: tuple[Any, ...] = (None, [], {})
values: st.SearchStrategy[Any] = (
    st.none() | st.just([]) | st.text(max_size=4) | st.lists(st.text(max_size=2), max_size=3) | st.booleans()
)
FIELDS = ("first_name", "emails", "tags", "status", "status_raw", "notes", "updated_at", "id", "meta", "no_such_field")
states = st.dictionaries(st.sampled_from(FIELDS), values)


@given(before=states, after=states)
def test_a_field_is_named_if_and_only_if_its_value_differs(before: dict[str, Any], after: dict[str, Any]) -> None:
    named = changed(before, after, Customer)

    assert set(named) <= {"first_name", "emails", "tags", "status", "status_raw", "notes"}
    assert len(set(named)) == len(named)
    for name in ("first_name", "emails", "notes", "status_raw"):
        old, new = before.get(name), after.get(name)
        assert (name in named) == (old != new and not (old in EMPTY and new in EMPTY))


@given(state=states)
def test_nothing_differs_from_itself(state: dict[str, Any]) -> None:
    assert changed(state, state, Customer) == ()


@given(before=states, after=states)
def test_what_differs_one_way_differs_the_other_way(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert changed(before, after, Customer) == changed(after, before, Customer)


@given(tags=st.lists(st.text(max_size=3), max_size=5), rest=st.randoms())
def test_the_order_of_tags_means_nothing(tags: list[str], rest: Any) -> None:
    shuffled = list(tags)
    rest.shuffle(shuffled)
    assert changed({"tags": tags}, {"tags": shuffled}, Ticket) == ()


def test_on_first_sight_all_that_have_a_value_are_named() -> None:
    customer = Customer(
        id="cus_1",
        first_name="Ada",
        emails=(Email(address="ada@example.com"),),
        status="unknown",
        lifecycle_stage="unknown",
        lifecycle_stage_raw="hot",
        updated_at=datetime(2026, 5, 1, tzinfo=UTC),
    )
    named = changed(None, fields_of(state_of(customer)), Customer)
    assert named == ("first_name", "emails", "lifecycle_stage", "lifecycle_stage_raw")


def test_a_state_keeps_neither_meta_nor_the_vendors_payload() -> None:
    customer = Customer(first_name="Ada", raw={"secret": "x"})
    kept = fields_of(state_of(customer))
    assert {"meta", "raw"}.isdisjoint(kept)
    assert changed(kept, msgspec.json.decode(msgspec.json.encode(customer)), Customer) == ()


def test_a_state_names_the_revision_that_read_it_and_that_is_no_field() -> None:
    mapping = MappingName(name="hubspot.customer", revision=2, vendor_api="v3")
    meta = ResourceMeta(
        connection="crm",
        vendor="hubspot",
        remote_id="1",
        remote_url=None,
        remote_created_at=None,
        remote_updated_at=None,
        links=(),
        mapping=mapping,
        loss=(),
        unsupported=(),
    )
    state = state_of(Customer(first_name="Ada", meta=meta))

    assert read_state(state)[1].mapping_revision == 2
    assert fields_of(state) == fields_of(state_of(Customer(first_name="Ada")))
    assert read_state(b"{}")[1].mapping_revision is None


@given(seconds=st.integers(-10, 10))
def test_older_is_what_the_vendor_changed_earlier(seconds: int) -> None:
    moment = datetime(2026, 5, 1, tzinfo=UTC)
    before = {"updated_at": moment.isoformat().replace("+00:00", "Z")}
    after = {"updated_at": (moment + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")}
    assert is_older(before, after) == (seconds < 0)
    assert not is_older({}, after)
    assert not is_older(before, {"updated_at": None})


def test_another_name_of_an_assignee_is_no_change() -> None:
    ann, renamed, ben = ({"remote_id": id, "name": name} for id, name in (("1", "Ann"), ("1", "Anna"), ("2", "Ann")))

    assert changed({"assignee": ann}, {"assignee": renamed}, Ticket) == ()
    assert changed({"assignee": ann}, {"assignee": ben}, Ticket) == ("assignee",)
    assert changed({"assignee": ann}, {"assignee": None}, Ticket) == ("assignee",)


def test_the_history_of_an_assignee_is_one_of_ids() -> None:
    ticket = Ticket(assignee=Reference(remote_id="7", name="Ben", email="ben@example.com"))

    assert watched_in("ticket", ticket) == Watched(field="assignee", value="7")
    change = RecordChange(
        object="ticket",
        connection="desk",
        remote_id="1",
        type="ticket.updated",
        data=b"{}",
        changed=("assignee",),
        state=state_of(ticket),
    )
    (entry,) = history_of(change, "in_1", "run-1")
    assert (entry.facts["field"], entry.facts["before"], entry.facts["after"]) == ("assignee", None, "7")
    assert history_of(replace(change, changed=("subject",)), "in_1", "run-1") == []
