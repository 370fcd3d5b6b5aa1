"""Carry records from every system to every other, and hold the result to `docs/portability.md`.

`LOCKSTITCH_PORTABILITY=write` writes the page anew.
"""

import os
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from tests.contract.callers import Caller
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.samples import Body, word
from tests.contract.vendor_samples import ACCOUNT, SAMPLES, Sample, all_vendors

PAGE: Final = Path(__file__).parents[2] / "docs" / "portability.md"
HEAD: Final = """\
# Portability

What happens when a body is sent to a system, unchanged, with the default `loss`. *As read*: the record as the source
returns it. *Minimal*: what a person writes by hand. *Rich*: more than any one system can store.
Salesforce knows the buyers of the orders, with an account, and their products; no other system knows anybody.
`tests/contract/test_portability.py` carries them all, and holds this page to the result.
"""


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
            "phones": [{"e164": "+493012345678", "type": "mobile"}, {"e164": "+493012345679", "type": "work"}],
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
    body = source.body(mark)
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
    if (order.get("customer") or {}).get("email"):
        person = {"LastName": "Lee", "Name": "Lee", "Email": order["customer"]["email"], "AccountId": ACCOUNT}
        vendors.place("salesforce", "Contact", person)
    (book,) = vendors.records("salesforce", "Pricebook2")
    for sku in {line["sku"] for line in order["line_items"] if line.get("sku")}:
        if not vendors.records("salesforce", "Product2", holding=f"'{sku}'"):
            product = vendors.place("salesforce", "Product2", {"Name": "Mug", "ProductCode": sku})
            entry = {"Product2Id": product["Id"], "Pricebook2Id": book["Id"], "UnitPrice": 19.9, "IsActive": True}
            vendors.place("salesforce", "PricebookEntry", entry)


class Carried(NamedTuple):
    """One body that was sent to one system: what came of it."""

    object: str
    body: str
    source: str
    target: str
    outcome: str


@pytest.fixture(scope="module")
def running_facade(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Facade]:
    """A Lockstitch of this module, connected to every vendor."""
    with all_vendors(tmp_path_factory.mktemp("carry"), module_database_url) as facade:
        yield facade


@pytest.fixture(scope="module")
def full_key(running_facade: Facade) -> str:
    """A key with every scope."""
    return running_facade.make_key(name="everything").secret


def carry(caller: Caller, vendors: Emulators, target: Sample, body: Body) -> str:
    """Create it there. Return `yes`, or what is refused."""
    if (target.vendor, target.object) == ("salesforce", "order"):
        furnish(vendors, body)
    answer = caller.write("POST", target.collection(), body)
    if answer.status_code == 201:
        return "yes"
    problem: dict[str, Any] = answer.json()
    named = [f"`{one['pointer']}`: {one['detail']}" for one in problem.get("errors", ()) if "pointer" in one]
    return f"`{problem.get('code', answer.status_code)}` {'; '.join(named) or problem.get('detail', '')}"


def results(caller: Caller, vendors: Emulators) -> Iterator[Carried]:
    """Carry every body to every system that holds the object."""
    for target in SAMPLES.values():
        for name, make in (("minimal", minimal), ("rich", rich)):
            outcome = carry(caller, vendors, target, make(target.object, word()))
            yield Carried(target.object, name, "", target.vendor, outcome)
        for source in SAMPLES.values():
            if source.object == target.object and source.vendor != target.vendor:
                made = caller.create(source.collection(), read_at(source, word()))
                read = caller.get(f"{source.path}/{made['id']}").json()
                outcome = carry(caller, vendors, target, read)
                yield Carried(target.object, "as read", source.vendor, target.vendor, outcome)


def page(carried: list[Carried]) -> str:
    """The page, with a table for each object."""
    done = sum(one.outcome == "yes" for one in carried)
    parts = [HEAD, f"{done} of {len(carried)} go over.\n"]
    for object_name, rows in groupby(sorted(carried), key=lambda one: one.object):
        parts.append(f"## {object_name.title()}s\n\n| body | from | to | goes over |\n| --- | --- | --- | --- |")
        parts += [f"| {one.body} | {one.source} | {one.target} | {one.outcome} |" for one in rows]
        parts.append("")
    return "\n".join(parts)


def test_every_body_goes_over_as_the_page_says(caller: Caller, vendors: Emulators) -> None:
    found = page(list(results(caller, vendors)))
    if os.environ.get("LOCKSTITCH_PORTABILITY") == "write":
        PAGE.write_text(found, encoding="utf-8")
    assert found == PAGE.read_text(encoding="utf-8")
