"""Carry records between the emulated vendors and real systems, unchanged, and hold the result to `docs/portability.md`.

What the emulated vendors take from each other is in `tests/contract/test_portability.py`.
`LOCKSTITCH_PORTABILITY=write` writes this part of the page anew.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import pytest

from canonical.parts import ObjectName
from mappings.registry import VENDORS, active
from tests.contract.callers import Caller, expect
from tests.contract.emulators import Emulators
from tests.contract.portability import (
    LEAST,
    PAGE,
    REAL_SYSTEMS,
    Carrier,
    Place,
    Row,
    carried,
    decided,
    furnish,
    gist,
    hand_written,
    problem_of,
    read_at,
    share,
    tables,
)
from tests.contract.samples import Body, word
from tests.contract.vendor_samples import SAMPLES, all_vendors, checkout, named, person, request
from tests.peers.medusa.shop import Shop
from tests.peers.peer import running_peer
from tests.peers.request_tracker import LEASE_SECONDS

PEERS: Final[dict[str, tuple[ObjectName, ...]]] = {
    "localstripe": ("customer", "order"),
    "medusa": ("customer", "order"),
    "request-tracker": ("ticket",),
}
"""The connections to real systems, and what they hold."""
VENDOR_OF: Final = {"localstripe": "stripe", "medusa": "medusa", "request-tracker": "rt"}
HEAD: Final = f"""\
{REAL_SYSTEMS}
Medusa, Request Tracker and localstripe, a copy of Stripe, to and from the vendors above. localstripe has no checkouts,
so no order goes there. `make test-peers` carries them all, and holds this part of the page to the result.

"""
TABLE: Final = """
[connections.{connection}]
vendor = "{vendor}"
base_url = "{url}"
credentials = {{ {credential} = "file:{file}" }}
"""


class Pair(NamedTuple):
    """Records of an object go from one connection to another. One of the two is real."""

    object: ObjectName
    source: str
    target: str


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Lockstitch before the emulated vendors and the real systems that were asked for, with the real ones' URLs."""

    caller: Caller
    vendors: Emulators
    peers: dict[str, str]

    def make(self, object_name: ObjectName, connection: str, mark: str) -> Body:
        """A new record, as it is read afterwards."""
        if (object_name, connection) == ("order", "localstripe"):
            return self.read(object_name, connection, self._paid_invoice(mark))
        if connection in PEERS:
            made_of = {"customer": person, "order": checkout, "ticket": request}[object_name]
            body = made_of(mark) | {"external_id": f"key-{mark}"}
        else:
            body = read_at(SAMPLES[f"{connection} {object_name}"], mark)
        if (object_name, connection) == ("order", "medusa"):
            body["customer"] = {"email": f"{mark}@example.com"}
            body["line_items"][0]["sku"] = f"MUG-{mark}"
        made = done(self.caller, self.caller.write("POST", f"/v1/{object_name}s?connection={connection}", body))
        if (object_name, connection) == ("order", "medusa"):  # placed in a request of its own
            done(self.caller, self.caller.write("PATCH", f"/v1/orders/{made['id']}", {"status": "open"}))
        return self.read(object_name, connection, made["meta"]["remote_id"])

    def place(self, object_name: ObjectName, connection: str) -> Place:
        """Where a connection holds an object."""
        mapping = active(VENDORS[VENDOR_OF.get(connection, connection)], object_name)
        assert mapping is not None
        keys = sorted({*mapping.endpoints.upsert, *mapping.endpoints.find})
        return Place(connection, object_name, keys, lambda: self.make(object_name, connection, word()))

    def read(self, object_name: ObjectName, connection: str, remote_id: str) -> Body:
        """A record, as it is read."""
        return expect(self.caller.get(f"/v1/{object_name}s/{connection}:{remote_id}")).json()

    def copy(self, object_name: ObjectName, record: Body, source: str, target: str) -> httpx.Response:
        """Copy a record from where it is read."""
        if (object_name, target) == ("order", "salesforce"):
            furnish(self.vendors, record)
        path = f"/v1/{object_name}s/{record['id']}/copies?connection={source}"
        return self.caller.write("POST", path, {"connection": target})

    def _paid_invoice(self, mark: str) -> str:
        """The id of an order that localstripe can make: a paid invoice of items that waited for one, at a customer with
        a subscription and a card."""
        customer = self.caller.create("/v1/customers?connection=localstripe", named(mark))
        remote_id = customer["meta"]["remote_id"]
        with httpx.Client(base_url=self.peers["localstripe"], auth=("sk_test_peer", "")) as peer:

            def post(path: str, **fields: str) -> Any:
                return expect(peer.post(path, data=fields)).json()

            news = {"amount": "0", "currency": "eur", "interval": "month", "product[name]": "Newsletter"}
            post("/v1/subscriptions", customer=remote_id, **{"items[0][plan]": post("/v1/plans", **news)["id"]})
            post("/v1/invoiceitems", customer=remote_id, amount="3980", currency="eur", description="Two mugs")
            draft = {"status": "draft", "customer": {"id": customer["id"]}}
            invoice = self.caller.create("/v1/orders?connection=localstripe", draft)["meta"]["remote_id"]
            card = {"number": "4242424242424242", "exp_month": "12", "exp_year": "2030", "cvc": "123"}
            token = post("/v1/tokens", **{f"card[{name}]": value for name, value in card.items()})["id"]
            post(f"/v1/customers/{remote_id}/sources", source=token)
            post(f"/v1/invoices/{invoice}/pay")
        return str(invoice)


def done(caller: Caller, answer: httpx.Response) -> Body:
    """The record that was written, also if it was answered 202."""
    answer = decided(caller, answer)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


def pairs() -> list[Pair]:
    """Every object and every ordered pair of connections that hold it, of which one is real."""
    holders = [(name, object_name) for name, objects in PEERS.items() for object_name in objects]
    holders += [(sample.vendor, sample.object) for sample in SAMPLES.values()]
    return [
        Pair(object_name, source, target)
        for source, kept in holders
        for target, object_name in holders
        if kept == object_name and source != target and {source, target} & PEERS.keys()
        if (object_name, target) != ("order", "localstripe")
    ]


def connected(running: ExitStack, folder: Path, name: str) -> tuple[str, str]:
    """Start a real system. Return its URL, and the table of its connection."""
    url = running.enter_context(running_peer(name, folder))
    credential = {"localstripe": "key", "medusa": "api_key", "request-tracker": "token"}[name]
    match name:
        case "localstripe":
            secret = "sk_test_peer"
        case "medusa":
            shop = Shop(url)
            running.callback(shop.close)
            secret = shop.key
        case _:
            secret = (Path(os.environ["LOCKSTITCH_PEERS_CACHE"]) / name / "token").read_text()
    file = folder / f"{name}.secret"
    file.write_text(secret)
    return url, TABLE.format(connection=name, vendor=VENDOR_OF[name], url=url, credential=credential, file=file)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Stage]:
    """All of it, running."""
    names = [name for name in PEERS if name in os.environ.get("LOCKSTITCH_PEERS", "").split()]
    if not names:
        pytest.skip("real systems are tested by `make test-peers`")
    folder = tmp_path_factory.mktemp("carried")
    with ExitStack() as running:
        started = {name: connected(running, folder, name) for name in names}
        tables = "".join(table for _, table in started.values())
        # A change at Request Tracker is nine calls, and Perl is slow on a busy machine.
        more = {"LOCKSTITCH_OPERATION_LEASE": str(LEASE_SECONDS), "LOCKSTITCH_DEV_STRIPE_KEY": "rk_live_dev"}
        facade = running.enter_context(all_vendors(folder, module_database_url, more=tables, **more))
        caller = running.enter_context(Caller(facade.api.url, facade.make_key(name="everything").secret))
        caller.headers["prefer"] = "wait=30"
        yield Stage(caller=caller, vendors=facade.vendors, peers={name: url for name, (url, _) in started.items()})


@pytest.fixture
def pair(request: pytest.FixtureRequest, stage: Stage) -> Pair:
    """One of them, if its real systems were asked for."""
    chosen: Pair = request.param
    if missing := ({chosen.source, chosen.target} & PEERS.keys()) - stage.peers.keys():
        pytest.skip(f"the real {' and '.join(missing)} is tested by `make test-peers`")
    return chosen


every_pair = pytest.mark.parametrize("pair", pairs(), indirect=True, ids=lambda pair: "-".join(pair))


def test_every_body_goes_over_as_the_page_says(stage: Stage) -> None:
    if stage.peers.keys() != PEERS.keys():
        pytest.skip("the page shows all the real systems")
    holders = {(pair.object, name) for pair in pairs() for name in pair[1:]}
    places = {(kind, name): stage.place(kind, name) for kind, name in sorted(holders)}
    rows: list[Row] = []
    for object_name, target in sorted({(pair.object, pair.target) for pair in pairs()}):
        to = Carrier(stage.caller, stage.vendors, places[object_name, target])
        if target in PEERS:
            rows += hand_written(to)
        rows += [
            carried(to, places[pair.object, pair.source]) for pair in pairs() if pair[::2] == (object_name, target)
        ]
    measured = HEAD + tables(rows, "###")
    emulated, _, _ = PAGE.read_text(encoding="utf-8").partition(f"\n{REAL_SYSTEMS}")
    if os.environ.get("LOCKSTITCH_PORTABILITY") == "write":
        PAGE.write_text(f"{emulated}\n{measured}", encoding="utf-8")
    assert f"{emulated}\n{measured}" == PAGE.read_text(encoding="utf-8")
    assert share() >= LEAST


@every_pair
def test_a_record_is_copied_linked_and_copied_back(stage: Stage, pair: Pair) -> None:
    read = stage.make(pair.object, pair.source, word())
    first = stage.copy(pair.object, read, pair.source, pair.target)
    if first.status_code == 422:
        assert problem_of([first]) in PAGE.read_text(encoding="utf-8")
        return
    made = done(stage.caller, first)
    copied = stage.read(pair.object, pair.target, made["meta"]["remote_id"])
    assert gist(pair.object, copied) == gist(pair.object, read)
    for one in (made, copied):
        assert one["id"] == read["id"]
        assert {link["connection"] for link in one["meta"]["links"]} == {pair.source, pair.target}
    again = done(stage.caller, stage.copy(pair.object, read, pair.source, pair.target))
    assert again["meta"]["remote_id"] == made["meta"]["remote_id"]
    if pair.object == "order":
        return  # how far an order has got is decided where it was placed
    back = done(stage.caller, stage.copy(pair.object, made, pair.target, pair.source))
    assert back["meta"]["remote_id"] == read["meta"]["remote_id"]
    assert gist(pair.object, back) == gist(pair.object, read)
