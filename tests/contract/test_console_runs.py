"""Runs at the console: a failure is found by what people know of it, and its run shows why."""

import json
import re
from collections.abc import Iterator
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.contract.callers import Caller
from tests.contract.dead_jobs import UNMAPPABLE, DeadJobs
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.operator import Operator
from tests.contract.own_facade import own_facade
from tests.contract.quiet import sending_webhooks
from tests.contract.samples import customer
from tests.contract.waiting import until
from tests.required import required

# An erasure opens every value of its Lockstitch.
running_facade, full_key = own_facade(LOCKSTITCH_TRACE_URL="")

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def operator(facade: Facade) -> Iterator[Operator]:
    """An operator who may read."""
    with Operator(facade.api.url) as browser:
        browser.sign_in(facade.make_key("ops:read").secret)
        yield browser


def test_all_is_well_only_while_each_connection_works(operator: Operator, caller: Caller, vendors: Emulators) -> None:
    assert "<h1>All is well</h1>" in operator.get("/console").text
    vendors.break_("hubspot", "status", path="/crm/v3/objects/contacts*", status=503, times=None)

    def look() -> str:
        caller.get("/v1/customers?connection=frail-hubspot&limit=1")
        return operator.get("/console").text

    failing = until(look, lambda text: ">failing<" in text)
    vendors.mend()
    assert "<h1>No alarms</h1>" in failing
    assert "1 connection does not work" in failing


def test_a_refused_write_is_found_by_its_address(operator: Operator, caller: Caller, vendors: Emulators) -> None:
    run, address = f"refused/{uuid4().hex}", f"{uuid4().hex[:12]}@example.com"
    vendors.break_("hubspot", "status", method="POST", path="/crm/v3/objects/contacts", status=400)
    body = {**customer("hubspot"), "emails": [{"address": address}]}
    assert caller.write("POST", "/v1/customers", body, headers={"x-correlation-id": run}).status_code == 422
    results = page_with(run, operator, address.upper())
    assert f'href="/console/run?id={quote(run)}"' in results
    assert "The vendor refused the data" in results
    assert address not in operator.get("/console/runs").text
    assert run not in operator.get("/console/runs", params={"find": f"other-{address}"}).text
    assert run not in operator.get("/console/runs", params={"find": address, "connection": "shopify"}).text
    by_id = operator.get("/console/runs", params={"find": run})
    assert (by_id.status_code, by_id.headers["location"]) == (303, f"/console/run?id={quote(run, safe='')}")
    call = "hubspot was called: POST /crm/v3/objects/contacts: 400"  # recorded half a second later
    run_page = until(lambda: operator.get(by_id.headers["location"]).text, lambda text: call in text)
    assert re.search("What failed.*The vendor refused the data.*Steps", run_page, re.DOTALL)
    assert re.search(r"Trace <code>[0-9a-f]{32}</code>", run_page)  # no trace store is configured
    assert caller.post("/ops/persons/erase", json={"email": address, "dry_run": False}).is_success
    until(lambda: operator.get("/console/runs", params={"find": address}), lambda page: run not in page.text)


def test_a_read_that_failed_at_the_vendor_is_listed(
    operator: Operator, caller: Caller, facade: Facade, vendors: Emulators
) -> None:
    run = f"unreadable-{uuid4().hex}"
    made = caller.write("POST", "/v1/customers", customer("hubspot")).json()
    vendors.break_("hubspot", "drift", path="/crm/v3/objects/contacts*", times=None, change="type")
    path = f"/v1/customers/hubspot:{made['meta']['remote_id']}"
    for headers in ({"x-correlation-id": run}, {}):
        assert caller.get(path, headers=headers).status_code == 502
    vendors.mend()
    page = until(lambda: operator.get("/console/runs").text, lambda text: run in text)
    assert "GET /v1/customers/{id}" in page
    assert "502 vendor-drift" in page

    def listed(*options: str) -> list[dict[str, str]]:
        result = facade.lockstitch("runs", "list", "--since", "1h", "--json", *options).stdout
        return [one for one in json.loads(result)["data"] if one["correlation_id"] == run]

    (failure,) = listed("--connection", "hubspot", "--state", "failed")
    assert (failure["what"], failure["why"]) == ("GET /v1/customers/{id}", "502 vendor-drift")
    assert listed("--key", failure["key"]) == [failure]
    assert not listed("--connection", "shopify")
    assert not listed("--failed", "--object", "order")
    first = json.loads(facade.lockstitch("runs", "list", "--failed", "--limit", "1", "--json").stdout)
    rest = listed("--failed", "--cursor", first["next_cursor"], "--limit", "200")
    assert [*(one for one in first["data"] if one["correlation_id"] == run), *rest] == [failure]


def test_the_webhooks_that_echo_a_write_are_one_line(operator: Operator, caller: Caller, facade: Facade) -> None:
    run = f"echoed-{uuid4().hex}"
    with sending_webhooks(facade, "hubspot"):
        body = customer("hubspot")
        assert caller.write("POST", "/v1/customers", body, headers={"x-correlation-id": run}).status_code == 201
        page = until(
            lambda: operator.get("/console/run", params={"id": run}).text,
            lambda text: re.search(r"hubspot sent \d+ webhooks that echo operation", text) is not None,
        )
    count = re.findall(r"hubspot sent (\d+) webhooks that echo", page)
    assert len(count) == 1
    details = page.partition("<details")[2].partition("</details>")[0]
    echoes = re.findall(r'href="/console/run\?id=([^"]+)">in_\w+<', details)
    assert len(echoes) == int(count[0])
    lines = facade.lockstitch("runs", "show", run).stdout
    assert len(re.findall("webhooks? that echo", lines)) == 1
    assert "Audited" not in page + lines
    cause = operator.get(f"/console/run?id={echoes[0]}").text
    assert f'It echoes <a href="/console/run?id={run}">' in cause
    assert re.search(r"Job \d+ \(ingest\) was queued\.", cause)
    assert "job.processed" not in cause


def test_a_dead_letter_is_found_by_order_number_and_record(operator: Operator, facade: Facade) -> None:
    dead, number = DeadJobs(facade), f"N{uuid4().hex[:10]}"
    payload = f'{{"order_number": "#{number}", "note": "{SCRIPT}"}}'.encode()
    record = uuid4().hex[:12]
    (letter,) = dead.bury(dead.new(payload=payload, order_key=f"order:{record}"), failure=UNMAPPABLE)
    for text in (number.lower(), f"#{number}", f"{dead.connection}:{record}"):
        results = page_with(letter, operator, text)
        assert f"<code>{UNMAPPABLE.path}</code>" in results
    here = {"connection": dead.connection}
    assert letter in operator.get("/console/runs", params={**here, "object": "order", "state": "open"}).text
    assert letter not in operator.get("/console/runs", params={**here, "object": "ticket"}).text
    assert letter not in operator.get("/console/runs", params={**here, "state": "discarded"}).text
    lead = operator.get("/console/runs", params={"find": letter}).headers["location"]
    assert f"Dead letter {letter}" in operator.get(lead).text


def test_older_failures_are_on_the_next_page(operator: Operator, facade: Facade) -> None:
    dead = DeadJobs(facade)
    letters = dead.bury(*(dead.new(correlation_id=f"run-{dead.connection}-{number}") for number in range(52)))
    first = operator.get("/console/runs", params={"connection": dead.connection}).text
    second = operator.get(required(re.search(r'href="([^"]+)">Older<', first))[1].replace("&amp;", "&")).text
    assert [letter for letter in letters if (letter in first) == (letter in second)] == []
    assert "Older" not in second


def test_what_others_write_is_no_markup(operator: Operator, facade: Facade) -> None:
    dead = DeadJobs(facade)
    failure = type(UNMAPPABLE)(category="permanent", reason=SCRIPT, path=f"$.{SCRIPT}")
    dead.bury(dead.new(correlation_id=f"run-{dead.connection}", kind=SCRIPT), failure=failure)
    for path in (f"/console/runs?connection={dead.connection}", f"/console/run?id=run-{dead.connection}"):
        text = operator.get(path).text
        assert "&lt;script&gt;" in text
        assert SCRIPT not in text
    echoed = operator.get("/console/runs", params={"find": f'"><b>{SCRIPT}', "key": SCRIPT, "connection": SCRIPT})
    assert echoed.status_code == 200
    assert SCRIPT not in echoed.text


@pytest.mark.parametrize("query", ["state=lost", "after=x", "after=%7B%7D"])
def test_a_wrong_filter_is_a_page(operator: Operator, query: str) -> None:
    refused = operator.get(f"/console/runs?{query}")
    assert (refused.status_code, refused.headers["content-type"]) == (422, "text/html; charset=utf-8")


def test_an_unknown_run_is_a_page(operator: Operator) -> None:
    assert operator.get("/console/run?id=nobodys").status_code == 404
    assert operator.get("/console/run").status_code == 404


def page_with(part: str, operator: Operator, text: str) -> str:
    """Search for a text, once a worker has made the keys of what it finds."""
    ready = until(
        lambda: operator.get("/console/runs", params={"find": text}),
        lambda page: page.status_code == 200 and part in page.text,
    )
    return str(ready.text)
