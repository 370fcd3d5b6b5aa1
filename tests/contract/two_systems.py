"""Customers of two systems that copy to each other, edited by the staff of both, and what each write there changed."""

import itertools
import json
from collections.abc import Mapping
from typing import Any, Final, Protocol

import httpx

from tests.contract.callers import Caller
from tests.contract.emulators import Vendor
from tests.contract.facade import SECRETS, Facade
from tests.contract.processes import NO_TLS
from tests.contract.quiet import SHOPIFY_API, UNDER_WAY
from tests.contract.samples import word
from tests.contract.waiting import until

SIDES: Final[tuple[Vendor, Vendor]] = ("hubspot", "shopify")
CONTACTS: Final = "/hubspot/crm/v3/objects/contacts"
OWNERSHIP: Final = '\n[ownership.customers.fields]\nfirst_name = {{ owner = "{shop}" }}\n'
"""HubSpot owns all other fields."""
CONSUMER: Final = """
[[consumers]]
object = "customers"
connection = "{target}"
sources = ["{source}"]
fields = ["first_name", "last_name", "phones"]
match_on = "email"
{more}
"""
UPDATE: Final = "mutation($input: CustomerInput!) { customerUpdate(input: $input) { userErrors { message } } }"
NUMBERS: Final = itertools.count(100_000)
OPEN: Final = ("waiting", "held")
RUNS: Final = """
    SELECT count(*) AS number FROM audit_event
     WHERE type = 'walk.completed' AND facts::jsonb ->> 'connection' = $1
"""

Fields = dict[str, str]
"""The copied fields of one customer, by their names here."""
Write = tuple[str, Fields]
"""A write to one customer: the id and the fields that were sent."""
Person = Mapping[str, str]
"""One customer: the id at each side."""


def both_ways(more: str = "", shop: str = "shopify") -> str:
    """The configuration of two consumers, HubSpot and the shop, each with `more` settings."""
    ways = (("hubspot", shop), (shop, "hubspot"))
    return OWNERSHIP.format(shop=shop) + "".join(
        CONSUMER.format(target=target, source=source, more=more) for target, source in ways
    )


class Side(Protocol):
    """The customers of one connection, as the vendor's own staff sees and changes them."""

    @property
    def name(self) -> str:
        """The connection."""

    def edit(self, remote_id: str, field: str, value: str) -> None:
        """Change a field."""

    def state(self) -> dict[str, Fields]:
        """All customers, by id."""

    def writes(self) -> list[Write]:
        """The writes that changed a customer, ours and the staff's."""

    def await_pulls(self) -> None:
        """Wait until pulls have read all edits, if no webhooks report them."""


class HubSpot:
    """The emulated CRM."""

    name: Final = "hubspot"
    native: Final = {"first_name": "firstname", "last_name": "lastname", "phone": "phone"}

    def __init__(self, facade: Facade) -> None:
        self._vendors = facade.vendors
        bearer = {"authorization": f"Bearer {SECRETS['HUBSPOT_TOKEN']}"}
        self._http = httpx.Client(base_url=facade.vendors.url, timeout=30.0, verify=NO_TLS, headers=bearer)

    def edit(self, remote_id: str, field: str, value: str) -> None:
        answer = self._http.patch(f"{CONTACTS}/{remote_id}", json={"properties": {self.native[field]: value}})
        assert answer.is_success, answer.text

    def state(self) -> dict[str, Fields]:
        contacts = self._vendors.records("hubspot", "contacts")
        return {one["id"]: copied(self.native, one["properties"]) for one in contacts}

    def writes(self) -> list[Write]:
        return [
            (call["path"].rpartition("/")[2], copied(self.native, _json(call)["properties"]))
            for call in self._vendors.calls("hubspot")
            if call["method"] == "PATCH" and call["status"] == 200
        ]

    def await_pulls(self) -> None:
        """Webhooks report them."""


class Shopify:
    """The emulated shop."""

    name: Final = "shopify"
    native: Final = {"first_name": "firstName", "last_name": "lastName", "phone": "phone"}

    def __init__(self, facade: Facade) -> None:
        self._vendors = facade.vendors
        token = {"x-shopify-access-token": SECRETS["SHOPIFY_TOKEN"]}
        self._http = httpx.Client(base_url=facade.vendors.url, timeout=30.0, verify=NO_TLS, headers=token)

    def edit(self, remote_id: str, field: str, value: str) -> None:
        sent = {"id": f"gid://shopify/Customer/{remote_id}", self.native[field]: value}
        answer = self._http.post(SHOPIFY_API, json={"query": UPDATE, "variables": {"input": sent}})
        assert answer.is_success, answer.text
        assert "message" not in answer.text, answer.text

    def state(self) -> dict[str, Fields]:
        return {
            one["id"].rpartition("/")[2]: copied(self.native, one | _phone(one))
            for one in self._vendors.records("shopify", "Customer")
        }

    def writes(self) -> list[Write]:
        bodies = [_json(call) for call in self._vendors.calls("shopify")]
        sent = [one["variables"]["input"] for one in bodies if "customerUpdate" in one.get("query", "")]
        return [(one["id"].rpartition("/")[2], copied(self.native, one)) for one in sent]

    def await_pulls(self) -> None:
        """Webhooks report them."""


class TwoSystems:
    """HubSpot and a shop of one Lockstitch."""

    def __init__(self, facade: Facade, shop: Side | None = None) -> None:
        """`shop` is the emulated Shopify by default."""
        self.facade = facade
        self.shop = shop or Shopify(facade)
        self._sides: dict[str, Side] = {side.name: side for side in (HubSpot(facade), self.shop)}

    @property
    def sides(self) -> tuple[str, ...]:
        """The names of both connections."""
        return tuple(self._sides)

    def people(self, caller: Caller, number: int) -> list[Person]:
        """Create customers in the shop, and wait until they are in the CRM."""
        shop = self.shop.name
        made = [caller.create(f"/v1/customers?connection={shop}", self._body()) for _ in range(number)]
        self.settle()
        linked = "SELECT remote_id FROM link WHERE canonical_id = $1 AND connection = 'hubspot'"
        return [
            {"hubspot": self.facade.sql(linked, one["id"])[0]["remote_id"], shop: one["meta"]["remote_id"]}
            for one in made
        ]

    def _body(self) -> dict[str, Any]:
        mark = word()
        return {
            "first_name": "Ada",
            "last_name": mark,
            "emails": [{"address": f"{mark}@example.com"}],
            "phones": [{"e164": self.phone()}],
        }

    def phone(self) -> str:
        """A number that nobody has."""
        return f"+49431{next(NUMBERS)}"

    def edit(self, side: str, person: Person, field: str, value: str) -> None:
        """Change a field as the vendor's own staff does."""
        self._sides[side].edit(person[side], field, value)

    def state(self, side: str) -> dict[str, Fields]:
        """The fields of all customers there, by id."""
        return self._sides[side].state()

    def settle(self, timeout: float = 60.0) -> None:
        """Wait until all webhooks have arrived, pulls have read what none reports, and nothing is under way."""
        for side in self._sides.values():
            side.await_pulls()
        until(lambda: not self._busy(), timeout=timeout)

    def _busy(self) -> list[Any]:
        """What is under way. A webhook may start work, so webhooks are looked at first."""
        sent = [one for side in SIDES for one in self.facade.vendors.sent_webhooks(side, *OPEN)]
        return sent or [one for one in self.facade.sql(UNDER_WAY) if one["number"]]

    def writes(self, side: str) -> list[Write]:
        """The writes that changed a customer there, ours and the staff's."""
        return self._sides[side].writes()


def await_pulls(facade: Facade, connection: str) -> None:
    """Wait until two more pulls of the connection have completed: the second began after this was called."""
    before = facade.sql(RUNS, connection)[0]["number"]
    until(lambda: facade.sql(RUNS, connection)[0]["number"] >= before + 2)


def idle_writes(before: Mapping[str, Fields], writes: list[Write]) -> list[Write]:
    """Return the writes that changed nothing, if the customers were as `before` and got these writes in order."""
    now = {key: dict(fields) for key, fields in before.items()}
    idle = []
    for remote_id, fields in writes:
        if fields.items() <= now[remote_id].items():
            idle.append((remote_id, fields))
        now[remote_id] |= fields
    return idle


def copied(native: Mapping[str, str], record: Mapping[str, Any]) -> Fields:
    """Return the copied fields of a vendor's record that it has; `native` are their names there."""
    return {name: record[there] for name, there in native.items() if there in record}


def _json(call: dict[str, Any]) -> dict[str, Any]:
    return json.loads(call["body"]) if isinstance(call["body"], str) else call["body"] or {}


def _phone(customer: Mapping[str, Any]) -> dict[str, str]:
    return {"phone": (customer["defaultPhoneNumber"] or {}).get("phoneNumber", "")}
