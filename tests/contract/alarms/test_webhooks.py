"""Webhooks that are refused while none is verified: the vendor's events are lost, and only Lockstitch can see it."""

import tempfile
import time
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from tests.contract.alarms.seen import connection
from tests.contract.callers import Caller
from tests.contract.doctor.shell import findings_of, the
from tests.contract.facade import Facade
from tests.contract.person import MINUTE, Person
from tests.contract.processes import Process
from tests.contract.waiting import until
from tests.contract.webhook_senders import WebhookEndpoint, chat, code, flipped, gateway, now, zendesk

ANOTHER = "whsec_YW5vdGhlci1zZWNyZXQtdGhhbi10aGUtb25l"


def refused(caller: Caller, name: str) -> dict[str, Any]:
    """What a process shows of the connection's refused webhooks, once it does."""
    return until(lambda: connection(caller, name)["refused_webhooks"], timeout=30)


def test_webhooks_with_a_wrong_secret_raise_an_alarm(
    facade: Facade, person: Person, everywhere: list[Caller], other_api: Process
) -> None:
    endpoint, alarm = WebhookEndpoint(facade, "gateway"), "connection_webhooks_refused.gateway"
    began, count = now(), 1
    assert endpoint.send(gateway(secret=ANOTHER)).status_code == 401
    since = refused(everywhere[0], "gateway")["since"]
    while not person.states(alarm):  # as a vendor with other events, or that tries again
        assert endpoint.send(gateway(secret=ANOTHER)).status_code == 401
        count += 1
        assert now() - began < timedelta(seconds=MINUTE)
        time.sleep(2.0)
    first, second = (
        until(partial(refused, caller, "gateway"), lambda one: one["count"] == count, timeout=30)
        for caller in everywhere
    )
    assert first == second
    assert (first["reason"], first["alone"], first["alarm"]) == ("mismatch", True, True)
    assert first["since"] == since
    assert datetime.fromisoformat(since) >= began
    notice = person.is_told(alarm)
    assert "mismatch" in notice["summary"]
    assert "webhook_secrets" in notice["next_step"]
    one = the(findings_of(facade.lockstitch("doctor", "--json")), "webhooks gateway", f"{count} webhooks refused since")
    assert one["level"] == "error"
    assert f"{count} webhooks refused since" in facade.lockstitch("connections").stdout
    endpoint.accepted(gateway())
    person.is_told_the_end(alarm)
    for caller in everywhere:
        assert connection(caller, "gateway")["refused_webhooks"] is None
    assert not [text for text in findings_of(facade.lockstitch("doctor", "--json")) if "webhooks gateway" in text]


def test_a_stranger_at_a_quiet_connection_raises_no_alarm(
    facade: Facade, person: Person, everywhere: list[Caller]
) -> None:
    quiet, alarm = WebhookEndpoint(facade, "chat"), "connection_webhooks_refused.chat"
    for _ in range(5):  # at once: no vendor with a wrong secret stops then
        assert quiet.send(flipped(chat(), 3)).status_code == 401
    outcomes = {(one["alone"], one["alarm"]) for one in (refused(caller, "chat") for caller in everywhere)}
    assert outcomes == {(True, False)}
    one = the(findings_of(facade.lockstitch("doctor", "--json")), "webhooks chat", "5 webhooks refused since")
    assert (one["level"], person.states(alarm)) == ("warning", [])
    assert WebhookEndpoint(facade, "zendesk").send(zendesk(at=now() - timedelta(minutes=10))).status_code == 401
    person.is_told("connection_webhooks_refused.zendesk")  # which came later
    assert person.states(alarm) == []
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as settings:  # of an installation that no longer has it
        removed = findings_of(facade.lockstitch("doctor", "--json", LOCKSTITCH_CONFIG=settings.name))
    assert not [text for text in removed if "webhooks chat" in text]


def test_webhooks_with_a_stale_time_raise_an_alarm(facade: Facade, person: Person, everywhere: list[Caller]) -> None:
    endpoint = WebhookEndpoint(facade, "zendesk")
    assert endpoint.send(zendesk(at=now() - timedelta(minutes=10))).status_code == 401
    assert {refused(caller, "zendesk")["reason"] for caller in everywhere} == {"stale"}
    assert "clock" in person.is_told("connection_webhooks_refused.zendesk")["next_step"]
    assert the(findings_of(facade.lockstitch("doctor", "--json")), "webhooks zendesk", "stale")
    endpoint.accepted(zendesk())
    person.is_told_the_end("connection_webhooks_refused.zendesk")


def test_a_stranger_raises_no_alarm_while_webhooks_are_verified(
    facade: Facade, everywhere: list[Caller], other_api: Process
) -> None:
    endpoint = WebhookEndpoint(facade, "code", url=other_api.url)
    endpoint.accepted(code())
    began = time.monotonic()
    while time.monotonic() - began < 12.0:  # longer than strangers may go on where none is verified
        assert endpoint.send(flipped(code(), 3)).status_code == 401
        time.sleep(3.0)
    assert {(one["alone"], one["alarm"]) for one in (refused(caller, "code") for caller in everywhere)} == {
        (False, False)
    }
    assert not [text for text in findings_of(facade.lockstitch("doctor", "--json")) if "webhooks code" in text]
