"""A request with two faults gets the problem that the contract checks first.

route → key → scope → headers → size → media type → recorded key → JSON → fields → If-Match → vendor
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import httpx
import pytest

from tests.contract.callers import Caller, code_of, new_key
from tests.contract.facade import Facade
from tests.contract.samples import customer, word


@dataclass
class Scene:
    """What the faults need: keys, an Idempotency-Key of another request, two customers, and what is to be sent."""

    reader: str
    used_key: str
    taken_address: str
    path: str
    method: str = "PATCH"
    body: dict[str, Any] = field(default_factory=lambda: {"job_title": "Potter"})
    headers: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    wrap: Callable[[bytes], bytes] = bytes

    def send(self, caller: Caller) -> httpx.Response:
        content = self.wrap(json.dumps(self.body).encode())
        return caller.request(self.method, self.path, params=self.query, headers=self.headers, content=content)


def no_such_route(scene: Scene) -> None:
    scene.path = scene.path.replace("/v1/", "/v2/")


def no_such_method(scene: Scene) -> None:
    scene.method = "PUT"


def no_key(scene: Scene) -> None:
    scene.headers["authorization"] = "Bearer lsk_unknown"


def no_scope(scene: Scene) -> None:
    scene.headers["authorization"] = f"Bearer {scene.reader}"


def bad_correlation_id(scene: Scene) -> None:
    scene.headers["x-correlation-id"] = "not usable"


def html_only(scene: Scene) -> None:
    scene.headers["accept"] = "text/html"


def no_idempotency_key(scene: Scene) -> None:
    del scene.headers["idempotency-key"]


def bad_idempotency_key(scene: Scene) -> None:
    scene.headers["idempotency-key"] = "with space"


def too_large(scene: Scene) -> None:
    inner = scene.wrap
    scene.wrap = lambda content: inner(content) + b" " * 1024 * 1024


def other_type(scene: Scene) -> None:
    scene.headers["content-type"] = "text/plain"


def other_coding(scene: Scene) -> None:
    scene.headers["content-encoding"] = "gzip"


def used_key(scene: Scene) -> None:
    scene.headers["idempotency-key"] = scene.used_key


def not_json(scene: Scene) -> None:
    scene.wrap = lambda content: content[:-1]


def unknown_member(scene: Scene) -> None:
    scene.body["jobtitle"] = "Potter"


def bad_address(scene: Scene) -> None:
    scene.body["emails"] = [{"address": "not an address"}]


def unknown_parameter(scene: Scene) -> None:
    scene.query["loosy"] = "accept"


def no_place(scene: Scene) -> None:
    scene.body["notes"] = "HubSpot contacts have none."


def wrong_value(scene: Scene) -> None:
    scene.body["phones"] = [{}]


def stale(scene: Scene) -> None:
    scene.headers["if-match"] = '"00000000000000000000000000000000"'


def duplicate(scene: Scene) -> None:
    scene.body.setdefault("emails", [{"address": scene.taken_address}])


Fault = Callable[[Scene], None]
# By rank: faults of one rank may come in any order.
RANKS: tuple[tuple[tuple[Fault, int, str], ...], ...] = (
    ((no_such_route, 404, "not-found"), (no_such_method, 405, "method-not-allowed")),
    ((no_key, 401, "unauthenticated"),),
    ((no_scope, 403, "forbidden"),),
    (
        (bad_correlation_id, 400, "invalid-correlation-id"),
        (html_only, 406, "not-acceptable"),
        (no_idempotency_key, 400, "idempotency-key-missing"),
        (bad_idempotency_key, 400, "idempotency-key-invalid"),
    ),
    ((too_large, 413, "body-too-large"),),
    ((other_type, 415, "unsupported-media-type"), (other_coding, 415, "unsupported-media-type")),
    ((used_key, 422, "idempotency-key-reused"),),
    ((not_json, 400, "malformed-body"),),
    (
        (unknown_member, 422, "invalid-field"),
        (bad_address, 422, "invalid-field"),
        (unknown_parameter, 422, "invalid-field"),
        (no_place, 422, "unsupported-field"),
        (wrong_value, 422, "invalid-field"),
    ),
    ((stale, 412, "version-conflict"),),
    ((duplicate, 409, "duplicate-record"),),
)
ALONE = [fault for rank in RANKS for fault in rank]
PAIRS = [
    (first, second)
    for place, rank in enumerate(RANKS)
    for later in RANKS[place + 1 :]
    for first, second in product(rank, later)
]


@pytest.fixture(scope="module")
def ground(running_facade: Facade, full_key: str) -> tuple[str, str, str, str]:
    """A key that may only read, a used Idempotency-Key, a taken address, and the path of a customer."""
    used, address = new_key(), f"{word()}@example.com"
    with running_facade.calling(secret=full_key) as caller:
        assert caller.write("POST", "/v1/customers", customer("hubspot"), key=used).status_code == 201
        caller.create("/v1/customers", customer("hubspot", emails=[{"address": address}]))
        made = caller.create("/v1/customers", customer("hubspot"))
    return running_facade.make_key("customers:read").secret, used, address, f"/v1/customers/{made['id']}"


@pytest.fixture
def scene(ground: tuple[str, str, str, str]) -> Scene:
    """A PATCH without any fault."""
    reader, used, address, path = ground
    headers = {"idempotency-key": new_key(), "content-type": "application/json"}
    return Scene(reader=reader, used_key=used, taken_address=address, path=path, headers=headers)


def named(fault: tuple[Fault, int, str]) -> str:
    return fault[0].__name__


def test_a_request_without_a_fault_succeeds(scene: Scene, caller: Caller) -> None:
    assert scene.send(caller).status_code == 200


@pytest.mark.parametrize("fault", ALONE, ids=named)
def test_one_fault(scene: Scene, caller: Caller, fault: tuple[Fault, int, str]) -> None:
    break_it, status, code = fault
    break_it(scene)
    assert code_of(scene.send(caller), status) == code


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=named)
def test_of_two_faults_the_first_is_reported(
    scene: Scene, caller: Caller, first: tuple[Fault, int, str], second: tuple[Fault, int, str]
) -> None:
    second[0](scene)
    first[0](scene)
    _, status, code = first
    assert code_of(scene.send(caller), status) == code


@pytest.mark.parametrize("path", ["/v1/operations", "/v1/options/hubspot/ticket/status", "/v1/uploads/legacy/upl_1"])
def test_a_missing_scope_precedes_the_headers_with_any_of_scopes(running_facade: Facade, path: str) -> None:
    secret = running_facade.make_key("events:read").secret
    with running_facade.calling(secret=secret) as events_only:
        answer = events_only.get(path, headers={"x-correlation-id": "not usable"})
    assert code_of(answer, 403) == "forbidden"


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/uploads/nowhere"), ("GET", "/v1/feeds/invoices"), ("GET", "/v1/options/hubspot/invoice/status")],
)
def test_an_unknown_path_id_is_judged_after_the_scope(
    running_facade: Facade, full_key: str, method: str, path: str
) -> None:
    secret = running_facade.make_key("events:read").secret
    with running_facade.calling(secret=secret) as events_only:
        assert code_of(events_only.request(method, path), 403) == "forbidden"
    with running_facade.calling(secret=full_key) as caller:
        assert code_of(caller.request(method, path, params={"unknown": "1"}), 404) == "not-found"
