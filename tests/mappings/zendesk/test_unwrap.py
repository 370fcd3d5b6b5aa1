"""Finding records in whole answers, webhooks and bare records; saying why where there is none."""

import msgspec
import pytest

from canonical.parts import ObjectName
from mappings.spec import Unmappable
from mappings.zendesk import VENDOR
from mappings.zendesk.wire_v2 import Account

from .conftest import FIXTURES, MAPPINGS, Desk, read_any, understood
from .test_comments import say
from .test_ticket_write import create

USER = '{"id":1,"role":"end-user","active":true}'
TICKET = '{"id":2,"requester_id":1,"status":"new"}'
COMMENT = '{"id":3,"author_id":1,"body":"x"}'


@pytest.mark.parametrize(
    ("object_name", "payload", "expected"),
    [
        ("customer", f'{{"user":{USER}}}', [USER]),
        ("customer", f'{{"users":[{USER},{USER}],"count":2}}', [USER, USER]),
        ("customer", USER, [USER]),
        ("customer", f'{{"tickets":[{TICKET}],"users":[{USER}]}}', [USER]),
        ("ticket", f'{{"tickets":[{TICKET}],"users":[{USER}]}}', [TICKET]),
        ("ticket", f'{{"ticket":{TICKET},"audit":{{}}}}', [TICKET]),
        ("ticket", TICKET, [TICKET]),
        ("comment", f'{{"comments":[{COMMENT}]}}', [COMMENT]),
        ("comment", COMMENT, [COMMENT]),
        ("ticket", '{"tickets":[]}', []),
    ],
)
def test_records_are_found(object_name: ObjectName, payload: str, expected: list[str]) -> None:
    records = VENDOR.unwrap(payload.encode(), object_name)

    assert [bytes(raw).decode() for raw in records] == expected


def test_a_search_holds_both_kinds() -> None:
    ticket, user = '{"id":2,"result_type":"ticket"}', '{"id":1,"result_type":"user"}'
    payload = f'{{"results":[{ticket},{user}],"count":2}}'.encode()

    assert [bytes(raw).decode() for raw in VENDOR.unwrap(payload, "ticket")] == [ticket]
    assert [bytes(raw).decode() for raw in VENDOR.unwrap(payload, "customer")] == [user]


def test_a_comment_is_found_in_the_answer_to_its_writing(zendesk: Desk, account: Account) -> None:
    answer = say(zendesk, create(zendesk, {"description": "Stuck"}, account), {"body_text": "Try this"}, account)

    (record,) = VENDOR.unwrap(answer.body, "comment")

    assert read_any(bytes(record), MAPPINGS["comment"], account).data.body_text == "Try this"


@pytest.mark.parametrize(
    ("object_name", "change", "path"),
    [
        ("ticket", {"type": "zen:event-type:user.created"}, "$.type"),
        ("ticket", {"detail": {"id": "71447", "tags": []}}, "$.detail"),
        ("customer", {"type": "zen:event-type:organization.created"}, "$.type"),
        ("customer", {"detail": {"id": "71447"}}, "$.detail"),
        ("ticket", {"detail": {"id": 71447}}, "$.detail.id"),
    ],
)
def test_an_event_that_does_not_carry_the_record_is_refused(
    object_name: ObjectName, change: dict[str, object], path: str, account: Account
) -> None:
    event = msgspec.json.decode((FIXTURES / f"{object_name}-event.in.json").read_bytes())

    with pytest.raises(Unmappable) as refusal:
        understood(msgspec.json.encode(event | change), MAPPINGS[object_name], account)

    assert refusal.value.path == path


@pytest.mark.parametrize(
    ("happened", "status", "raw"),
    [
        ("ticket.soft_deleted", "deleted", "PENDING"),
        ("ticket.permanently_deleted", "deleted", "PENDING"),
        ("ticket.marked_as_spam", "spam", "PENDING"),
        ("ticket.comment_added", "waiting_on_customer", "PENDING"),
    ],
)
def test_a_ticket_that_is_gone_is_not_read_as_it_was_before(
    happened: str, status: str, raw: str, account: Account
) -> None:
    event = msgspec.json.decode((FIXTURES / "ticket-event.in.json").read_bytes())

    (mapped,) = understood(
        msgspec.json.encode(event | {"type": f"zen:event-type:{happened}"}), MAPPINGS["ticket"], account
    )

    assert (mapped.data.status, mapped.data.status_raw) == (status, raw)


def test_a_merged_ticket_says_into_which(account: Account) -> None:
    event = msgspec.json.decode((FIXTURES / "ticket-event.in.json").read_bytes())
    merged = event | {"type": "zen:event-type:ticket.merged", "event": {"target_ticket_id": "35437"}}

    (mapped,) = understood(msgspec.json.encode(merged), MAPPINGS["ticket"], account)

    assert mapped.data.merged_into.remote_id == "35437"


@pytest.mark.parametrize(
    ("happened", "current", "status"),
    [
        ("user.active_changed", True, "active"),
        ("user.active_changed", False, "archived"),
        ("user.suspended_changed", True, "blocked"),
        ("user.suspended_changed", False, "unknown"),
        ("user.deleted", None, "archived"),
        ("user.created", None, "active"),
        ("user.role_changed", "agent", "unknown"),
    ],
)
def test_only_a_status_event_has_a_users_status(happened: str, current: object, status: str, account: Account) -> None:
    event = msgspec.json.decode((FIXTURES / "customer-event.in.json").read_bytes())
    changed = event | {"type": f"zen:event-type:{happened}", "event": {"current": current}}

    (mapped,) = understood(msgspec.json.encode(changed), MAPPINGS["customer"], account)

    assert mapped.data.status == status
    assert ("/status" in {loss.path for loss in mapped.loss}) is (status == "unknown")
