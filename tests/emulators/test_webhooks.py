"""Webhooks as a frame: targets, tries, what survives, and each fault."""

import itertools
import socket
import struct
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from app.signatures import Secret, SignatureRefused, SignedRequest, verify
from mappings.registry import VENDORS
from tests.required import required

from .conftest import SECRET, RunningEmulators
from .receiver import Received, Receiver, is_from, raw, wait_until

HUBSPOT = {"authorization": "Bearer hubspot-dev-token"}
CONTACTS = "/hubspot/crm/v3/objects/contacts"
# A record of which one webhook tells.
RECORDS: dict[str, tuple[str, dict[str, Any]]] = {
    "freshdesk": ("tickets", {"subject": "Lid"}),
    "hubspot": ("contacts", {"email": "mo@example.com"}),
    "shopify": ("Customer", {"firstName": "Mo"}),
    "stripe": ("customers", {"name": "Mo"}),
    "woocommerce": ("customers", {"email": "mo@example.com"}),
    "zendesk": ("users", {"name": "Mo"}),
}


def place(emulators: RunningEmulators, vendor: str, **more: Any) -> dict[str, Any]:
    object, record = RECORDS[vendor]
    return emulators.place(vendor, object, {**record, **more})


def contact(emulators: RunningEmulators, name: str) -> None:
    answer = emulators.http.post(CONTACTS, json={"properties": {"firstname": name}}, headers=HUBSPOT)
    assert answer.status_code == 201


def names(received: list[Received]) -> list[str]:
    """The first names that HubSpot's webhooks tell, in the order of arrival."""
    return [
        event["propertyValue"] for one in received for event in one.json if event.get("propertyName") == "firstname"
    ]


def settled(emulators: RunningEmulators, vendor: str) -> list[dict[str, Any]]:
    wait_until(lambda: all(one["state"] != "waiting" for one in emulators.sent(vendor)))
    return emulators.sent(vendor)


@pytest.mark.parametrize("vendor", RECORDS)
def test_a_placed_record_is_sent_with_a_valid_signature(
    emulators: RunningEmulators, receiver: Receiver, vendor: str
) -> None:
    url = f"{receiver.url_of(vendor)}?a=1"
    emulators.subscribe(vendor, url)
    place(emulators, vendor)
    received = receiver.wait()[0]
    assert received.path == f"/v1/webhooks/{vendor}?a=1"
    assert is_from(vendor, received, url, SECRET)
    assert not is_from(vendor, received, url, "open-barley-0001")
    request = SignedRequest(method="POST", url=url, headers=raw(received.headers.items()), body=received.body)
    scheme = required(VENDORS[vendor].webhooks).scheme
    assert verify(scheme, request, [Secret(value=SECRET)], now=datetime.now(UTC)).value == SECRET
    with pytest.raises(SignatureRefused):
        verify(scheme, request, [Secret(value="open-barley-0001")], now=datetime.now(UTC))
    sent = settled(emulators, vendor)
    assert [(one["state"], one["status"], one["tries"], one["fault"]) for one in sent] == [("delivered", 200, 1, None)]


def test_a_new_target_gets_no_earlier_changes(emulators: RunningEmulators, receiver: Receiver) -> None:
    contact(emulators, "Early")
    assert emulators.sent("hubspot") == []
    emulators.subscribe("hubspot", receiver.url_of("hubspot"))
    contact(emulators, "Late")
    assert names(receiver.wait()) == ["Late"]


def test_the_targets_are_shown_without_their_secrets_and_end_when_dropped(
    emulators: RunningEmulators, receiver: Receiver
) -> None:
    target = emulators.subscribe("hubspot", receiver.url_of("hubspot"), "hidden-one", old_secret="hidden-two")
    assert target == {
        "vendor": "hubspot",
        "url": receiver.url_of("hubspot"),
        "has_old_secret": True,
        "first_pause_ms": 10,
    }
    listed = emulators.http.get("/_emulator/webhooks")
    assert listed.json() == [target]
    assert "hidden" not in listed.text
    assert emulators.http.delete("/_emulator/webhooks", params={"vendor": "hubspot"}).json() == {"dropped": 1}
    contact(emulators, "Unheard")
    assert emulators.http.get("/_emulator/webhooks").json() == emulators.sent("hubspot") == []


@pytest.mark.parametrize(
    ("order", "flaw"),
    [
        ({"vendor": "acme"}, "There is no vendor acme"),
        ({"url": "ftp://example.com"}, "http or https"),
        ({"secret": ""}, "not empty"),
        ({"old_secret": ""}, "not empty"),
        ({"first_pause_ms": -1}, "not negative"),
        ({"colour": "red"}, "unknown field"),
    ],
)
def test_a_bad_target_is_refused(emulators: RunningEmulators, order: dict[str, Any], flaw: str) -> None:
    body = {"vendor": "hubspot", "url": "http://127.0.0.1:1/", "secret": "s", **order}
    answer = emulators.http.put("/_emulator/webhooks", json=body)
    assert (answer.status_code, flaw in answer.text) == (400, True), answer.text


def test_a_refused_call_sends_no_webhook(emulators: RunningEmulators, receiver: Receiver) -> None:
    emulators.subscribe("zendesk", receiver.url_of("zendesk"))
    refused = emulators.http.post(
        "/zendesk/api/v2/tickets",
        # The requester would be made first; the assignee, who does not exist, takes that back.
        json={"ticket": {"comment": "x", "requester": {"name": "Nobody"}, "assignee_id": 4}},
        auth=("dev@example.com/token", "zendesk-dev-token"),
    )
    assert refused.status_code == 422
    assert emulators.sent("zendesk") == []


def test_what_is_not_taken_is_sent_again_and_counts_its_tries(emulators: RunningEmulators, receiver: Receiver) -> None:
    emulators.subscribe("hubspot", receiver.url_of("hubspot"))
    receiver.statuses = [503, 302, 404, 204]
    contact(emulators, "Mo")
    received = receiver.wait(4)
    assert [{event["attemptNumber"] for event in one.json} for one in received] == [{0}, {1}, {2}, {3}]
    assert all(is_from("hubspot", one, receiver.url_of("hubspot"), SECRET) for one in received)
    assert [(one["state"], one["status"], one["tries"]) for one in settled(emulators, "hubspot")] == [
        ("delivered", 204, 4)
    ]


def test_the_pauses_double(emulators: RunningEmulators, receiver: Receiver) -> None:
    emulators.subscribe("zendesk", receiver.url_of("zendesk"), first_pause_ms=80)
    receiver.statuses = [500, 500, 500]
    place(emulators, "zendesk")
    times = [one.at for one in receiver.wait(4)]
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert pauses[0] >= 0.08
    assert pauses[1] >= 0.16
    assert pauses[2] >= 0.32


@pytest.mark.parametrize(
    ("vendor", "tries"),
    [("freshdesk", 4), ("hubspot", 11), ("shopify", 9), ("stripe", 16), ("woocommerce", 1), ("zendesk", 4)],
)
def test_a_vendor_gives_up_after_its_own_number_of_tries(
    emulators: RunningEmulators, receiver: Receiver, vendor: str, tries: int
) -> None:
    emulators.subscribe(vendor, receiver.url_of(vendor), first_pause_ms=0)
    receiver.statuses = [500] * 20
    place(emulators, vendor)
    assert [(one["state"], one["status"], one["tries"]) for one in settled(emulators, vendor)] == [
        ("failed", 500, tries)
    ]
    assert len(receiver.got) == tries
    assert all(is_from(vendor, one, receiver.url_of(vendor), SECRET) for one in receiver.got)


def test_a_restart_goes_on_with_what_was_not_delivered(own_emulators: RunningEmulators, receiver: Receiver) -> None:
    receiver.close()  # no one listens
    own_emulators.subscribe("hubspot", receiver.url_of("hubspot"), first_pause_ms=300)
    for name in ("Ada", "Bo", "Cy"):
        contact(own_emulators, name)
    wait_until(lambda: [one["error"] for one in own_emulators.sent("hubspot")] == ["ConnectError"] * 3)
    ids = [one["id"] for one in own_emulators.sent("hubspot")]
    own_emulators.kill()

    again = Receiver(receiver.port)
    try:
        own_emulators.start()
        assert set(names(again.wait(3))) == {"Ada", "Bo", "Cy"}
        sent = settled(own_emulators, "hubspot")
        assert [(one["id"], one["state"]) for one in sent] == [(id, "delivered") for id in ids]
        assert all(one["tries"] > 1 for one in sent)
    finally:
        again.close()


def test_a_change_written_before_a_kill_is_sent_after_it(own_emulators: RunningEmulators) -> None:
    """Whether the webhook was noted, worded, or under way: sent at least once."""
    receiver = Receiver()
    try:
        own_emulators.subscribe("hubspot", receiver.url_of("hubspot"))
        for number in range(30):
            contact(own_emulators, f"No. {number}")
        own_emulators.kill()
        own_emulators.start()
        wait_until(lambda: set(names(receiver.got)) == {f"No. {number}" for number in range(30)})
    finally:
        receiver.close()


def test_targets_are_arguments_and_secrets_are_variables(own_emulators: RunningEmulators, receiver: Receiver) -> None:
    own_emulators.stop()
    own_emulators.start(
        *("--webhooks", f"hubspot={receiver.url_of('hubspot')}", f"zendesk={receiver.url_of('zendesk')}"),
        EMULATOR_HUBSPOT_WEBHOOK_SECRET="first",
        EMULATOR_HUBSPOT_WEBHOOK_OLD_SECRET="zeroth",
        EMULATOR_ZENDESK_WEBHOOK_SECRET="second",
    )
    contact(own_emulators, "Mo")
    place(own_emulators, "zendesk")
    for received in receiver.wait(2):
        vendor = received.path.rpartition("/")[2]
        secret = {"hubspot": "first", "zendesk": "second"}[vendor]
        assert is_from(vendor, received, receiver.url_of(vendor), secret)


def test_duplicates_arrive_at_the_same_time(emulators: RunningEmulators, receiver: Receiver) -> None:
    emulators.subscribe("shopify", receiver.url_of("shopify"))
    emulators.order(vendor="shopify", fault={"kind": "duplicate_webhook", "times_sent": 5}, times=1)
    receiver.barrier = threading.Barrier(5)  # passed only by five at once
    place(emulators, "shopify")
    received = receiver.wait(5)
    assert len({one.headers["x-shopify-webhook-id"] for one in received}) == 1
    assert len({one.body for one in received}) == 1
    assert [(one["state"], one["tries"], one["fault"]) for one in settled(emulators, "shopify")] == [
        ("delivered", 1, "duplicate_webhook")
    ]


def test_reordered_ones_wait_for_a_later_one(emulators: RunningEmulators, receiver: Receiver) -> None:
    emulators.subscribe("hubspot", receiver.url_of("hubspot"))
    emulators.order(vendor="hubspot", fault={"kind": "reorder_webhooks"}, times=2)
    for name in ("Ada", "Bo"):
        contact(emulators, name)
    assert [one["state"] for one in emulators.sent("hubspot")] == ["held", "held"]
    contact(emulators, "Cy")
    assert names(receiver.wait(3)) == ["Cy", "Ada", "Bo"]


def test_webhooks_are_listed_by_their_state(emulators: RunningEmulators, receiver: Receiver) -> None:
    emulators.subscribe("hubspot", receiver.url_of("hubspot"))
    emulators.order(vendor="hubspot", fault={"kind": "reorder_webhooks"}, times=1)
    contact(emulators, "Ada")
    listed = {
        state: emulators.http.get(f"/_emulator/webhooks/sent?state={state}") for state in ("held", "failed", "ok")
    }
    assert [one["state"] for one in listed["held"].json()] == ["held"]
    assert listed["failed"].json() == []
    assert listed["ok"].status_code == 400


def test_dropped_ones_never_arrive(emulators: RunningEmulators, receiver: Receiver) -> None:
    emulators.subscribe("hubspot", receiver.url_of("hubspot"))
    emulators.order(vendor="hubspot", fault={"kind": "drop_webhook"}, match={"path": "contact.*"}, times=1)
    contact(emulators, "Lost")
    contact(emulators, "Found")
    assert names(receiver.wait()) == ["Found"]
    sent = settled(emulators, "hubspot")
    assert [(one["state"], one["tries"], one["fault"]) for one in sent] == [
        ("dropped", 0, "drop_webhook"),
        ("delivered", 1, None),
    ]


def test_late_ones_are_overtaken(emulators: RunningEmulators, receiver: Receiver) -> None:
    emulators.subscribe("hubspot", receiver.url_of("hubspot"))
    emulators.order(vendor="hubspot", fault={"kind": "late_webhook", "delay_ms": 2000}, times=1)
    began = time.time()
    contact(emulators, "Ada")
    contact(emulators, "Bo")
    received = receiver.wait(2)
    assert names(received) == ["Bo", "Ada"]
    assert received[1].at - began >= 2.0


@pytest.mark.parametrize("vendor", RECORDS)
def test_a_bad_signature_stays_bad_when_it_is_tried_again(
    emulators: RunningEmulators, receiver: Receiver, vendor: str
) -> None:
    emulators.subscribe(vendor, receiver.url_of(vendor), first_pause_ms=0)
    emulators.order(vendor=vendor, fault={"kind": "bad_signature"}, times=1)
    receiver.statuses = [401] * 20
    place(emulators, vendor)
    (message,) = settled(emulators, vendor)
    assert message["state"] == "failed"
    assert not any(is_from(vendor, one, receiver.url_of(vendor), SECRET) for one in receiver.got)
    place(emulators, vendor)
    assert is_from(vendor, receiver.wait(message["tries"] + 1)[-1], receiver.url_of(vendor), SECRET)


def test_a_target_that_hangs_up_at_once_leaves_the_emulators_running(emulators: RunningEmulators) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        hanging_up = threading.Thread(target=_hang_up, args=(listening,))
        hanging_up.start()
        emulators.subscribe("hubspot", f"http://127.0.0.1:{listening.getsockname()[1]}/", first_pause_ms=0)
        emulators.order(vendor="hubspot", fault={"kind": "duplicate_webhook", "times_sent": 50}, times=4)
        for turn in range(4):
            contact(emulators, f"Mo {turn}")
        assert {one["state"] for one in settled(emulators, "hubspot")} == {"failed"}
        listening.shutdown(socket.SHUT_RDWR)
    hanging_up.join()


def _hang_up(listening: socket.socket) -> None:
    """Reset each connection as soon as it is made."""
    with suppress(OSError):
        while True:
            connection, _ = listening.accept()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()


@pytest.mark.parametrize("vendor", RECORDS)
def test_an_old_secret_is_the_one_before(emulators: RunningEmulators, receiver: Receiver, vendor: str) -> None:
    fault = {"vendor": vendor, "fault": {"kind": "old_secret"}, "times": 1}
    emulators.subscribe(vendor, receiver.url_of(vendor))
    refused = emulators.http.post("/_emulator/faults", json=fault)
    assert (refused.status_code, "have no old_secret" in refused.text) == (400, True)
    emulators.subscribe(vendor, receiver.url_of(vendor), old_secret="alibaba")
    emulators.order(**fault)
    place(emulators, vendor)
    assert is_from(vendor, receiver.wait()[0], receiver.url_of(vendor), "alibaba")


def test_a_fault_of_webhooks_leaves_calls_alone_and_the_other_way_round(
    emulators: RunningEmulators, receiver: Receiver
) -> None:
    emulators.subscribe("hubspot", receiver.url_of("hubspot"))
    emulators.order(vendor="hubspot", fault={"kind": "drop_webhook"}, match={"path": "ticket.*"}, times=1)
    emulators.order(vendor="hubspot", fault={"kind": "slow", "delay_ms": 0}, times=1)
    contact(emulators, "Mo")
    assert names(receiver.wait()) == ["Mo"]
    assert [one["fault"]["kind"] for one in emulators.http.get("/_emulator/faults").json()] == ["drop_webhook"]


def test_a_rate_with_a_seed_drops_the_same_ones_again(emulators: RunningEmulators, receiver: Receiver) -> None:
    def dropped() -> list[str]:
        emulators.reset()
        emulators.subscribe("hubspot", receiver.url_of("hubspot"))
        emulators.order(vendor="hubspot", fault={"kind": "drop_webhook"}, rate=0.5, seed=7)
        for number in range(20):
            contact(emulators, f"No. {number}")
        return [one["state"] for one in settled(emulators, "hubspot")]

    first = dropped()
    assert 3 <= first.count("dropped") <= 17
    assert dropped() == first


@pytest.mark.parametrize(
    ("more", "flaw"),
    [
        ({"match": {"method": "GET"}}, "Every webhook is a POST."),
        ({"fault": {"kind": "duplicate_webhook", "times_sent": 1}}, "between 2 and 1000"),
    ],
)
def test_a_bad_fault_of_webhooks_is_refused(emulators: RunningEmulators, more: dict[str, Any], flaw: str) -> None:
    answer = emulators.http.post(
        "/_emulator/faults", json={"vendor": "hubspot", "fault": {"kind": "drop_webhook"}, **more}
    )
    assert (answer.status_code, flaw in answer.text) == (400, True), answer.text
