"""Carry records from every emulated vendor to every other, and hold the result to `docs/portability.md`.

`LOCKSTITCH_PORTABILITY=write` writes this part of the page anew.
"""

import os
from itertools import chain
from typing import Final

from tests.contract import carried_orders
from tests.contract.callers import Caller
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.own_facade import own_facade
from tests.contract.portability import LEAST, PAGE, REAL_SYSTEMS, Carrier, Row, carried, hand_written, place, tables
from tests.contract.vendor_samples import SAMPLES, started

HEAD: Final = """\
# Portability

What happens when a record is sent to a system, unchanged, with the default `loss`, in what `make run` starts.

- *As read*: the record as the source returns it, with a key of the caller (`external_id`) where the source stores one.
  *Minimal*: what a person writes by hand. *Rich*: more than any one system can store.
- **create** is `POST`. **upsert** is `?upsert_on=email` (customers) and `?upsert_on=external_id` (all), where the
  target offers it and the body has the key. **copy** is `POST …/copies`. Upserts and copies are sent twice: the first
  creates the record, and the second updates it. `-`: not offered.

`tests/contract/test_portability.py` carries them all, and holds this page to the result.

An id of one system is never sent to another, and an address never selects agents, administrators or owners
(`test_vendor_ids.py`, `test_matching_people.py`). One exception is the vendors' own: Zendesk and Freshdesk find the
requester of a new ticket by the address in the request, and Zendesk the copied people too. If that is an agent's, the
agent becomes the requester, which changes nothing of the agent. To know it before would cost a call for each ticket.
"""
ORDERS: Final = """\
## Orders

Each order of `tests/contract/portable_orders.py` is made at its source, read, created at the target as it was read,
and copied there. Nine are *ordinary*: whole quantities in EUR, with addresses, notes, known and unknown products. The
*rich* ones have discounts, shipping, taxes in the prices and beside them, a fee, a tip, options, or a guest. Of every
order that goes over, the sum and the quantities that both vendors compute are equal, and names and addresses read as
they were or are announced in `meta.loss`. A paid order does not go to a system that collects the money itself.

"""

running_facade, full_key = own_facade(started)


def test_people_and_tickets_go_over_as_the_page_says(caller: Caller, vendors: Emulators) -> None:
    places = [place(caller, sample) for sample in SAMPLES.values() if sample.object != "order"]
    rows: list[Row] = []
    for target in places:
        to = Carrier(caller, vendors, target)
        rows += hand_written(to)
        others = (one for one in places if one.object == target.object and one.connection != target.connection)
        rows += [carried(to, source) for source in others]
    cells = list(chain.from_iterable(row.cells for row in rows))
    assert cells.count("") / len(cells) >= LEAST
    check_page(f"{HEAD}\n{tables(rows, '##')}\n", begin="# Portability\n", end="## Orders\n")


def test_orders_go_over_with_their_sums_as_the_page_says(caller: Caller, facade: Facade) -> None:
    rows = carried_orders.Carrier(caller, facade.emulators.url).carry_all()
    wrong = [(one.source, one.target, one.verb, one.body, *one.wrong) for one in rows if one.wrong]
    assert wrong == []
    for one in rows:
        if one.problem:
            assert one.problem.startswith(carried_orders.REFUSALS), one
            assert carried_orders.WAY_OUT.search(one.problem), one
    for kind, least in (("ordinary", carried_orders.LEAST_ORDINARY), ("rich", carried_orders.LEAST_RICH)):
        assert carried_orders.share([one for one in rows if one.kind == kind]) >= least, kind
    check_page(f"{ORDERS}{carried_orders.tables(rows)}\n\n", begin="## Orders\n", end=REAL_SYSTEMS)


def check_page(measured: str, *, begin: str, end: str) -> None:
    """Hold a part of the page to what was found: from the line `begin` to the line `end`."""
    page = PAGE.read_text(encoding="utf-8")
    at, until = f"\n{page}".index(f"\n{begin}"), page.index(f"\n{end}") + 1
    if os.environ.get("LOCKSTITCH_PORTABILITY") == "write":
        PAGE.write_text(f"{page[:at]}{measured}{page[until:]}", encoding="utf-8")
    else:
        assert measured == page[at:until]
