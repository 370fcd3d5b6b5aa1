"""Customers of HubSpot and Shopify that copy to each other, edited by the staff of both vendors, and what each write
there changed."""

import itertools
import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import httpx

from tests.contract.callers import Caller
from tests.contract.emulators import Vendor
from tests.contract.facade import SECRETS, Facade
from tests.contract.processes import NO_TLS
from tests.contract.quiet import SHOPIFY_API, UNDER_WAY
from tests.contract.samples import word
from tests.contract.waiting import until

SIDES: Final[tuple[Vendor, ...]] = ("hubspot", "shopify")
CONTACTS: Final = "/hubspot/crm/v3/objects/contacts"
NATIVE: Final[dict[Vendor, dict[str, str]]] = {
    "hubspot": {"first_name": "firstname", "last_name": "lastname", "phone": "phone"},
    "shopify": {"first_name": "firstName", "last_name": "lastName", "phone": "phone"},
}
"""How each vendor calls the fields that both sides copy."""
OWNERS: Final[dict[str, Vendor]] = {"first_name": "shopify"}
"""HubSpot owns all other fields."""
OWNERSHIP: Final = "\n[ownership.customers.fields]\n" + "".join(
    f'{field} = {{ owner = "{side}" }}\n' for field, side in OWNERS.items()
)
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


def both_ways(more: str = "") -> str:
    """The configuration of two consumers, each with `more` settings."""
    ways = (CONSUMER.format(target=one, source=other, more=more) for one, other in (SIDES, SIDES[::-1]))
    return OWNERSHIP + "".join(ways)


class Person(NamedTuple):
    """One customer: the ids at both sides."""

    hubspot: str
    shopify: str


class TwoSystems:
    """The two vendors of a Lockstitch."""

    def __init__(self, facade: Facade) -> None:
        self.facade = facade
        self._http = httpx.Client(base_url=facade.vendors.url, timeout=30.0, verify=NO_TLS)

    def people(self, caller: Caller, number: int) -> list[Person]:
        """Create customers in the shop, and wait until they are in the CRM."""
        made = [caller.create("/v1/customers?connection=shopify", self._body()) for _ in range(number)]
        self.settle()
        linked = "SELECT remote_id FROM link WHERE canonical_id = $1 AND connection = 'hubspot'"
        return [Person(self.facade.sql(linked, one["id"])[0]["remote_id"], one["meta"]["remote_id"]) for one in made]

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

    def edit(self, side: Vendor, remote_id: str, field: str, value: str) -> None:
        """Change a field as the vendor's own staff does."""
        native = NATIVE[side][field]
        if side == "hubspot":
            bearer = {"authorization": f"Bearer {SECRETS['HUBSPOT_TOKEN']}"}
            body: dict[str, Any] = {"properties": {native: value}}
            answer = self._http.patch(f"{CONTACTS}/{remote_id}", json=body, headers=bearer)
        else:
            token = {"x-shopify-access-token": SECRETS["SHOPIFY_TOKEN"]}
            sent = {"id": f"gid://shopify/Customer/{remote_id}", native: value}
            body = {"query": UPDATE, "variables": {"input": sent}}
            answer = self._http.post(SHOPIFY_API, json=body, headers=token)
        assert answer.is_success, answer.text
        assert "message" not in answer.text, answer.text

    def state(self, side: Vendor) -> dict[str, dict[str, str]]:
        """The fields of all customers there, by id."""
        kind = "contacts" if side == "hubspot" else "Customer"
        return {
            str(one["id"]).rpartition("/")[2]: _fields(side, one.get("properties") or one | _phone(one))
            for one in self.facade.vendors.records(side, kind)
        }

    def settle(self, timeout: float = 60.0) -> None:
        """Wait until all webhooks have arrived, and nothing is under way."""
        until(lambda: not self._busy(), timeout=timeout)

    def _busy(self) -> list[Any]:
        """What is under way. A webhook may start work, so webhooks are looked at first."""
        sent = [one for side in SIDES for one in self.facade.vendors.sent_webhooks(side) if one["state"] in OPEN]
        return sent or [one for one in self.facade.sql(UNDER_WAY) if one["number"]]

    def writes(self, side: Vendor) -> list[tuple[str, dict[str, str]]]:
        """The writes that changed a customer there, ours and the staff's: the id and the fields that were sent."""
        read = _hubspot_write if side == "hubspot" else _shopify_write
        return [one for call in self.facade.vendors.calls(side) if (one := read(call)) is not None]


def idle_writes(
    before: Mapping[str, Mapping[str, str]], writes: list[tuple[str, dict[str, str]]]
) -> list[tuple[str, dict[str, str]]]:
    """Return the writes that changed nothing, if the customers were as `before` and got these writes in order."""
    now = {key: dict(fields) for key, fields in before.items()}
    idle = []
    for remote_id, fields in writes:
        if fields.items() <= now[remote_id].items():
            idle.append((remote_id, fields))
        now[remote_id] |= fields
    return idle


def _hubspot_write(call: dict[str, Any]) -> tuple[str, dict[str, str]] | None:
    if call["method"] != "PATCH" or call["status"] != 200:
        return None
    return call["path"].rpartition("/")[2], _fields("hubspot", _json(call)["properties"])


def _shopify_write(call: dict[str, Any]) -> tuple[str, dict[str, str]] | None:
    body = _json(call)
    if "customerUpdate" not in body.get("query", ""):
        return None
    sent = body["variables"]["input"]
    return sent["id"].rpartition("/")[2], _fields("shopify", sent)


def _json(call: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(call["body"]) if isinstance(call["body"], str) else call["body"] or {}
    return body


def _fields(side: Vendor, native: Mapping[str, Any]) -> dict[str, str]:
    return {name: native[there] for name, there in NATIVE[side].items() if there in native}


def _phone(customer: Mapping[str, Any]) -> dict[str, str]:
    return {"phone": (customer["defaultPhoneNumber"] or {}).get("phoneNumber", "")}
