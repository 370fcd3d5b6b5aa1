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
from tests.contract.facade import Facade
from tests.contract.samples import Body, word
from tests.contract.vendor_samples import SAMPLES, Sample, all_vendors, create_record

PAGE: Final = Path(__file__).parents[2] / "docs" / "portability.md"
HEAD: Final = """\
# Portability

What happens when a body is sent to a system, unchanged, with the default `loss`. *As read*: the record as the source
returns it. *Minimal*: what a person writes by hand. *Rich*: more than any one system can store.
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


def carry(caller: Caller, target: Sample, body: Body) -> str:
    """Create it there. Return `yes`, or what is refused."""
    answer = caller.write("POST", target.collection(), body)
    if answer.status_code == 201:
        return "yes"
    problem: dict[str, Any] = answer.json()
    named = [f"`{one['pointer']}`: {one['detail']}" for one in problem.get("errors", ()) if "pointer" in one]
    return f"`{problem.get('code', answer.status_code)}` {'; '.join(named) or problem.get('detail', '')}"


def results(caller: Caller) -> Iterator[Carried]:
    """Carry every body to every system that holds the object."""
    for target in SAMPLES.values():
        for name, make in (("minimal", minimal), ("rich", rich)):
            outcome = carry(caller, target, make(target.object, word()))
            yield Carried(target.object, name, "", target.vendor, outcome)
        for source in SAMPLES.values():
            if source.object == target.object and source.vendor != target.vendor:
                path, _ = create_record(caller, source)
                outcome = carry(caller, target, caller.get(path).json())
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


def test_every_body_goes_over_as_the_page_says(caller: Caller) -> None:
    found = page(list(results(caller)))
    if os.environ.get("LOCKSTITCH_PORTABILITY") == "write":
        PAGE.write_text(found, encoding="utf-8")
    assert found == PAGE.read_text(encoding="utf-8")
