"""Every answer carries a correlation id and a trace; methods and media types are checked."""

import hashlib
import re

import httpx
import pytest

from tests.contract.callers import Caller, code_of, expect, new_key
from tests.contract.facade import Facade
from tests.contract.raw_http import exchange, head
from tests.contract.samples import customer

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
READABLE = (
    "/v1/me",
    "/v1/contracts",
    "/v1/contracts/customer",
    "/v1/customers",
    "/v1/orders",
    "/v1/tickets",
    "/v1/operations",
    "/health/live",
    "/health/ready",
    "/metrics",
    "/problems/not-found",
)
AS_N8N = "application/json,text/html,application/xhtml+xml,application/xml,text/*;q=0.9, image/*;q=0.8, */*;q=0.7"
PLAIN, PROBLEM = "application/json", "application/problem+json"
LATER = ("/v1/options/hubspot/customers/owner",)


@pytest.mark.parametrize("path", ["/nowhere", "/v1/customers/a/b", "/v1", "/", "/V1/customers"])
def test_an_unknown_route_is_404_before_the_key_is_checked(anonymous: Caller, path: str) -> None:
    assert code_of(anonymous.get(path), 404) == "not-found"


@pytest.mark.parametrize(
    "path",
    ["/v1/customers/", "/v1/customers//", "//v1/customers", "/v1/customers/%2F", "/v1/orders//cancel", "/health/live/"],
)
def test_an_id_that_was_left_empty_names_nothing(caller: Caller, path: str) -> None:
    assert caller.get(path).status_code in (404, 405)
    assert caller.write("DELETE", path).status_code in (404, 405)


@pytest.mark.parametrize("path", ["/%00", "/..%2f..", "/v1/customers/%0a", "/v1/customers/%zz"])
def test_paths_that_are_nonsense(caller: Caller, path: str) -> None:
    expect(exchange(caller.url, head("GET", path, f"Authorization: Bearer {caller.secret}")), 404, "not-found")


def test_a_request_to_upgrade_is_a_plain_request(caller: Caller) -> None:
    headers = {"connection": "upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
    answer = caller.get("/v1/me", headers=headers | {"sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="})
    assert answer.json()["name"] == "everything"


@pytest.mark.parametrize("path", LATER)
def test_a_route_of_a_later_issue_is_not_there(caller: Caller, path: str) -> None:
    assert code_of(caller.get(path), 404) == "not-found"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/customers", "GET, HEAD, POST"),
        ("POST", "/v1/customers/cus_1", "DELETE, GET, HEAD, PATCH"),
        ("DELETE", "/v1/orders/ord_1", "GET, HEAD, PATCH"),
        ("GET", "/v1/orders/ord_1/cancel", "POST"),
        ("PATCH", "/v1/tickets/tkt_1/comments", "GET, HEAD, POST"),
        ("POST", "/v1/me", "GET, HEAD"),
        ("DELETE", "/metrics", "GET, HEAD"),
        ("HEAD", "/v1/operations/op_1/check", "POST"),
        ("BREW", "/v1/customers", "GET, HEAD, POST"),
    ],
)
def test_a_method_that_is_not_offered(anonymous: Caller, method: str, path: str, allowed: str) -> None:
    offered = set(re.split(r",\s*", expect(anonymous.request(method, path), 405).headers["allow"])) - {"OPTIONS"}
    assert offered == set(allowed.split(", "))


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/customers", "GET, HEAD, OPTIONS, POST"),
        ("/v1/customers/cus_1", "DELETE, GET, HEAD, OPTIONS, PATCH"),
        ("/v1/orders/ord_1/cancel", "OPTIONS, POST"),
        ("/health/live", "GET, HEAD, OPTIONS"),
    ],
)
def test_options_lists_the_methods(anonymous: Caller, path: str, allowed: str) -> None:
    answer = anonymous.request("OPTIONS", path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["allow"] == allowed
    assert code_of(anonymous.request("OPTIONS", "/nowhere"), 404) == "not-found"


@pytest.mark.parametrize("path", READABLE)
def test_head_is_get_without_a_body(caller: Caller, path: str) -> None:
    bodyless, whole = caller.head(path), caller.get(path)
    assert bodyless.status_code == whole.status_code == 200
    assert bodyless.headers["content-type"] == whole.headers["content-type"]
    assert bodyless.content == b""
    assert bodyless.headers.get("etag") == whole.headers.get("etag")


@pytest.mark.parametrize("path", ["/nowhere", "/v1/customers/cus_1", "/v1/customers?limit=0"])
def test_head_of_a_problem_has_its_status_and_no_body(caller: Caller, path: str) -> None:
    assert caller.head(path).status_code == caller.get(path).status_code >= 400


@pytest.mark.parametrize("sent", ["run-7", "a" * 128, "A.b_c:d/e+f=g@h-i", "7"])
def test_a_correlation_id_is_echoed_and_names_the_trace(caller: Caller, sent: str) -> None:
    answer = caller.get("/v1/me", headers={"x-correlation-id": sent})
    assert answer.headers["x-correlation-id"] == sent
    derived = hashlib.sha256(sent.encode()).hexdigest()[:32]
    assert answer.headers["traceresponse"].split("-")[1] == derived


@pytest.mark.parametrize("path", ["/v1/me", "/nowhere", "/health/live"])
def test_without_a_correlation_id_one_is_made(caller: Caller, path: str) -> None:
    first, second = caller.get(path), caller.get(path)
    assert UUID7.fullmatch(first.headers["x-correlation-id"])
    assert first.headers["x-correlation-id"] != second.headers["x-correlation-id"]


@pytest.mark.parametrize("sent", ["", "a b", "a" * 129, "a,b", "ä".encode(), "<script>", "a\tb"])
def test_a_correlation_id_that_cannot_be_used(caller: Caller, sent: str | bytes) -> None:
    raw = sent if isinstance(sent, bytes) else sent.encode()
    answer = expect(caller.get("/v1/me", headers=[(b"x-correlation-id", raw)]), 400, "invalid-correlation-id")
    assert UUID7.fullmatch(answer.headers["x-correlation-id"])


def test_two_correlation_ids_are_none(caller: Caller) -> None:
    answer = caller.get("/v1/me", headers=[("x-correlation-id", "one"), ("x-correlation-id", "two")])
    assert code_of(answer, 400) == "invalid-correlation-id"


def test_probes_choose_no_correlation_id(anonymous: Caller) -> None:
    for sent in ("probe", "not usable"):
        answer = expect(anonymous.get("/health/live", headers={"x-correlation-id": sent}))
        assert UUID7.fullmatch(answer.headers["x-correlation-id"])


def test_a_traceparent_wins_over_the_correlation_id(caller: Caller) -> None:
    headers = {"x-correlation-id": "run-8", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01", "tracestate": "a=b"}
    assert caller.get("/v1/me", headers=headers).headers["traceresponse"].split("-")[1] == TRACE


@pytest.mark.parametrize(
    "sent", ["00-0-0-01", "ff" + f"-{TRACE}-00f067aa0ba902b7-01", f"00-{'0' * 32}-00f067aa0ba902b7-01", "junk", ""]
)
def test_a_traceparent_that_is_none_does_not_count(caller: Caller, sent: str) -> None:
    answer = expect(caller.get("/v1/me", headers={"x-correlation-id": "run-9", "traceparent": sent}))
    assert answer.headers["traceresponse"].split("-")[1] == hashlib.sha256(b"run-9").hexdigest()[:32]


@pytest.mark.parametrize(
    "accept",
    [
        AS_N8N,
        "application/json, text/plain, */*",
        "application/json",
        "application/*",
        "application/problem+json",
        "*/*",
        "",
        "text/html;q=inf, */*;q=nan",
        "text/html, application/json;q=0.1",
    ],
)
def test_accept_headers_that_let_json_through(caller: Caller, accept: str) -> None:
    assert caller.get("/v1/me", headers={"accept": accept}).status_code == 200


@pytest.mark.parametrize(
    "accept",
    ["text/html", "image/*", "application/xml;q=0.9", "application/json;q=0", "application/json;q=0, */*;q=0.0"],
)
def test_accept_headers_that_exclude_json(caller: Caller, accept: str) -> None:
    assert code_of(caller.get("/v1/me", headers={"accept": accept}), 406) == "not-acceptable"


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (AS_N8N, PLAIN),
        ("application/json", PLAIN),
        ("text/html, Application/JSON ; q=0.1", PLAIN),
        ("application/json, application/problem+json;q=0", PLAIN),
        ("application/json, application/problem+json;q=0.1", PROBLEM),
        ("application/problem+json", PROBLEM),
        ("application/*", PROBLEM),
        ("*/*", PLAIN),
        ("text/html, */*;q=0.1", PLAIN),
        ("application/json;q=0, */*", PROBLEM),
        ("application/problem+json, */*", PROBLEM),
        ("", PROBLEM),
        ("application/json;q=0", PROBLEM),
        ("text/html", PROBLEM),
    ],
)
def test_accept_chooses_the_media_type_of_a_problem(
    caller: Caller, anonymous: Caller, accept: str, media_type: str
) -> None:
    for answer in (
        anonymous.get("/nowhere", headers={"accept": accept}),
        anonymous.get("/v1/me", headers={"accept": accept}),
        caller.get("/v1/customers/cus_1", headers={"accept": accept}),
        caller.write("POST", "/v1/customers", {"first_nmae": "Ada"}, headers={"accept": accept}),
    ):
        assert answer.status_code >= 400
        assert answer.headers["content-type"] == media_type


def test_accept_lines_are_one_list(anonymous: Caller) -> None:
    both = [("accept", PROBLEM), ("accept", PLAIN)]
    answer = anonymous.get("/nowhere", headers=both)
    assert answer.headers["content-type"] == PROBLEM


def test_metrics_are_text_and_may_be_asked_for_as_such(caller: Caller) -> None:
    assert caller.get("/metrics", headers={"accept": "text/plain"}).status_code == 200


def test_a_call_as_n8n_sends_it(facade: Facade, full_key: str) -> None:
    """Lower-cased names, its own accept and user-agent, a connection per request."""
    headers = {
        "authorization": f"Bearer {full_key}",
        "accept": AS_N8N,
        "accept-encoding": "gzip, compress, deflate, br",
        "user-agent": "n8n",
        "content-type": "application/json",
        "x-correlation-id": "6lFtJ8aYbD2qkP0v-41-1774433221345",
        "idempotency-key": new_key(),
        "connection": "close",
    }
    answer = httpx.post(f"{facade.api.url}/v1/customers", json=customer("hubspot"), headers=headers, timeout=30)
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    assert "content-encoding" not in answer.headers
    assert answer.json()["meta"]["correlation_id"] == headers["x-correlation-id"]


def test_bodies_of_reads_carry_no_correlation_id(caller: Caller) -> None:
    made = caller.create("/v1/customers", customer("hubspot"))
    assert "correlation_id" not in caller.get(f"/v1/customers/{made['id']}").json()["meta"]
    assert "operation_id" not in caller.get(f"/v1/customers/{made['id']}").json()["meta"]
