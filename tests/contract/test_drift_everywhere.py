"""Each kind of drift at every vendor under each policy: what happens to records, and what is reported."""

import re
from collections.abc import Collection
from functools import partial
from typing import Any, Final, NamedTuple

import httpx
import pytest

from tests.contract.callers import Caller, code_of
from tests.contract.facade import Facade
from tests.contract.own_facade import own_facade
from tests.contract.processes import NO_TLS
from tests.contract.samples import Body, word
from tests.contract.vendor_samples import EVERY_VENDOR, SAMPLES, Sample, all_vendors
from tests.contract.waiting import until
from tests.contract.webhook_driver import WebhookDriver

LEARNED_FROM: Final = 3
POLICIES: Final = ("freeze", "discard", "reject")


class Change(NamedTuple):
    """What a vendor does overnight, what it is found as, and whether a record can still be read then."""

    order: str
    kind: str
    readable: bool


CHANGES: Final = {
    change.kind: change
    for change in (
        Change("field", "unknown_field", readable=True),
        Change("enum", "new_enum_value", readable=True),
        Change("type", "changed_type", readable=False),
        Change("missing", "missing_field", readable=False),
    )
}
RULES: Final = f"[drift]\nsample_rate = 1.0\nlearn_records = {LEARNED_FROM}\n" + "".join(
    f'\n[[connections.{vendor}-{policy}.drift]]\npath = "$..*"\npolicy = "{policy}"\n'
    for vendor in EVERY_VENDOR
    for policy in POLICIES
)
# A value that an unknown choice can replace, and objects without choices.
ALSO: Final[dict[str, Body]] = {"hubspot customer": {"lifecycle_stage": "lead"}}
CHOICELESS: Final = ("freshdesk customer", "salesforce customer", "woocommerce customer")
# A webhook about a record, at vendors of three kinds: properties in a bag, plain members, members with ids.
WEBHOOK_TOPICS: Final = {
    "hubspot ticket": ("ticket.propertyChange", "ticket"),
    "freshdesk ticket": ("ticket.updated", "ticket"),
    "zendesk ticket": ("zen:event-type:ticket.subject_changed", "ticket"),
}

# It looks at every record and learns fast. Each vendor has four connections.
running_facade, full_key = own_facade(all_vendors, *POLICIES, more=RULES)


def kinds_of(name: str) -> list[str]:
    """The kinds of drift that an object can have."""
    return [kind for kind in CHANGES if kind != "new_enum_value" or name not in CHOICELESS]


class Watched:
    """A record at one connection that was read often enough to be known."""

    def __init__(self, facade: Facade, caller: Caller, sample: Sample, connection: str) -> None:
        self.facade, self.caller, self.sample, self.connection = facade, caller, sample, connection
        name = f"{sample.vendor} {sample.object}"
        record = caller.create(sample.collection(connection), sample.body(word()) | ALSO.get(name, {}))
        path = f"{sample.path}/{record['id']}"
        self.path = f"{path}?connection={connection}"
        self.remote_id: str = record["meta"]["remote_id"]
        self.mapping: str = record["meta"]["mapping"]["name"]
        for _ in range(LEARNED_FROM):
            assert caller.get(self.path).status_code == 200
        question = """SELECT 1 FROM drift_baseline
                       WHERE (connection, mapping, source) = ($1, $2, 'record') AND learned_at IS NOT NULL"""
        until(lambda: facade.sql(question, connection, self.mapping))
        self.before = self.read().json()

    def drift(self, change: Change) -> None:
        """From now on the vendor answers so."""
        self.facade.vendors.break_(self.sample.vendor, "drift", times=None, change=change.order)

    def read(self) -> httpx.Response:
        return self.caller.get(self.path)

    def findings(self, kind: str) -> list[dict[str, Any]]:
        """What was found of this kind, at this connection and mapping."""
        answer = self.caller.get("/ops/drift", params={"connection": self.connection, "kind": kind, "limit": "250"})
        assert answer.status_code == 200, answer.text
        return [one for one in answer.json()["data"] if one["mapping"] == self.mapping]

    def await_findings(self, kind: str) -> list[dict[str, Any]]:
        """The same, once there is something."""
        return until(partial(self.findings, kind))

    def events_about(self, findings: Collection[str]) -> list[dict[str, Any]]:
        """The Events about findings with these ids."""
        params = {"type": "mapping.drift_detected", "limit": "250"}
        events = self.caller.get("/v1/events", params=params).json()["data"]
        return [event for event in events if event["data"]["id"] in findings]

    def counted(self, *kinds: str) -> list[float]:
        """How many changes of each of these kinds were counted at this connection."""
        name = 'lockstitch_drift_findings_total{{connection="{}",kind="{}"}}'
        return self._metrics(*(name.format(self.connection, kind) for kind in kinds))

    def looked(self) -> float:
        """How many of the connection's records were looked at."""
        return self._metrics(f'lockstitch_drift_records_total{{connection="{self.connection}",outcome="looked"}}')[0]

    def _metrics(self, *names: str) -> list[float]:
        """What both processes have counted."""
        headers = {"authorization": f"Bearer {self.caller.secret}"}
        answers = [
            httpx.get(f"{process.url}/metrics", headers=headers, verify=NO_TLS)
            for process in (self.facade.api, self.facade.worker)
        ]
        assert [one.status_code for one in answers] == [200, 200]
        text = "\n".join(one.text for one in answers)
        return [sum(float(n) for n in re.findall(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)) for name in names]


@pytest.mark.parametrize("name", SAMPLES)
def test_every_kind_of_drift_is_reported_at_every_vendor(facade: Facade, caller: Caller, name: str) -> None:
    sample = SAMPLES[name]
    record = Watched(facade, caller, sample, sample.vendor)
    announced = dict[str, tuple[str, str, str]]()
    for kind in kinds_of(name):
        change = CHANGES[kind]
        record.drift(change)
        answer = record.read()
        if change.readable:
            assert answer.status_code == 200, answer.text
        else:
            assert code_of(answer, 502) == "vendor-drift"
        finding, *_ = record.await_findings(kind)
        facade.vendors.mend()

        assert record.read().json() == record.before
        assert finding["path"].startswith("$.")
        assert (finding["policy"], finding["source"], finding["acknowledged_at"]) == ("evolve", "record", None)
        announced[finding["id"]] = (record.connection, finding["path"], f"{facade.api.url}/ops/drift/{finding['id']}")
        if kind == "new_enum_value":
            assert answer.json()[finding["path"].removeprefix("$.")] == "unknown"
    until(lambda: all(record.counted(*kinds_of(name))))
    events = until(partial(record.events_about, announced), lambda events: len(events) >= len(announced))
    reported = {one["data"]["id"]: (one["connection"], one["data"]["path"], one["data"]["link"]) for one in events}
    assert (reported, len(events)) == (announced, len(announced))


@pytest.mark.parametrize("name", WEBHOOK_TOPICS)
def test_frozen_drift_is_reported_and_raises_an_alarm(facade: Facade, caller: Caller, name: str) -> None:
    record = Watched(facade, caller, SAMPLES[name], f"{SAMPLES[name].vendor}-freeze")
    for kind, change in CHANGES.items():
        record.drift(change)
        assert (record.read().status_code == 200) is change.readable
        finding, *_ = record.await_findings(kind)
        facade.vendors.mend()
        assert finding["policy"] == "freeze"
    until(lambda: all(record.counted(*CHANGES)))
    until(lambda: "at frozen or rejected paths" in facade.worker.log)
    assert record.read().json() == record.before


@pytest.mark.parametrize("name", WEBHOOK_TOPICS)
def test_discarded_drift_is_silent_and_the_rest_is_read(facade: Facade, caller: Caller, name: str) -> None:
    record = Watched(facade, caller, SAMPLES[name], f"{SAMPLES[name].vendor}-discard")
    for kind, change in CHANGES.items():
        looked = record.looked()
        record.drift(change)
        assert (record.read().status_code == 200) is change.readable
        until(lambda before=looked: record.looked() > before)  # type: ignore[misc]
        facade.vendors.mend()
        assert record.findings(kind) == []
    assert not any(record.counted(*CHANGES))


@pytest.mark.parametrize("name", WEBHOOK_TOPICS)
def test_what_is_rejected_is_a_dead_letter_until_it_is_known(facade: Facade, caller: Caller, name: str) -> None:
    record, driver = (
        Watched(facade, caller, SAMPLES[name], f"{SAMPLES[name].vendor}-reject"),
        WebhookDriver(facade, caller),
    )
    topic, remote_object = WEBHOOK_TOPICS[name]
    for kind, change in CHANGES.items():
        record.drift(change)
        assert code_of(record.read(), 502) == "vendor-drift"
        receipt = driver.record(record.connection, topic, remote_object, record.remote_id)
        letter = driver.dead_letter_of(receipt)
        findings = record.await_findings(kind)
        assert {one["policy"] for one in findings} == {"reject"}
        assert letter["category"] == "permanent"
        assert letter["path"].startswith("$")

        # What a rule rejects is accepted once somebody has seen it; what cannot be read waits for the vendor.
        if change.readable:
            assert letter["path"] in [one["path"] for one in findings]
            for one in findings:
                assert caller.post(f"/ops/drift/{one['id']}/acknowledge").status_code == 200
        else:
            facade.vendors.mend()
        assert record.read().status_code == 200
        assert caller.post(f"/ops/dead-letters/{letter['id']}/redrive").status_code == 200
        driver.await_settled(receipt)
        facade.vendors.mend()
