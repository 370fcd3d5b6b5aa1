"""A member that a vendor stops sending, as after a permission was taken away, is found by the share that have it."""

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import httpx

from tests.contract.callers import Caller, code_of, expect
from tests.contract.emulators import Emulators, Vendor
from tests.contract.facade import Facade
from tests.contract.own_facade import own_facade
from tests.contract.processes import NO_TLS
from tests.contract.vendor_samples import all_vendors
from tests.contract.waiting import until

PAGE: Final = 100
STEADY: Final = 600
WITHIN: Final = 500
KIND: Final = "empty_more_often"
RULES: Final = f"[drift]\nsample_rate = 1.0\nlearn_records = {PAGE}\n"


class Hiding(NamedTuple):
    """How contacts are placed at a vendor, and how their phone number is hidden and shown again."""

    vendor: Vendor
    path: str
    place: Callable[[Emulators, int], Any]
    hide: Callable[[Emulators, bool], Any]


FIELD_LEVEL_SECURITY: Final = Hiding(
    vendor="salesforce",
    path="$.Phone",
    place=lambda vendors, number: vendors.place(
        "salesforce", "Contact", {"LastName": f"Lee {number}", "Phone": f"+49 30 {number:07d}"}
    ),
    hide=lambda vendors, hidden: vendors.place(
        "salesforce", "fields", {"sobject": "Contact", "name": "Phone", "type": "phone", "hidden": hidden}
    ),
)
ARCHIVED_PROPERTY: Final = Hiding(
    vendor="hubspot",
    path="$.properties.phone",
    place=lambda vendors, number: vendors.place(
        "hubspot", "contacts", {"properties": {"lastname": f"Lee {number}", "phone": f"+49 30 {number:07d}"}}
    ),
    hide=lambda vendors, hidden: vendors.place("hubspot", "contacts.properties", {"name": "phone", "archived": hidden}),
)

# It checks every record.
running_facade, full_key = own_facade(all_vendors, more=RULES)


class Reader:
    """Reads pages of contacts, and waits until each is checked."""

    def __init__(self, facade: Facade, caller: Caller, vendor: Vendor) -> None:
        self._facade, self._caller, self._vendor = facade, caller, vendor

    def read(self, records: int) -> None:
        """Read this many records or more."""
        while records > 0:
            checked = self._checked()
            number = len(until(self._page))
            until(lambda before=checked, more=number: self._checked() >= before + more)  # type: ignore[misc]
            records -= number

    def _page(self) -> list[dict[str, Any]]:
        """Read a page. Salesforce rejects a field that was hidden until the account facts are a few seconds old."""
        answer = self._caller.get(f"/v1/customers?connection={self._vendor}&limit={PAGE}")
        if answer.status_code == 422:
            return []
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def findings(self, acknowledged: str = "false") -> list[dict[str, Any]]:
        """The members that are empty more often."""
        filters = {"connection": self._vendor, "kind": KIND, "acknowledged": acknowledged}
        return expect(self._caller.get("/ops/drift", params=filters)).json()["data"]

    def counted(self) -> float:
        """How many members were reported as empty more often."""
        return self._metric(f'lockstitch_drift_findings_total{{connection="{self._vendor}",kind="{KIND}"}}')

    def _checked(self) -> float:
        return self._metric(f'lockstitch_drift_records_total{{connection="{self._vendor}",outcome="looked"}}')

    def _metric(self, name: str) -> float:
        headers = {"authorization": f"Bearer {self._caller.secret}"}
        answer = expect(httpx.get(f"{self._facade.api.url}/metrics", headers=headers, verify=NO_TLS))
        return sum(float(n) for n in re.findall(rf"^{re.escape(name)} (\S+)$", answer.text, re.MULTILINE))


def test_a_member_that_is_no_longer_sent_is_found_within_500_records(
    facade: Facade, caller: Caller, vendors: Emulators
) -> None:
    hiding = FIELD_LEVEL_SECURITY
    reader = Reader(facade, caller, hiding.vendor)
    for number in range(PAGE):
        hiding.place(vendors, number)
    reader.read(PAGE + STEADY)
    assert reader.findings() == []

    hiding.hide(vendors, True)
    reader.read(WITHIN - PAGE)
    (finding,) = reader.findings()
    assert (finding["path"], finding["found"], finding["source"]) == (hiding.path, "null or absent", "record")
    assert finding["expected"].startswith("a value in ")
    assert finding["count"] >= PAGE
    assert finding["example"] is None
    events = caller.get("/v1/events", params={"type": "mapping.drift_detected", "connection": hiding.vendor}).json()
    assert finding["id"] in [event["data"]["id"] for event in events["data"]]
    assert reader.counted() == 1

    # It is one finding, however long it lasts.
    reader.read(WITHIN)
    (again,) = reader.findings()
    assert (again["id"], again["expected"]) == (finding["id"], finding["expected"])
    assert again["count"] > finding["count"]
    hiding.hide(vendors, False)
    assert caller.post(f"/ops/drift/{finding['id']}/acknowledge").status_code == 200


def test_an_acknowledged_member_is_learned_again_and_may_be_lost_again(
    facade: Facade, caller: Caller, vendors: Emulators
) -> None:
    hiding = ARCHIVED_PROPERTY
    reader = Reader(facade, caller, hiding.vendor)
    for number in range(PAGE):
        hiding.place(vendors, number)
    reader.read(PAGE + STEADY)
    lost: list[str] = []
    for _ in range(2):
        hiding.hide(vendors, True)
        reader.read(WITHIN - PAGE)
        (finding,) = reader.findings()
        assert finding["path"] == hiding.path
        lost.append(finding["id"])
        hiding.hide(vendors, False)
        assert caller.post(f"/ops/drift/{finding['id']}/acknowledge").status_code == 200
        assert code_of(caller.post(f"/ops/drift/{finding['id']}/acknowledge"), 409) == "state-conflict"
        reader.read(STEADY)
        assert reader.findings() == []
    assert len(set(lost)) == 2
    assert set(lost) <= {one["id"] for one in reader.findings("true")}
