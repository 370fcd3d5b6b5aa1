"""What people can choose from is what the org holds, and what a write takes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.parts import ObjectName
from canonical.ticket import TicketPatch
from emulators.salesforce.ids import QUEUE_ID, USER_ID
from mappings.manifest import FieldOptions
from mappings.salesforce.choices import CHOICES
from mappings.salesforce.ticket_r1 import TICKET
from mappings.salesforce.wire_v62 import Account
from mappings.spec import Unmappable
from tests.mappings.drafts import reply

from .conftest import EmulatedOrg


def options(salesforce: EmulatedOrg, name: ObjectName) -> FieldOptions:
    """The options of an object's fields, as a flow gets them."""
    replies = []
    for request in CHOICES.requests(salesforce.account):
        pages = [salesforce.must(request)]
        while (following := CHOICES.following(request, pages[-1])) is not None:
            pages.append(salesforce.must(following))
        replies.append(tuple(pages))
    return CHOICES.read(salesforce.account, name, tuple(replies))


def choices(options_: FieldOptions, name: str) -> dict[str, str]:
    """Labels by value."""
    return {option.value: option.label for option in options_[name]}


def test_the_options_of_a_ticket_are_the_orgs_own(salesforce: EmulatedOrg) -> None:
    team_options = options(salesforce, "ticket")

    assert choices(team_options, "assignee") == {USER_ID: "Dev Admin"}
    assert choices(team_options, "team") == {QUEUE_ID: "First line"}
    assert choices(team_options, "status") == {
        "new": "New",
        "open": "Working, Waiting for parts, Escalated",
        "on_hold": "On Hold",
        "closed": "Closed",
    }
    assert choices(team_options, "priority") == {"high": "High", "normal": "Medium", "low": "Low", "none": "-"}
    assert "Warranty" in choices(team_options, "custom_fields.record_type")


def test_every_option_of_a_ticket_is_taken_by_a_write(salesforce: EmulatedOrg) -> None:
    for name, listed in options(salesforce, "ticket").items():
        for option in listed if "." not in name else ():
            fields: dict[str, Any] = {name: option.value}
            assert TICKET.to_vendor(TicketPatch(**fields), None, salesforce.account).refused == ()


def test_customers_and_orders_have_theirs(salesforce: EmulatedOrg) -> None:
    customer, order = options(salesforce, "customer"), options(salesforce, "order")

    assert choices(customer, "custom_fields.tier") == {"gold": "gold", "silver": "silver"}
    assert "custom_fields.nickname" not in customer
    assert "Web" in choices(customer, "lead_source")
    assert choices(order, "status") == {"draft": "Draft", "open": "Activated", "completed": "Completed"}
    assert options(salesforce, "comment") == {}


def test_many_users_come_in_batches(salesforce: EmulatedOrg) -> None:
    for place in range(2100):
        salesforce.place("User", Name=f"{place:04}", UserType="Standard", IsActive=place % 2 == 0)

    listed = options(salesforce, "ticket")["assignee"]

    assert len(listed) == 2101
    assert [option.active for option in listed[:2]] == [True, False]


def test_a_list_that_could_not_be_had_is_left_out() -> None:
    options_ = CHOICES.read(Account(), "ticket", ((), ()))

    assert "assignee" not in options_
    assert "status" in options_


@given(st.binary())
def test_an_answer_of_another_shape_is_drift(body: bytes) -> None:
    with pytest.raises(Unmappable):
        CHOICES.following(CHOICES.requests(Account())[0], reply(body))
