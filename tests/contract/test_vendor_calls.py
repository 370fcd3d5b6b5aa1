"""Count the calls that each verb makes at each emulated vendor, and hold `docs/vendor-calls.md` to the result.

`LOCKSTITCH_VENDOR_CALLS=write` writes the page anew.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from mappings.registry import VENDORS
from tests.contract.callers import Caller
from tests.contract.emulators import Vendor
from tests.contract.facade import Facade
from tests.contract.own_facade import own_facade
from tests.contract.samples import Body, word
from tests.contract.vendor_samples import EVERY_VENDOR, SAMPLES, Sample, all_vendors

PAGE: Final = Path(__file__).parents[2] / "docs" / "vendor-calls.md"
HEAD: Final = """\
# Calls to vendors

How many requests each verb makes at each vendor. `tests/contract/test_vendor_calls.py` counts them at the emulators and
holds this page to the result.

- **first**: the first create of this object at a connection that no process has used: facts about the account are
  fetched for this object, and its marker is set up.
- **another process**: the first create of a process, while the facts in the database are at most ten minutes old.
- **create** and the other verbs: once the process knows the account.
- *known*: with a customer or requester that the vendor has and the body names by address.

"""
VERBS: Final = ("first", "another process", "create", "create, known", "read", "list", "update", "archive", "comment")
MOST_FURTHER: Final = 5
"""Calls that the first create of a connection may make beyond those of a later one."""


class Counted(NamedTuple):
    """The calls of one object at one vendor, by verb."""

    vendor: Vendor
    object: str
    calls: dict[str, int]


running_facade, full_key = own_facade(all_vendors)


@pytest.fixture(scope="module")
def counted(running_facade: Facade, full_key: str) -> dict[str, Counted]:
    """Every object of every vendor, once, with a new process for each object."""
    by_vendor: dict[str, Counted] = {}
    for object_name in ("customer", "ticket", "order"):
        with (
            running_facade.another_api() as api,
            running_facade.calling(url=api.url, secret=full_key) as first,
            running_facade.calling(secret=full_key) as second,
        ):
            for name, sample in SAMPLES.items():
                if sample.object == object_name:
                    running_facade.sql("DELETE FROM account_fact WHERE connection = $1", sample.vendor)
                    by_vendor[name] = count(running_facade, first, second, sample)
    return by_vendor


def count(facade: Facade, first: Caller, second: Caller, sample: Sample) -> Counted:
    """Count the calls of an object. The process behind `first` has not asked this vendor yet, nor has that behind
    `second` asked it for this object."""
    vendor, calls = sample.vendor, dict[str, int]()

    def counting(verb: str, call: Callable[[], Any]) -> Any:
        before = len(facade.vendors.calls(vendor))
        answer = call()
        calls[verb] = len(facade.vendors.calls(vendor)) - before
        return answer

    mark = word()
    body = sample.body(mark)
    counting("first", lambda: first.create(sample.collection(), body))
    counting("another process", lambda: second.create(sample.collection(), sample.body(word())))
    made = counting("create", lambda: first.create(sample.collection(), sample.body(word())))
    person = known(first, sample)
    if person is not None:
        counting("create, known", lambda: first.create(sample.collection(), sample.body(word()) | person))
    path = f"{sample.path}/{made['id']}"
    counting("read", lambda: ok(first.get(path)))
    counting("list", lambda: ok(first.get(f"{sample.collection()}&limit=5")))
    if sample.change:
        counting("update", lambda: ok(first.write("PATCH", path, sample.change)))
    verbs = sample.mapping.endpoints.actions()
    if sample.object == "ticket" and sample.vendor != "hubspot":
        comment = {"body_text": "On its way.", "visibility": "private"}
        counting("comment", lambda: first.create(f"{path}/comments", comment))
    if "archive" in verbs:
        counting("archive", lambda: ok(first.write("DELETE", path)))
    return Counted(vendor, sample.object, calls)


def known(caller: Caller, sample: Sample) -> Body | None:
    """The member of an order or ticket that names a person whom the vendor has."""
    if sample.object == "customer" or f"{sample.vendor} customer" not in SAMPLES or sample.vendor == "salesforce":
        return None
    someone, mark = SAMPLES[f"{sample.vendor} customer"], word()
    caller.create(someone.collection(), someone.body(mark))
    return {"customer" if sample.object == "order" else "requester": {"email": f"{mark}@example.com"}}


def ok(answer: Any) -> Any:
    assert answer.is_success, answer.text
    return answer


def page_of(counted: dict[str, Counted]) -> str:
    """The page, with a table for each object."""
    parts = [HEAD]
    for name in ("customer", "order", "ticket"):
        verbs = [verb for verb in VERBS if any(verb in one.calls for one in counted.values() if one.object == name)]
        parts.append(f"## {name.capitalize()}s\n\n| vendor | {' | '.join(verbs)} |\n|---|{'--:|' * len(verbs)}\n")
        for vendor in EVERY_VENDOR:
            one = counted.get(f"{vendor} {name}")
            if one is not None:
                cells = " | ".join(str(one.calls.get(verb, "-")) for verb in verbs)
                parts.append(f"| {VENDORS[vendor].title} | {cells} |\n")
        parts.append("\n")
    return "".join(parts).rstrip("\n") + "\n"


def test_the_page_says_how_many_calls_each_verb_makes(counted: dict[str, Counted]) -> None:
    measured = page_of(counted)
    if os.environ.get("LOCKSTITCH_VENDOR_CALLS") == "write":
        PAGE.write_text(measured, encoding="utf-8")
    assert measured == PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SAMPLES)
def test_the_first_create_needs_few_further_calls(counted: dict[str, Counted], name: str) -> None:
    calls = counted[name].calls
    assert calls["first"] - calls["create"] <= MOST_FURTHER


@pytest.mark.parametrize("name", SAMPLES)
def test_another_process_asks_nothing_that_the_first_one_knows(counted: dict[str, Counted], name: str) -> None:
    calls = counted[name].calls
    assert calls["another process"] == calls["create"]


def test_hubspot_needs_few_calls(counted: dict[str, Counted]) -> None:
    assert counted["hubspot order"].calls["create, known"] <= 5
    assert counted["hubspot ticket"].calls["create, known"] <= 3
