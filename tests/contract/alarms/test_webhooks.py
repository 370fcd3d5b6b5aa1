"""Webhooks that are refused while none is verified: the vendor's events are lost, and only Lockstitch can see it."""

from datetime import datetime, timedelta
from typing import Any

from tests.contract.alarms.seen import connection
from tests.contract.callers import Caller
from tests.contract.doctor.shell import found, the
from tests.contract.facade import Facade
from tests.contract.person import Person
from tests.contract.processes import Process
from tests.contract.waiting import until
from tests.contract.webhook_senders import WebhookEndpoint, chat, code, flipped, gateway, now, zendesk

ANOTHER = "whsec_YW5vdGhlci1zZWNyZXQtdGhhbi10aGUtb25l"


def refused(caller: Caller, name: str) -> dict[str, Any]:
    """What a process shows of the connection's refused webhooks, once it does."""
    return until(lambda: connection(caller, name)["refused_webhooks"], timeout=10)


def test_webhooks_with_a_wrong_secret_raise_an_alarm(
    facade: Facade, person: Person, everywhere: list[Caller], other_api: Process
) -> None:
    endpoint = WebhookEndpoint(facade, "gateway")
    began = datetime.now().astimezone()
    for _ in range(3):
        assert endpoint.send(gateway(secret=ANOTHER)).status_code == 401
    first, second = (refused(caller, "gateway") for caller in everywhere)
    assert first == second
    assert (first["count"], first["reason"], first["alone"]) == (3, "mismatch", True)
    assert began - timedelta(seconds=2) < datetime.fromisoformat(first["since"]) < now() + timedelta(seconds=2)
    told = person.is_told("connection_webhooks_refused.gateway")
    assert "mismatch" in told["summary"]
    assert "webhook_secrets" in told["next_step"]
    one = the(found(facade.lockstitch("doctor", "--json")), "webhooks gateway", "3 webhooks refused since")
    assert one["level"] == "error"
    assert "gateway: 3 webhooks refused since" in facade.lockstitch("connections").stdout
    endpoint.accepted(gateway())
    person.is_told_the_end("connection_webhooks_refused.gateway")
    for caller in everywhere:
        assert connection(caller, "gateway")["refused_webhooks"] is None
    assert not [text for text in found(facade.lockstitch("doctor", "--json")) if "webhooks gateway" in text]


def test_webhooks_with_a_stale_time_raise_an_alarm(facade: Facade, person: Person, everywhere: list[Caller]) -> None:
    endpoint = WebhookEndpoint(facade, "zendesk")
    assert endpoint.send(zendesk(at=now() - timedelta(minutes=10))).status_code == 401
    assert {refused(caller, "zendesk")["reason"] for caller in everywhere} == {"stale"}
    assert "clock" in person.is_told("connection_webhooks_refused.zendesk")["next_step"]
    assert the(found(facade.lockstitch("doctor", "--json")), "webhooks zendesk", "stale")
    endpoint.accepted(zendesk())
    person.is_told_the_end("connection_webhooks_refused.zendesk")


def test_a_stranger_raises_no_alarm_while_webhooks_are_verified(
    facade: Facade, person: Person, everywhere: list[Caller], other_api: Process
) -> None:
    endpoint = WebhookEndpoint(facade, "code", url=other_api.url)
    endpoint.accepted(code())
    for _ in range(5):
        assert endpoint.send(flipped(code(), 3)).status_code == 401
    assert {refused(caller, "code")["alone"] for caller in everywhere} == {False}
    assert not [text for text in found(facade.lockstitch("doctor", "--json")) if "webhooks code" in text]
    endpoint.accepted(code())
    assert WebhookEndpoint(facade, "chat").send(flipped(chat(), 3)).status_code == 401
    person.is_told("connection_webhooks_refused.chat")  # which came later
    assert person.states("connection_webhooks_refused.code") == []
