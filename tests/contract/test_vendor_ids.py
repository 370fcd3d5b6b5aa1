"""No id of one vendor is sent to another: every record is carried to every other system by every verb."""

import json
from collections.abc import Callable
from itertools import count
from typing import Any, Final

import pytest

from tests.contract.callers import Caller, expect
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.own_facade import own_facade
from tests.contract.portability import furnish
from tests.contract.samples import Body, word
from tests.contract.vendor_samples import ACCOUNT, SAMPLES, Sample, all_vendors

NUMBERS: Final = count(8_800_000_123_001)
"""Ids that no vendor gives."""
SHORTEST: Final = 8
"""Characters of an id that occurs nowhere by chance."""
CUT: Final = 16_384
"""Bytes of a body that the emulators keep."""

running_facade, full_key = own_facade(all_vendors)


class Source:
    """Makes records that name as many others as the vendor can."""

    def __init__(self, caller: Caller, vendors: Emulators, sample: Sample) -> None:
        self.caller, self.vendors, self.sample = caller, vendors, sample
        self.vendor = sample.vendor

    def placed(self, object_name: str, **record: Any) -> str:
        """The id of a new record that others refer to."""
        id: int | str = next(NUMBERS)
        if self.vendor == "hubspot":
            id = str(id)
        return str(self.vendors.place(self.vendor, object_name, {"id": id, **record})["id"])

    def reference(self, remote_id: str) -> Body:
        return {"connection": self.vendor, "remote_id": remote_id}

    def customer(self, mark: str) -> Body:
        """A new customer."""
        customer = SAMPLES[f"{self.vendor} customer"]
        made = self.caller.create(customer.collection(), customer.body(mark))
        return self.reference(str(made["meta"]["remote_id"]))

    def renumbered(self, mark: str) -> str:
        """A copy of the vendor's record with this mark under an id that is longer than the vendor's own."""
        (record,) = self.vendors.records(self.vendor, self.sample.held_as, holding=mark)
        return self.placed(self.sample.held_as, **{name: value for name, value in record.items() if name != "id"})

    def read(self) -> Body:
        """A new record, as it is read."""
        mark = word()
        made = self.caller.create(self.sample.collection(), self.sample.body(mark) | self.naming(mark))
        remote_id = made["meta"]["remote_id"]
        if len(remote_id) < SHORTEST:
            remote_id = self.renumbered(mark)
        return expect(self.caller.get(f"{self.sample.path}/{self.vendor}:{remote_id}")).json()

    def naming(self, mark: str) -> Body:
        """The references of a new record."""
        make: dict[tuple[str, str], Callable[[str], Body]] = {
            ("hubspot", "customer"): lambda mark: {"owner": self._owner()},
            ("hubspot", "ticket"): lambda mark: {"assignee": self._owner(), "requester": self.customer(mark)},
            ("hubspot", "order"): lambda mark: {"customer": self.customer(mark)},
            ("salesforce", "ticket"): lambda mark: {
                "requester": self.customer(mark),
                "company": self.reference(ACCOUNT),
            },
            ("shopify", "order"): self._shop_order,
            ("woocommerce", "order"): self._shop_order,
            ("freshdesk", "ticket"): lambda mark: {
                "requester": self.customer(mark),
                "assignee": self.reference(
                    self.placed("agents", contact={"name": "Mira", "email": f"{mark}@a.example"})
                ),
                "team": self.reference(self.placed("groups", name=f"Group {mark}")),
            },
            ("zendesk", "ticket"): lambda mark: {
                "type": "incident",
                "requester": self.customer(mark),
                "assignee": self.reference(self._agent(mark)),
                "team": self.reference(self.placed("groups", name=f"Group {mark}")),
                "company": self.reference(self.placed("organizations", name=f"Company {mark}")),
                "parent": self.reference(self.placed("tickets", subject="All mugs", type="problem")),
                "followers": [self.reference(self._agent(word())) | {"kind": "follower"}],
            },
        }
        named = make.get((self.vendor, self.sample.object))
        return {} if named is None else named(mark)

    def _owner(self) -> Body:
        return self.reference(self.placed("owners", firstName="Mira", lastName="Oakes", email=f"{word()}@crm.example"))

    def _agent(self, mark: str) -> str:
        return self.placed("users", name=f"Agent {mark}", email=f"{mark}@desk.example", role="agent")

    def _shop_order(self, mark: str) -> Body:
        sku = f"MUG-{mark}"
        if self.vendor == "shopify":
            product: Body = {"variant_remote_id": self.placed("ProductVariant", sku=sku).rpartition("/")[2]}
        else:
            product = {"remote_id": self.placed("products", name="Mug", sku=sku, price="19.90")}
        line = {"name": f"Mug {mark}", "product": {"connection": self.vendor, **product}, "quantity": "2"}
        return {"customer": self.customer(mark), "line_items": [{**line, "unit_price": "19.90"}]}


NAMED: Final = {
    "hubspot customer": {"owner"},
    "hubspot ticket": {"assignee", "requester"},
    "hubspot order": {"customer"},
    "salesforce customer": {"owner"},
    "salesforce ticket": {"assignee", "company", "requester"},
    "salesforce order": {"line_items"},
    "shopify order": {"customer", "line_items"},
    "stripe order": {"line_items"},
    "woocommerce order": {"customer", "line_items"},
    "freshdesk ticket": {"assignee", "requester", "team"},
    "zendesk ticket": {"assignee", "company", "followers", "parent", "requester", "team"},
}
"""The fields in which a record of each source names others."""


def ids_in(part: Any) -> set[str]:
    """The vendor's ids in a record, its own included."""
    if isinstance(part, list):
        return {id for one in part for id in ids_in(one)}
    if not isinstance(part, dict):
        return set()
    own = {str(part[name])[:15] for name in ("remote_id", "variant_remote_id") if part.get(name)}
    return own | {id for value in part.values() for id in ids_in(value)}


def names(body: Body) -> set[str]:
    """The fields of a record that name others."""
    fields = {name: value for name, value in body.items() if name not in ("meta", "line_items")}
    lines = [line["product"] for line in body.get("line_items", ()) if line["product"]]
    return {name for name, value in {**fields, "line_items": lines}.items() if ids_in(value)}


@pytest.fixture(scope="module")
def records(running_facade: Facade, full_key: str) -> dict[str, Body]:
    """A record of each vendor, as it is read."""
    with Caller(running_facade.api.url, full_key) as caller:
        return {name: Source(caller, running_facade.vendors, sample).read() for name, sample in SAMPLES.items()}


def fresh(record: Body) -> Body:
    """The record with a key and an address that no other has: vendors hold each once."""
    mark = word()
    mailbox = {"emails": [{"address": f"{mark}@example.com"}]} if record.get("emails") else {}
    return record | {"external_id": f"key-{mark}"} | mailbox


def carry(caller: Caller, target: Sample, source: Sample, record: Body) -> None:
    """Send a record there by every verb."""
    for query in ("", *(f"&upsert_on={key}" for key in target.upsert_keys)):
        known(caller.write("POST", f"{target.collection()}{query}", fresh(record)))
    kept = caller.create(target.collection(), target.body(word()))
    known(caller.write("PATCH", f"{target.path}/{kept['id']}", fresh(record)))
    for _ in range(2):
        known(caller.write("POST", f"{source.path}/{record['id']}/copies", {"connection": target.vendor}))


def known(answer: Any) -> None:
    """A write that ended well, or that is refused for what the target needs."""
    assert answer.status_code in (200, 201, 422), answer.text


@pytest.mark.parametrize("target", SAMPLES)
def test_no_id_of_a_vendor_is_sent_to_another(
    caller: Caller, vendors: Emulators, records: dict[str, Body], target: str
) -> None:
    to = SAMPLES[target]
    for name, source in SAMPLES.items():
        if source.object != to.object or source.vendor == to.vendor:
            continue
        record = records[name]
        ids = {one for one in ids_in(record) if len(one) >= SHORTEST}
        assert record["meta"]["remote_id"][:15] in ids
        assert names(record) == NAMED.get(name, set())
        if target == "salesforce order":
            furnish(vendors, record)
        before = len(vendors.calls(to.vendor))
        carry(caller, to, source, record)
        calls = vendors.calls(to.vendor)[before:]
        assert any(call["method"] in ("POST", "PATCH", "PUT") for call in calls)
        assert not [call for call in calls if isinstance(call["body"], str) and len(call["body"]) >= CUT]
        sent = json.dumps([(call["path"], call["query"], call["body"]) for call in calls])
        assert [id for id in ids if id in sent] == [], source
