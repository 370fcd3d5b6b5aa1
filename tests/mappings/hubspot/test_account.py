"""What an account's answers make of it, and how its stages read."""

import msgspec
import pytest

from canonical.order import OrderStatus
from canonical.ticket import TicketStatus
from mappings.http import VendorReply
from mappings.hubspot import VENDOR
from mappings.hubspot.account import build_account, order_stage_status, stage_status, stages_with_status
from mappings.hubspot.wire_v3 import ORDER_PIPELINE, Account, StageMetadata, StageRecord
from mappings.spec import VendorDrift

from .conftest import FIXTURES


def test_what_could_not_be_read_is_as_hubspot_documents_it() -> None:
    assert build_account((None,) * 7, {}) == Account()


def test_pipelines_and_stages_come_in_display_order(account: Account) -> None:
    assert list(account.pipelines) == ["0", "75304820"]
    assert list(account.pipelines["75304820"].stages) == ["144402861", "144402862", "144402863"]
    assert account.options["contacts.lifecyclestage"] == ("lead", "288466140", "opportunity", "customer")
    assert "tickets.hs_ticket_category" not in account.options


@pytest.mark.parametrize(
    ("pipeline", "stage", "label", "state", "closed", "status"),
    [
        ("0", "1", "New", "OPEN", None, "new"),
        ("0", "2", "Warten auf Kontakt", "OPEN", None, "waiting_on_customer"),
        ("0", "3", "Anything", None, None, "open"),
        ("0", "4", "Closed", None, None, "closed"),
        ("0", "4", "Closed", "OPEN", None, "open"),
        ("0", "2", "Waiting on contact", "CLOSED", None, "closed"),
        ("7", "1", "Anything", "OPEN", None, "open"),
        ("7", "71", " Waiting on Contact ", "OPEN", None, "waiting_on_customer"),
        ("7", "72", "New", "OPEN", "false", "new"),
        ("7", "73", "Rejected", "CLOSED", "true", "closed"),
        ("7", "74", "Rejected", None, "true", "closed"),
        ("7", "75", "On hold", None, "false", "open"),
        ("7", "76", "On hold", "SOMETHING", "perhaps", "open"),
    ],
)
def test_a_stage_reads_as_what_is_known_of_it(
    pipeline: str, stage: str, label: str, state: str | None, closed: str | None, status: TicketStatus
) -> None:
    record = StageRecord(id=stage, label=label, metadata=StageMetadata(ticket_state=state, is_closed=closed))

    assert stage_status(pipeline, record) == status


@pytest.mark.parametrize(
    ("pipeline", "stage", "label", "state", "status"),
    [
        (ORDER_PIPELINE, "4b27b500-f031-4927-9811-68a0b525cbae", "Offen", "OPEN", "open"),
        (ORDER_PIPELINE, "3725360f-519b-4b18-a593-494d60a29c9f", "Geliefert", "CLOSED", "completed"),
        (ORDER_PIPELINE, "3c85a297-e9ce-400b-b42e-9f16853d69d6", "Storniert", None, "cancelled"),
        (ORDER_PIPELINE, "3725360f-519b-4b18-a593-494d60a29c9f", "Cancelled", "CLOSED", "cancelled"),
        (ORDER_PIPELINE, "aa99e8d0-c1d5-4071-b915-d240bbb1aed9", "Shipped", "CLOSED", "completed"),
        ("7", "3725360f-519b-4b18-a593-494d60a29c9f", "Geliefert", "OPEN", "open"),
        ("7", "71", " On Hold ", "OPEN", "on_hold"),
        ("7", "72", "Delivered", "OPEN", "open"),
        ("7", "73", "Erledigt", "CLOSED", "unknown"),
        ("7", "74", "Anything", None, "open"),
    ],
)
def test_a_stage_of_orders_reads_by_its_label_then_its_id(
    pipeline: str, stage: str, label: str, state: str | None, status: OrderStatus
) -> None:
    record = StageRecord(id=stage, label=label, metadata=StageMetadata(state=state))

    assert order_stage_status(pipeline, record) == status


def test_the_association_with_orders_is_the_general_one(account: Account) -> None:
    assert account.ticket_to_order == 526
    labelled = VendorReply(status=200, headers={}, body=b'{"results":[{"category":"USER_DEFINED","typeId":41}]}')
    assert build_account((*(None,) * 6, labelled), {}).ticket_to_order is None


def test_stages_are_found_by_status_over_all_pipelines(account: Account) -> None:
    assert stages_with_status(account, "closed") == ("4", "144402863")
    assert stages_with_status(account, "resolved") == ()


def test_an_answer_of_another_shape_is_drift() -> None:
    answer = VendorReply(status=200, headers={}, body=b'{"results":[{"id":7}]}')

    with pytest.raises(VendorDrift):
        build_account((answer, None, None, None, None, None, None), {})
    with pytest.raises(VendorDrift):
        build_account((None, answer, None, None, None, None, None), {})
    with pytest.raises(VendorDrift):
        build_account((None, None, None, answer, None, None, None), {})


def test_the_requests_read_and_change_nothing() -> None:
    assert [(one.method, one.path) for one in VENDOR.account_requests] == [
        ("GET", "/crm/v3/pipelines/tickets"),
        ("POST", "/crm/v3/properties/contacts/batch/read"),
        ("POST", "/crm/v3/properties/tickets/batch/read"),
        ("GET", "/crm/v3/pipelines/orders"),
        ("POST", "/crm/v3/properties/orders/batch/read"),
        ("GET", "/crm/v3/owners"),
        ("GET", "/crm/v4/associations/tickets/orders/labels"),
    ]
    assert not any(one.effect for one in VENDOR.account_requests)


def test_the_facts_of_the_golden_records_are_what_the_answers_build(account: Account) -> None:
    written = msgspec.json.decode((FIXTURES / "account.json").read_bytes())

    assert written == msgspec.json.decode(msgspec.json.encode(account))
