"""What an operator reads at 2 am: one line for each call, lost reply, job, delivery and dead letter, with its ids."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract.callers import Caller, code_of, expect, new_key
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.processes import NO_TLS, Process
from tests.contract.samples import KINDS, customer
from tests.contract.waiting import until
from tests.contract.webhook_driver import WebhookDriver

CONTACTS = "/crm/v3/objects/contacts"
KIND = KINDS["hubspot customer"]


def lines(process: Process, message: str, **facts: Any) -> list[dict[str, Any]]:
    """The log lines of a process that begin with this message and have these facts."""
    parsed = [json.loads(line) for line in process.log.splitlines() if line.startswith("{")]
    return [
        line
        for line in parsed
        if line["message"].startswith(message) and all(line.get(name) == value for name, value in facts.items())
    ]


def line(process: Process, message: str, **facts: Any) -> dict[str, Any]:
    """The one line, once it is written."""
    until(lambda: lines(process, message, **facts))
    (only,) = lines(process, message, **facts)
    return only


def test_an_access_line_names_operation_and_replay(facade: Facade, caller: Caller) -> None:
    key, body = new_key(), customer("hubspot")
    first = caller.write("POST", KIND.collection, body, key=key)
    again = caller.write("POST", KIND.collection, body, key=key)

    made = line(facade.api, "POST /v1/customers 201", correlation_id=first.headers["x-correlation-id"])
    replayed = line(facade.api, "POST /v1/customers 201", correlation_id=again.headers["x-correlation-id"])

    assert made["operation_id"] == replayed["operation_id"] == first.json()["meta"]["operation_id"]
    assert ("replayed" in made, replayed["replayed"]) == (False, True)


def test_an_access_line_names_the_problem(facade: Facade, caller: Caller) -> None:
    answer = caller.get("/v1/customers/cus_0")

    logged = line(facade.api, "GET /v1/customers/{id} 404", correlation_id=answer.headers["x-correlation-id"])

    assert logged["problem"] == answer.json()["code"] == "not-found"


def test_a_recorded_refusal_is_named_on_its_replay(facade: Facade, caller: Caller, vendors: Emulators) -> None:
    key, body = new_key(), customer("hubspot")
    vendors.break_("hubspot", "status", method="POST", path=CONTACTS, status=400)
    refused = caller.write("POST", KIND.collection, body, key=key)
    again = caller.write("POST", KIND.collection, body, key=key)

    logged = line(facade.api, "POST /v1/customers", correlation_id=again.headers["x-correlation-id"])

    assert logged["problem"] == refused.json()["code"]
    assert logged["replayed"]


def test_probes_and_scrapes_write_no_line(facade: Facade, caller: Caller) -> None:
    assert httpx.get(f"{facade.api.url}/health/live").status_code == 200
    assert httpx.get(f"{facade.api.url}/health/ready").status_code == 200
    assert caller.get("/metrics").status_code == 200
    answer = caller.get("/v1/me")

    line(facade.api, "GET /v1/me 200", correlation_id=answer.headers["x-correlation-id"])  # written after them
    assert lines(facade.api, "GET /health/") == []
    assert lines(facade.api, "GET /metrics") == []


def test_a_lost_reply_is_a_line_of_its_own(facade: Facade, caller: Caller, vendors: Emulators) -> None:
    vendors.lose_reply("hubspot", method="POST", path=CONTACTS)
    answer = expect(caller.write("POST", KIND.collection, customer("hubspot")), 202)
    operation = answer.json()

    logged = line(facade.api, "a reply was lost", operation_id=operation["id"])

    assert (logged["connection"], logged["attempt"]) == ("hubspot", 1)
    assert logged["correlation_id"] == operation["correlation_id"]
    assert logged["code"]
    caller.settled(answer)


def test_a_dead_letter_and_its_job_are_a_line_each(
    driver: WebhookDriver, facade: Facade, caller: Caller, vendors: Emulators
) -> None:
    made = caller.create(KIND.collection, KIND.sample())
    vendors.break_("hubspot", "drift", path="/crm/v3/objects/", times=None, change="type")
    letter = driver.dead_letter_of(driver.send("hubspot", "customer", "updated", made["meta"]["remote_id"]))

    dead = line(facade.worker, "a job became a dead letter", dead_letter=letter["id"])
    job = line(facade.worker, "a job ended: dead", job_id=dead["job_id"])

    assert (dead["kind"], dead["connection"], dead["category"]) == ("ingest", "hubspot", "permanent")
    assert dead["correlation_id"] == job["correlation_id"] == letter["correlation_id"]
    assert (job["attempt"], job["origin"]) == (1, letter["origin"])
    assert dead["code"] == job["code"] == letter["reason"]


def test_a_read_that_a_stop_cuts_off_is_no_error(tmp_path: Path, database_url: str) -> None:
    """Of a caller who waits longer than the API has to stop, and of one who has left."""
    facade = Facade(tmp_path, database_url)
    with facade.running(), ThreadPoolExecutor() as pool:
        headers = {"authorization": f"Bearer {facade.make_key('customers:read').secret}"}
        facade.vendors.break_("hubspot", "slow", method="GET", times=None, delay_ms=6000)
        with httpx.Client(base_url=facade.api.url, headers=headers, verify=NO_TLS) as client:
            waiting = pool.submit(client.get, "/v1/customers/hubspot:1", timeout=60)
            with pytest.raises(httpx.ReadTimeout):
                client.get("/v1/customers/hubspot:2", timeout=0.5)
            assert facade.api.stop() == 0
            answer = waiting.result()

    assert not [one for one in lines(facade.api, "") if one["level"] == "error"]
    assert code_of(answer, 500) == "internal"
    assert "Send the request again" in answer.json()["detail"]
