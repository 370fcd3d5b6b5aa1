"""What people can choose from, as the emulator tells it."""

import pytest
from msgspec.structs import replace

from canonical.parts import ObjectName
from emulators.freshdesk.desk import AGENT_ID, GROUP_ID, SECOND_AGENT_ID
from mappings.coverage import writable_values
from mappings.freshdesk import VENDOR
from mappings.freshdesk.ticket_r1 import TICKET
from mappings.http import VendorReply
from mappings.manifest import FieldOptions
from tests.mappings.drafts import reply
from tests.required import required

from .conftest import ACCOUNT, EmulatedFreshdesk


def offered(freshdesk: EmulatedFreshdesk, object_name: ObjectName) -> FieldOptions:
    """The options of an object, every page of every list read."""
    assert VENDOR.choices is not None
    replies: list[tuple[VendorReply, ...]] = []
    for request in VENDOR.choices.requests(freshdesk.account):
        pages = [freshdesk.must(request)]
        while (following := VENDOR.choices.following(request, pages[-1])) is not None:
            request = following
            pages.append(freshdesk.must(request))
        replies.append(tuple(pages))
    return VENDOR.choices.read(freshdesk.account, object_name, tuple(replies))


def pairs(options: FieldOptions, field: str) -> list[tuple[str, str]]:
    return [(one.value, one.label) for one in options[field]]


def test_a_ticket_is_given_to_somebody_who_is_there(freshdesk: EmulatedFreshdesk) -> None:
    options = offered(freshdesk, "ticket")

    assert pairs(options, "assignee") == [(str(AGENT_ID), "Mara Field"), (str(SECOND_AGENT_ID), "Otto Lind")]
    assert pairs(options, "team") == [(str(GROUP_ID), "Front desk")]
    assert pairs(options, "custom_fields.parts") == [("foot", "foot"), ("needle plate", "needle plate")]
    assert ("waiting_on_third_party", "Waiting on Third Party") in pairs(options, "status")
    for field in ("status", "priority", "type", "channel"):
        assert {value for value, _ in pairs(options, field)} == set(writable_values(TICKET, field)), field


def test_all_pages_of_agents_are_read(freshdesk: EmulatedFreshdesk) -> None:
    for place in range(150):
        freshdesk.place("agents", name=f"A{place}", email=f"a{place}@desk.example")

    assert len(offered(freshdesk, "ticket")["assignee"]) == 152


def test_a_contact_has_the_choices_of_its_fields(freshdesk: EmulatedFreshdesk) -> None:
    options = offered(freshdesk, "customer")

    assert pairs(options, "custom_fields.tier") == [("gold", "gold"), ("silver", "silver")]
    assert set(options) == {"custom_fields.tier", "custom_fields.stitches"}
    assert offered(freshdesk, "comment") == {}


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        (b'["a","b"]', ["a", "b"]),
        (b'{"a":1,"b":2}', ["a", "b"]),
        (b'[{"id":1,"value":"a","position":1}]', ["a"]),
        (b"null", None),
        (b"[1]", None),
        (b"[]", None),
    ],
)
def test_choices_come_in_three_shapes(choices: bytes, words: list[str] | None) -> None:
    body = b'[{"name":"tier","choices":%b}]' % choices

    options = required(VENDOR.choices).read(ACCOUNT, "customer", ((), (), (), (reply(body),)))

    tiers = options.get("custom_fields.tier")
    assert (None if tiers is None else [one.value for one in tiers]) == words


def test_lists_that_could_not_be_had_are_left_out() -> None:

    options = required(VENDOR.choices).read(replace(ACCOUNT, types=("Task",)), "ticket", ((), (), (), ()))

    assert set(options) == {"status", "priority", "type", "channel"}
    assert [one.value for one in options["type"]] == ["task"]
