"""Carry the orders of `portable_orders` from every vendor to every other, and compare what both hold afterwards."""

import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from itertools import groupby, permutations
from typing import Final, NamedTuple

import httpx

from canonical.field_kinds import kinds_of
from mappings.registry import VENDORS
from tests.contract.callers import Caller
from tests.contract.portability import decided, problem_of
from tests.contract.portable_orders import COLLECTED, ORDINARY, RICH, Make
from tests.contract.samples import Body, word
from tests.contract.stored_orders import READ, StoredOrder, Vault
from tests.contract.write_and_read import announced, covers, differences

LEAST_ORDINARY: Final = 0.95
LEAST_RICH: Final = 0.85
THREADS: Final = 4
OWN: Final = ("id", "connection", "remote_id", "country_raw", "type", "type_raw", "is_default")
"""What each system says in its own way of a buyer and an address."""
REFUSALS: Final = ("`unsupported-field`", "`invalid-field`")
WAY_OUT: Final = re.compile(r"\b(send|use|set|accept|configure|leave|take|omit|let)\b", re.IGNORECASE)
"""What a refusal says besides the reason: what to do."""


class Carried(NamedTuple):
    """One order that was sent from one vendor to another. `problem` is empty if it went over. `wrong` says what the two
    hold otherwise, and what the answer did not announce."""

    kind: str
    body: str
    source: str
    target: str
    verb: str
    is_paid: bool
    problem: str
    wrong: tuple[str, ...]

    @property
    def is_excepted(self) -> bool:
        """Whether the target would have to collect money that was paid elsewhere."""
        return self.is_paid and "collects" in VENDORS[self.target].traits


class Carrier:
    """Makes orders at their sources and sends them on."""

    def __init__(self, caller: Caller, emulators: str) -> None:
        self._caller = caller
        self._vaults = {vendor: Vault(emulators, vendor) for vendor in READ}

    def carry_all(self) -> list[Carried]:
        """Carry every order of every vendor to every other."""
        bodies = [("ordinary", name, make) for name, make in ORDINARY.items()]
        bodies += [("rich", name, make) for name, make in RICH.items()]
        work = [(source, *body) for source in READ for body in bodies]
        with ThreadPoolExecutor(THREADS) as pool:
            results = pool.map(lambda one: list(self._carried(*one)), work)
        return [one for those in results for one in those]

    def _carried(self, source: str, kind: str, name: str, make: Make) -> Iterator[Carried]:
        for verb in ("create", "copy"):
            made = decided(self._caller, self._post(f"/v1/orders?connection={source}&loss=any", make(word())))
            if made.status_code != 201:
                # A vendor that collects money makes no order that is paid.
                assert name in COLLECTED, made.text
                continue
            record = self._caller.get(f"/v1/orders/{made.json()['id']}?connection={source}").json()
            stored = READ[source](self._vaults[source], record["meta"]["remote_id"])
            for target in READ:
                if target != source:
                    answer = self._sent(verb, source, target, record)
                    problem = problem_of([answer])
                    wrong = () if problem else tuple(self._wrong(target, record, answer.json(), stored))
                    is_paid = record["payment_status"] == "paid"
                    yield Carried(kind, name, source, target, verb, is_paid, problem, wrong)

    def _sent(self, verb: str, source: str, target: str, record: Body) -> httpx.Response:
        if verb == "create":
            return decided(self._caller, self._post(f"/v1/orders?connection={target}", record))
        path = f"/v1/orders/{record['id']}/copies?connection={source}"
        return decided(self._caller, self._post(path, {"connection": target}))

    def _post(self, path: str, body: Body) -> httpx.Response:
        return self._caller.write("POST", path, body)

    def _wrong(self, target: str, sent: Body, answer: Body, stored: StoredOrder) -> Iterator[str]:
        """Yield what the target holds otherwise than the source, and what it reads otherwise and did not announce."""
        there = READ[target](self._vaults[target], answer["meta"]["remote_id"])
        if there.total != stored.total:
            yield f"the sum is {there.total} instead of {stored.total}"
        goods = Counter(Decimal(one["quantity"]) for one in sent["line_items"])
        if missing := goods - there.quantities:
            yield f"lines of these quantities are missing: {[str(one) for one in missing.elements()]}"
        # What the target has as further lines: fees, and what it folds into lines or into a remainder of their prices.
        places = [one["place"] for one in answer["meta"]["loss"] if one.get("place", "").startswith("/line_items")]
        more = (there.quantities - goods).total()
        if more > len(set(places)) + len(sent["fees"]):
            yield f"{more} lines were added, {len(places)} folds into lines were announced"
        body = {
            name: {member: value for member, value in (sent[name] or {}).items() if member not in OWN}
            for name in ("customer", "billing_address", "shipping_address")
        }
        read = self._caller.get(f"/v1/orders/{answer['id']}?connection={target}&include=references").json()
        for one in differences(body, read, kinds_of("order")):
            if not any(covers(path, pointer) for path in announced(answer) for pointer in one.pointers):
                yield f"{one.field} reads {one.read!r} instead of {one.sent!r}"


def share(rows: list[Carried]) -> float:
    """The share of the orders that went over, without those that only the buyer can pay."""
    counted = [one for one in rows if not one.is_excepted]
    return sum(not one.problem for one in counted) / len(counted)


def tables(rows: list[Carried]) -> str:
    """How many orders went from each vendor to each other one, and each refusal."""
    parts = ["| from | to | ordinary | rich |", "| --- | --- | --- | --- |"]
    for source, target in permutations(sorted(READ), 2):
        those = [one for one in rows if (one.source, one.target) == (source, target)]
        cells = [_count([one for one in those if one.kind == kind]) for kind in ("ordinary", "rich")]
        parts.append(f"| {source} | {target} | {cells[0]} | {cells[1]} |")
    refused = sorted((one.target, one.problem, one.body, one.source, one.verb) for one in rows if one.problem)
    parts += ["", "| to | order | from | refusal |", "| --- | --- | --- | --- |"]
    for (target, problem, body), group in groupby(refused, key=lambda one: one[:3]):
        sources = sorted({one[3] for one in group})
        parts.append(f"| {target} | {body} | {', '.join(sources)} | {problem} |")
    return "\n".join(parts)


def _count(rows: list[Carried]) -> str:
    return f"{sum(not one.problem for one in rows)} of {len(rows)}"
