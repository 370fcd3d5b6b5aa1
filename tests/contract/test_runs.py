"""A run lists what was requested, what was done at vendors, and the results, in order and without personal data."""

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any, Final
from uuid import uuid4

from tests.contract.callers import Caller, code_of, expect, new_key, parameters, pointers
from tests.contract.facade import Facade
from tests.contract.samples import customer, word
from tests.contract.waiting import until
from tests.contract.webhook_senders import WebhookEndpoint, gateway

PATH: Final = "/ops/runs"

Story = list[dict[str, Any]]


def new_run() -> str:
    return f"run:{uuid4().hex}"


def run_of(reader: Caller, run: str, complete: Callable[[Story], bool]) -> Story:
    """Return the run once it is complete: some entries are recorded half a second after the work."""

    def look() -> Story:
        answer = reader.get(f"{PATH}/{run}", params={"limit": "250"})
        return answer.json()["data"] if answer.status_code == 200 else []

    return until(look, complete)


def of(story: Story, kind: str) -> Story:
    return [entry for entry in story if entry["kind"] == kind]


def test_a_write_is_traced_to_the_vendors_request_id(caller: Caller, reader: Caller) -> None:
    run, key, body = new_run(), new_key(), customer("hubspot")
    headers = {"x-correlation-id": run}
    made = caller.write("POST", "/v1/customers", body, key=key, headers=headers)
    again = caller.write("POST", "/v1/customers", body, key=key, headers=headers)
    assert (made.status_code, again.headers["idempotent-replayed"]) == (201, "true")

    story = run_of(reader, run, lambda story: len(of(story, "request")) == 2)

    assert [entry["at"] for entry in story] == sorted(entry["at"] for entry in story)
    first, second = of(story, "request")
    assert first["facts"].items() >= {"method": "POST", "route": "/v1/customers", "status": 201}.items()
    assert first["facts"]["caller"] == "everything"
    assert (first["facts"]["replayed"], second["facts"]["replayed"]) == (False, True)
    assert [entry["facts"]["step"] for entry in of(story, "operation")] == ["received", "sent", "settled"]
    (created,) = [call for call in of(story, "vendor_call") if call["facts"]["route"] == "/crm/v3/objects/contacts"]
    assert created["facts"].items() >= {"connection": "hubspot", "method": "POST", "status": 201, "attempt": 1}.items()
    assert created["facts"]["request_id"]
    assert created["facts"]["request_id"] in created["sentence"]
    assert all(entry["sentence"].endswith(".") for entry in story)


def test_a_refused_request_says_why(caller: Caller, reader: Caller) -> None:
    run = new_run()
    refused = caller.write("POST", "/v1/customers", {"emails": 7}, headers={"x-correlation-id": run})
    (step,) = run_of(reader, run, lambda story: len(story) == 1)
    assert f": {refused.status_code} {refused.json()['code']} in " in step["sentence"]


def test_it_names_who_is_responsible_for_its_connections(facade: Facade, caller: Caller, reader: Caller) -> None:
    run = new_run()
    caller.write("POST", "/v1/customers", customer("hubspot"), headers={"x-correlation-id": run})
    run_of(reader, run, lambda story: bool(of(story, "operation")))

    (responsible,) = reader.get(f"{PATH}/{run}").json()["responsible"]

    assert responsible["integration"] == "signups"
    assert responsible["on_call"] == "growth-oncall@example.com"
    printed = facade.lockstitch("runs", "show", run).stdout
    assert "Responsible: growth (signups, critical), on call: growth-oncall@example.com" in printed


def test_it_leads_into_the_trace(caller: Caller, reader: Caller) -> None:
    run, known = new_run(), new_run()
    parent = f"00-{uuid4().hex}-{uuid4().hex[:16]}-01"
    caller.get("/v1/me", headers={"x-correlation-id": run})
    caller.get("/v1/me", headers={"x-correlation-id": known, "traceparent": parent})

    run_of(reader, run, bool)
    run_of(reader, known, bool)

    derived = reader.get(f"{PATH}/{run}").json()
    assert derived["trace_id"] == hashlib.sha256(run.encode()).hexdigest()[:32]
    assert derived["trace_url"] == f"http://127.0.0.1:16686/trace/{derived['trace_id']}"
    assert reader.get(f"{PATH}/{known}").json()["trace_id"] == parent.split("-")[1]


def test_the_run_of_a_webhook_lists_what_followed(facade: Facade, reader: Caller) -> None:
    answer = WebhookEndpoint(facade, "gateway").send(gateway())
    run = answer.headers["x-correlation-id"]

    story = run_of(reader, run, lambda story: bool(of(story, "event")))

    kinds = [entry["kind"] for entry in story]
    assert kinds.index("receipt") < kinds.index("attempt")
    (receipt,) = of(story, "receipt")
    (event,) = of(story, "event")
    (attempt,) = [entry for entry in of(story, "attempt") if entry["facts"]["outcome"] == "done"][:1]
    assert receipt["facts"]["connection"] == "gateway"
    assert event["facts"]["type"] == "webhook.received"
    assert attempt["facts"]["attempt"] == 1
    assert "job.queued" in {entry["facts"]["type"] for entry in of(story, "audit")}


def test_an_outage_is_listed_attempt_by_attempt(facade: Facade, caller: Caller, reader: Caller) -> None:
    run = new_run()
    facade.vendors.break_("hubspot", "status", status=503, path="/crm/v3/objects/contacts*", times=1)
    caller.get("/v1/customers?connection=frail-hubspot&limit=1", headers={"x-correlation-id": run})

    story = run_of(reader, run, lambda story: bool(of(story, "request")))

    calls = [call for call in of(story, "vendor_call") if "contacts" in call["facts"]["route"]]
    assert [(call["facts"]["attempt"], call["facts"]["outcome"] == "success") for call in calls] == [
        (1, False),
        (2, True),
    ]


def test_a_run_has_no_personal_data(caller: Caller, reader: Caller) -> None:
    run, mark = new_run(), word()
    headers = {"x-correlation-id": run}
    caller.create("/v1/customers", customer("hubspot", mark), headers=headers)
    caller.get("/v1/customers", params={"email": f"{mark}@example.com"}, headers=headers)
    caller.get(f"/v1/customers/{mark}@example.com", headers=headers)

    story = run_of(reader, run, lambda story: len(of(story, "request")) == 3)

    assert mark not in json.dumps(story)
    assert {entry["facts"]["route"] for entry in of(story, "request")} == {"/v1/customers", "/v1/customers/{id}"}


def test_pages_lead_on(facade: Facade, reader: Caller) -> None:
    run = new_run()
    facade.sql(
        """
        INSERT INTO run_entry (correlation_id, kind, at, facts)
        SELECT $1, 'request', now() - make_interval(secs => number / 3), '{"caller": "n8n", "method": "GET",
               "route": "/v1/me", "status": 200, "ms": 1.5, "number": ' || number || '}'
          FROM generate_series(1, 600) AS number
        """,
        run,
    )
    entries: Story = []
    following = f"{PATH}/{run}?limit=250"
    while following:
        answer = expect(reader.get(following))
        entries += answer.json()["data"]
        link = re.fullmatch(r'<(.+)>; rel="next"', answer.headers.get("link", ""))
        following = "" if link is None else link[1]
    assert len({entry["facts"]["number"] for entry in entries}) == len(entries) == 600
    assert [entry["at"] for entry in entries] == sorted(entry["at"] for entry in entries)


def test_a_cursor_is_good_for_its_run_only(facade: Facade, caller: Caller, reader: Caller) -> None:
    one, other = new_run(), new_run()
    for run in (one, one, other):
        caller.get("/v1/me", headers={"x-correlation-id": run})
    run_of(reader, one, lambda story: len(story) == 2)
    run_of(reader, other, bool)
    cursor = reader.get(f"{PATH}/{one}", params={"limit": "1"}).json()["next_cursor"]

    for run, bad in ((other, cursor), (one, cursor[:20] + cursor[20:].swapcase()), (one, "nonsense")):
        answer = expect(reader.get(f"{PATH}/{run}", params={"cursor": bad}), 422, "invalid-field")
        assert parameters(answer) == ["cursor"]


def test_an_id_may_hold_slashes(caller: Caller, reader: Caller) -> None:
    run = f"flow/{uuid4().hex}/step=1+2@x"
    caller.get("/v1/me", headers={"x-correlation-id": run})

    run_of(reader, run, bool)

    assert reader.get(f"{PATH}/{run}").json()["correlation_id"] == run


def test_an_unknown_run_is_not_found(reader: Caller) -> None:
    assert code_of(reader.get(f"{PATH}/{new_run()}"), 404) == "not-found"


def test_it_is_for_operators(facade: Facade, anonymous: Caller) -> None:
    assert code_of(anonymous.get(f"{PATH}/x"), 401) == "unauthenticated"
    with facade.calling("customers:read", "ops:write") as caller:
        assert code_of(caller.get(f"{PATH}/x"), 403) == "forbidden"


def test_calls_without_a_key_are_not_recorded(
    facade: Facade, caller: Caller, anonymous: Caller, reader: Caller
) -> None:
    """Or anybody could fill our disk, and put words into the record of others."""
    run = new_run()
    anonymous.get("/v1/customers", headers={"x-correlation-id": run})
    caller.get("/v1/me", headers={"x-correlation-id": run})

    story = run_of(reader, run, bool)

    assert [entry["facts"]["route"] for entry in story] == ["/v1/me"]


def test_what_is_not_written_yet_is_written_at_the_end(facade: Facade, full_key: str, reader: Caller) -> None:
    run = new_run()
    with facade.another_api() as api, Caller(api.url, full_key) as caller:
        caller.get("/v1/me", headers={"x-correlation-id": run})

    assert [entry["kind"] for entry in reader.get(f"{PATH}/{run}").json()["data"]] == ["request"]


def test_the_command_line_shows_it(facade: Facade, caller: Caller, reader: Caller) -> None:
    run = new_run()
    caller.get("/v1/me", headers={"x-correlation-id": run})
    story = run_of(reader, run, bool)

    output = facade.lockstitch("runs", "show", run)
    assert output.returncode == 0, output.stderr
    assert story[0]["sentence"] in output.stdout
    assert "http://127.0.0.1:16686/trace/" in output.stdout
    as_json = facade.lockstitch("runs", "show", run, "--json")
    assert json.loads(as_json.stdout)["data"] == story
    unknown = facade.lockstitch("runs", "show", new_run())
    assert (unknown.returncode, "No run has" in unknown.stderr) == (1, True)


def test_a_note_is_found_in_its_run_without_people(caller: Caller, reader: Caller) -> None:
    run = new_run()
    note = {
        "text": "Routed to billing, as ann@example.com spent more than 500 (+4915112345678).",
        "data": {"queue": "billing", "sum": "640.00", "asked_by": "ann@example.com"},
    }
    kept = expect(caller.post(f"/v1/runs/{run}/notes", json=note), 201).json()
    assert kept["text"] == "Routed to billing, as (e-mail) spent more than 500 ((phone))."
    assert kept["data"] == {"queue": "billing", "sum": "640.00", "asked_by": "(e-mail)"}
    assert kept["correlation_id"] == run
    story = run_of(reader, run, lambda story: any(step["kind"] == "note" for step in story))
    (step,) = [step for step in story if step["kind"] == "note"]
    assert step["sentence"] == f"everything noted: {kept['text']}"
    assert step["facts"]["data"] == kept["data"]


def test_a_note_on_a_run_whose_id_has_slashes(caller: Caller, reader: Caller) -> None:
    run = f"flow/{uuid4().hex}/step=1"
    expect(caller.post(f"/v1/runs/{run.replace('/', '%252F')}/notes", json={"text": "Skipped: nothing to do."}), 201)
    assert "note" in [step["kind"] for step in run_of(reader, run, bool)]


def test_what_is_no_note_is_refused(facade: Facade, caller: Caller) -> None:
    path = f"/v1/runs/{new_run()}/notes"
    for body, pointer in (
        ({"text": ""}, "/text"),
        ({"text": "a" * 1001}, "/text"),
        ({"text": "a\x00b"}, "/text"),
        ({"text": "a", "data": {"a": "\x00"}}, "/data/a"),
        ({"text": "a", "data": {"\x00": "a"}}, "/data"),
        ({"text": "a", "data": {"a": "b" * 4000}}, "/data"),
    ):
        answer = expect(caller.post(path, json=body), 422, "invalid-field")
        assert pointers(answer) == [pointer]
    assert code_of(caller.post("/v1/runs/no%20run/notes", json={"text": "a"}), 404) == "not-found"
    with facade.calling("customers:read", "ops:read") as reading:
        assert code_of(reading.post(path, json={"text": "a"}), 403) == "forbidden"
