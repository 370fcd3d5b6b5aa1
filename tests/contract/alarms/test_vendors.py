"""A vendor that throttles or fails: every process and the command line show it, since when and until when."""

import json
from datetime import datetime
from functools import partial

from tests.contract.alarms.seen import connection
from tests.contract.callers import Caller, code_of
from tests.contract.doctor.shell import findings_of, the
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.person import Person
from tests.contract.processes import Process
from tests.contract.waiting import until

STATE = ("state", "since", "until", "note", "next_step")


def seen_everywhere(facade: Facade, everywhere: list[Caller], name: str, state: str) -> dict[str, str]:
    """The state of a connection, which both processes and the command line show alike."""
    views = [until(partial(connection, one, name), lambda it: it["state"] == state, timeout=30) for one in everywhere]
    listed = json.loads(facade.lockstitch("connections", "--json").stdout)["data"]
    views += [one for one in listed if one["name"] == name]
    first, *others = ({field: view[field] for field in STATE} for view in views)
    assert others == [first, first]
    return first


def test_a_throttled_connection_is_seen_everywhere(
    facade: Facade, vendors: Emulators, person: Person, everywhere: list[Caller], other_api: Process
) -> None:
    one, other = everywhere
    name, alarm = "pausable", "connection_throttled.pausable"
    vendors.break_("hubspot", "status", method="GET", status=429, retry_after=600)
    assert code_of(one.get(f"/v1/customers?connection={name}&limit=1"), 429) == "vendor-throttled"
    health = seen_everywhere(facade, everywhere, name, "throttled")
    since, end = (datetime.fromisoformat(health[at]) for at in ("since", "until"))
    assert 590 < (end - since).total_seconds() < 610
    assert "throttled" in person.is_told(alarm)["summary"]
    calls = len(vendors.calls("hubspot"))
    finding = the(findings_of(facade.lockstitch("doctor", "--json")), f"connection {name}", "throttles it since")
    assert finding["level"] == "warning"
    assert [
        text for text in findings_of(facade.lockstitch("doctor", "--json")) if name in text and "not reached" in text
    ] == []
    assert len(vendors.calls("hubspot")) >= calls
    assert other.post(f"/ops/connections/{name}/resume").json()["state"] == "working"
    assert seen_everywhere(facade, everywhere, name, "working")["until"] is None
    person.is_told_the_end(alarm)
    assert one.get(f"/v1/customers?connection={name}&limit=1").status_code == 200


def test_a_failing_vendor_is_seen_everywhere(
    facade: Facade, vendors: Emulators, person: Person, everywhere: list[Caller], other_api: Process
) -> None:
    one, _ = everywhere
    name, alarm = "frail-zendesk", "connection_failing.frail-zendesk"
    path = f"/v1/customers?connection={name}&limit=1"
    vendors.break_("zendesk", "status", method="GET", status=503, times=None)
    until(lambda: one.get(path), lambda answer: answer.json().get("code") == "connection-paused")
    health = seen_everywhere(facade, everywhere, name, "failing")
    assert health["note"] == "reads keep failing"
    assert the(findings_of(facade.lockstitch("doctor", "--json")), f"requests of {name}", "reads keep failing since")
    until(lambda: one.get(path) and person.states(alarm))  # somebody goes on asking
    assert "does not answer" in person.is_told(alarm)["summary"]
    vendors.mend()
    until(lambda: one.get(path).status_code, lambda status: status == 200)
    person.is_told_the_end(alarm)
    assert seen_everywhere(facade, everywhere, name, "working")["since"] is None


def test_a_throttle_outlasts_the_process_that_met_it(
    facade: Facade, vendors: Emulators, everywhere: list[Caller], full_key: str
) -> None:
    name = "busy-zendesk"
    killed = facade.process("serve")
    killed.start()
    vendors.break_("zendesk", "status", method="GET", status=429, retry_after=600)
    with Caller(killed.url, full_key) as caller:
        assert code_of(caller.get(f"/v1/customers?connection={name}&limit=1"), 429) == "vendor-throttled"
    seen_everywhere(facade, everywhere, name, "throttled")
    killed.kill()
    assert seen_everywhere(facade, everywhere, name, "throttled")["until"] is not None
    assert everywhere[0].post(f"/ops/connections/{name}/resume").json()["state"] == "working"
