"""Carry records from every emulated vendor to every other, and hold the result to `docs/portability.md`.

`LOCKSTITCH_PORTABILITY=write` writes this part of the page anew.
"""

import os
from collections.abc import Iterator
from typing import Final

import pytest

from tests.contract.callers import Caller
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.portability import (
    LEAST,
    PAGE,
    REAL_SYSTEMS,
    Carrier,
    Row,
    carried,
    hand_written,
    place,
    share,
    tables,
)
from tests.contract.vendor_samples import SAMPLES, all_vendors

HEAD: Final = """\
# Portability

What happens when a body is sent to a system, unchanged, with the default `loss`.

- *As read*: the record as the source returns it, with a key of the caller (`external_id`) where the source stores one.
  *Minimal*: what a person writes by hand. *Rich*: more than any one system can store.
- **create** is `POST`. **upsert** is `?upsert_on=email` (customers) and `?upsert_on=external_id` (all), where the
  target offers it and the body has the key. **copy** is `POST …/copies`. Upserts and copies are sent twice: the first
  creates the record, and the second updates it. `-`: not offered.

Salesforce knows the buyers of the orders, with an account, and their products; no other system knows anybody.
`tests/contract/test_portability.py` carries them all, and holds this page to the result.

An id of one system is never sent to another, and an address never selects agents, administrators or owners
(`test_vendor_ids.py`, `test_matching_people.py`). One exception is the vendors' own: Zendesk and Freshdesk find the
requester of a new ticket by the address in the request, and Zendesk the copied people too. If that is an agent's, the
agent becomes the requester, which changes nothing of the agent. To know it before would cost a call for each ticket.
"""


@pytest.fixture(scope="module")
def running_facade(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Facade]:
    """A Lockstitch of this module, connected to every vendor."""
    live = {"LOCKSTITCH_DEV_STRIPE_KEY": "rk_live_dev"}
    with all_vendors(tmp_path_factory.mktemp("carry"), module_database_url, **live) as facade:
        yield facade


@pytest.fixture(scope="module")
def full_key(running_facade: Facade) -> str:
    """A key with every scope."""
    return running_facade.make_key(name="everything").secret


def test_every_body_goes_over_as_the_page_says(caller: Caller, vendors: Emulators) -> None:
    places = [place(caller, sample) for sample in SAMPLES.values()]
    rows: list[Row] = []
    for target in places:
        to = Carrier(caller, vendors, target)
        rows += hand_written(to)
        others = (one for one in places if one.object == target.object and one.connection != target.connection)
        rows += [carried(to, source) for source in others]
    found = f"{HEAD}\n{tables(rows, '##')}"
    _, mark, real = PAGE.read_text(encoding="utf-8").partition(f"\n{REAL_SYSTEMS}")
    if os.environ.get("LOCKSTITCH_PORTABILITY") == "write":
        PAGE.write_text(f"{found}{mark}{real}", encoding="utf-8")
    assert found == PAGE.read_text(encoding="utf-8").removesuffix(f"{mark}{real}")
    assert share() >= LEAST
