"""An event of a user has the new text of the field that changed, and reports what it lacks."""

from typing import Any

import msgspec
import pytest

from mappings.zendesk.webhook_r1 import NOT_IN_USER_EVENTS, customer_of_event
from mappings.zendesk.wire_v2 import Account
from mappings.zendesk.wire_webhook import UserEvent


@pytest.mark.parametrize(
    ("happened", "current", "field", "value"),
    [
        ("name_changed", "Ada Byron", "display_name", "Ada Byron"),
        ("notes_changed", "Likes tea", "notes", "Likes tea"),
        ("notes_changed", "", "notes", None),
        ("suspended_changed", True, "status", "blocked"),
    ],
)
def test_the_field_that_changed_is_mapped(happened: str, current: Any, field: str, value: str | None) -> None:
    event = {
        "type": f"zen:event-type:user.{happened}",
        "detail": {"id": "9", "role": "end-user"},
        "event": {"current": current},
    }
    mapped = customer_of_event(msgspec.json.decode(msgspec.json.encode(event), type=UserEvent), Account())
    assert getattr(mapped.data, field) == value
    assert {loss.path[1:] for loss in mapped.loss} == {*NOT_IN_USER_EVENTS, "status"} - {field}


@pytest.mark.parametrize("current", [None, 7, {"text": "Ada"}])
def test_a_new_name_that_is_no_text_is_lacking(current: Any) -> None:
    event = {"type": "zen:event-type:user.name_changed", "detail": {"id": "9", "role": "end-user"}}
    payload = msgspec.json.encode({**event, "event": {"current": current}})
    mapped = customer_of_event(msgspec.json.decode(payload, type=UserEvent), Account())
    assert mapped.data.display_name is None
    assert "/display_name" in {loss.path for loss in mapped.loss}
