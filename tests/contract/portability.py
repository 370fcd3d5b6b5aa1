"""Carry records between connections, and show the result as tables of `docs/portability.md`."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count, groupby
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx

from canonical.parts import ObjectName
from tests.contract.callers import Caller
from tests.contract.emulators import Emulators
from tests.contract.samples import Body, word
from tests.contract.vendor_samples import ACCOUNT, Sample

PAGE: Final = Path(__file__).parents[2] / "docs" / "portability.md"
REAL_SYSTEMS: Final = "## Real systems\n"
"""Where the part of the page begins that `tests/peers` holds."""
LEAST: Final = 0.95
"""The share of the bodies that has to go over."""
NUMBERS: Final = count(12345600)


def minimal(object_name: str, mark: str) -> Body:
    """What a person writes by hand."""
    email = f"{mark}@example.com"
    match object_name:
        case "customer":
            return {"first_name": "Ada", "last_name": mark, "emails": [{"address": email}]}
        case "order":
            line = {"name": "Mug", "sku": f"MUG-{mark}", "quantity": "2", "unit_price": "19.90"}
            return {"currency": "EUR", "customer": {"email": email}, "line_items": [line]}
    return {"subject": f"Mug {mark}", "description": "In two pieces.", "requester": {"email": email, "name": "Ada"}}


def number() -> str:
    """A telephone number that nobody has yet: shops hold each once."""
    return f"+4930{next(NUMBERS)}"


def rich(object_name: str, mark: str) -> Body:
    """More than any one system can store."""
    address = {"line1": "Uferweg 3", "city": "Berlin", "postal_code": "10115", "country_code": "DE"}
    more: dict[str, Body] = {
        "customer": {
            "kind": "person",
            "status": "active",
            "tax_exemption": "none",
            "company_name": "Lee Ceramics",
            "job_title": "Potter",
            "phones": [{"e164": number(), "type": "mobile"}, {"e164": number(), "type": "work"}],
            "addresses": [{**address, "type": "billing"}, {**address, "type": "shipping", "city": "Kiel"}],
            "language": "de",
            "timezone": "Europe/Berlin",
            "notes": "Likes blue.",
            "tags": ["vip"],
            "lifecycle_stage": "customer",
            "consents": [{"channel": "email", "state": "never"}],
        },
        "order": {
            "channel": "api",
            "billing_address": address,
            "shipping_address": address,
            "customer_note": "Ring twice.",
            "tags": ["gift"],
            "shipping_lines": [{"title": "Post", "price": "4.90"}],
        },
        "ticket": {"priority": "high", "type": "question", "status": "open", "channel": "email", "tags": ["breakage"]},
    }
    return {**minimal(object_name, mark), **more[object_name]}


def read_at(source: Sample, mark: str) -> Body:
    """A record to read: the sample, with the person and the product that a real one has."""
    body = source.body(mark) | {"external_id": f"key-{mark}"}
    if source.object == "ticket" or (source.vendor, source.object) == ("hubspot", "order"):
        part = "requester" if source.object == "ticket" else "customer"
        body |= {part: {"email": f"{mark}@example.com", "name": "Ada"}}
    if source.object == "order" and source.vendor == "shopify":
        body["line_items"][0]["sku"] = f"MUG-{mark}"
    if source.object == "order" and source.vendor == "salesforce":
        body["status"] = "open"  # a draft is no order yet
    return body


def furnish(vendors: Emulators, order: Body) -> None:
    """Make the buyer and the products of an order known at Salesforce."""
    email = (order.get("customer") or {}).get("email")
    if email and not vendors.records("salesforce", "Contact", holding=email):
        person = {"LastName": "Lee", "Name": "Lee", "Email": email, "AccountId": ACCOUNT}
        vendors.place("salesforce", "Contact", person)
    (book,) = vendors.records("salesforce", "Pricebook2")
    for sku in {line["sku"] for line in order["line_items"] if line.get("sku")}:
        if not vendors.records("salesforce", "Product2", holding=f"'{sku}'"):
            product = vendors.place("salesforce", "Product2", {"Name": "Mug", "ProductCode": sku})
            entry = {"Product2Id": product["Id"], "Pricebook2Id": book["Id"], "UnitPrice": 19.9, "IsActive": True}
            vendors.place("salesforce", "PricebookEntry", entry)


class Place(NamedTuple):
    """An object at a connection: the keys that an upsert may have there, and how to make a record to be read."""

    connection: str
    object: ObjectName
    upsert_keys: Sequence[str]
    make: Callable[[], Body]

    @property
    def collection(self) -> str:
        """The path to create one."""
        return f"/v1/{self.object}s?connection={self.connection}"


def place(caller: Caller, sample: Sample) -> Place:
    """Where an emulated vendor holds an object."""

    def make() -> Body:
        made = caller.create(sample.collection(), read_at(sample, word()))
        return caller.get(f"{sample.path}/{made['id']}").json()

    return Place(sample.vendor, sample.object, sample.upsert_keys, make)


class Row(NamedTuple):
    """One body that was sent to one system. The verbs: empty for a success, None for one that is not offered, else the
    problem."""

    object: str
    body: str
    source: str
    target: str
    create: str | None
    upsert: str | None
    copy: str | None

    @property
    def cells(self) -> list[str]:
        """What came of each verb that is offered."""
        return [one for one in self[4:] if one is not None]


def gist(object_name: ObjectName, record: Body) -> list[Any]:
    """What of a record every system can hold."""
    match object_name:
        case "customer":
            return [record["display_name"], record["emails"][0]["address"]]
        case "order":
            return [record["currency"], record["totals"]["total"]]
    return [record["subject"], record["description"], record["requester"]["email"]]


def problem_of(answers: Iterable[httpx.Response]) -> str:
    """Return the first problem; empty if there is none."""
    for answer in answers:
        if answer.status_code not in (200, 201):
            problem: dict[str, Any] = answer.json()
            named = [f"`{one['pointer']}`: {one['detail']}" for one in problem.get("errors", ()) if "pointer" in one]
            return f"`{problem.get('code', answer.status_code)}` {'; '.join(named) or problem.get('detail', '')}"
    return ""


def decided(caller: Caller, answer: httpx.Response) -> httpx.Response:
    """The answer to a write. After a 202, the replay of it."""
    if answer.status_code != 202:
        return answer
    caller.settled(answer)
    sent = answer.request
    return caller.request(sent.method, sent.url, content=sent.content, headers=sent.headers)


class Carrier:
    """Sends bodies to one connection."""

    def __init__(self, caller: Caller, vendors: Emulators, target: Place) -> None:
        self.caller, self.vendors, self.target = caller, vendors, target

    def create(self, body: Body) -> str:
        """Create it. If it is a record that was read, what every system can hold is there afterwards."""
        answer = self._send(self.target.collection, body)
        problem = problem_of([answer])
        if not problem and "id" in body:
            made = self.caller.get(f"/v1/{self.target.object}s/{answer.json()['id']}").json()
            assert gist(self.target.object, made) == gist(self.target.object, body)
            assert made["id"] != body["id"]
        return problem

    def upsert(self, fresh: Callable[[], Body]) -> str | None:
        """Upsert a fresh body by each key that the target offers and the body has, twice. None without any."""
        problems = list[str]()
        for key in self.target.upsert_keys:
            body = fresh()
            if body.get("emails" if key == "email" else key):
                path = f"{self.target.collection}&upsert_on={key}"
                problems.append(problem_of(self._send(path, body) for _ in range(2)))
        return next(filter(None, problems), "") if problems else None

    def copy(self, source: Place, body: Body) -> str:
        """Copy the record that was read, twice."""
        path = f"/v1/{source.object}s/{body['id']}/copies?connection={source.connection}"
        self._furnish(body)
        order = {"connection": self.target.connection}
        return problem_of(self._write(path, order) for _ in range(2))

    def _send(self, path: str, body: Body) -> httpx.Response:
        self._furnish(body)
        return self._write(path, body)

    def _write(self, path: str, body: Body) -> httpx.Response:
        return decided(self.caller, self.caller.write("POST", path, body))

    def _furnish(self, body: Body) -> None:
        if (self.target.connection, self.target.object) == ("salesforce", "order"):
            furnish(self.vendors, body)


def hand_written(to: Carrier) -> Iterator[Row]:
    """Send the bodies that were not read anywhere."""
    kind = to.target.object
    for name, make in (("minimal", minimal), ("rich", rich)):

        def keyed(make: Callable[[str, str], Body] = make) -> Body:
            return make(kind, mark := word()) | {"external_id": f"key-{mark}"}

        yield Row(kind, name, "", to.target.connection, to.create(make(kind, word())), to.upsert(keyed), None)


def carried(to: Carrier, source: Place) -> Row:
    """Send a record as it is read at another connection."""
    verbs = to.create(source.make()), to.upsert(source.make), to.copy(source, source.make())
    return Row(source.object, "as read", source.connection, to.target.connection, *verbs)


def tables(rows: list[Row], heading: str) -> str:
    """How many go over, a table for each object, and each problem once."""
    outcomes = [one for row in rows for one in row.cells]
    problems = sorted({one for one in outcomes if one})

    def cell(outcome: str | None) -> str:
        return "-" if outcome is None else f"no ({problems.index(outcome) + 1})" if outcome else "yes"

    parts = [f"{outcomes.count('')} of {len(outcomes)} go over.\n"]
    for object_name, those in groupby(sorted(rows, key=lambda row: row[:4]), key=lambda row: row.object):
        parts.append(
            f"{heading} {object_name.title()}s\n\n| body | from | to | create | upsert | copy |\n|{' --- |' * 6}"
        )
        parts += [f"| {' | '.join((*row[1:4], *map(cell, row[4:])))} |" for row in those]
        parts.append("")
    if problems:
        parts += [f"{heading} Exceptions\n", *(f"{number}. {one}" for number, one in enumerate(problems, 1)), ""]
    return "\n".join(parts)


def share() -> float:
    """The share of all bodies that go over, as the page says."""
    counts = re.findall(r"^(\d+) of (\d+) go over", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return sum(int(over) for over, _ in counts) / sum(int(of) for _, of in counts)
