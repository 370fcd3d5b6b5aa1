"""`lockstitch doctor` and `lockstitch verify` while Lockstitch runs."""

import json
import re

import pytest

from tests.commands import exits
from tests.contract.doctor.shell import Shell, findings_of, static_connection, the
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.samples import customer


def test_a_paused_connection_is_reported_and_not_called(facade: Facade, vendors: Emulators, full_key: str) -> None:
    with facade.calling(secret=full_key) as caller:
        assert caller.post("/ops/connections/other-zendesk/pause", json={"note": "moving"}).status_code == 200
    done = facade.lockstitch("doctor", "--json")
    mend = the(findings_of(done), "connection other-zendesk", "moving")["mend"]
    assert mend == "lockstitch connections resume other-zendesk"
    assert facade.lockstitch(*mend.split()[1:]).returncode == 0
    assert [text for text in findings_of(facade.lockstitch("doctor", "--json")) if "moving" in text] == []
    (event, *_) = facade.sql("SELECT actor FROM audit_event WHERE type = 'connection.resumed' ORDER BY id DESC")
    assert event["actor"].startswith("cli:")
    again = facade.lockstitch(*mend.split()[1:])
    assert (again.returncode, "is resumed" in again.stdout) == (0, True)
    unknown = facade.lockstitch("connections", "resume", "nowhere")
    assert (unknown.returncode, "other-zendesk" in unknown.stderr) == (1, True)


def test_a_paused_connection_that_is_no_longer_configured_is_explained(facade: Facade) -> None:
    facade.sql(
        """INSERT INTO lane (connection, blocked_reason, blocked_until, blocked_note, blocked_at)
           VALUES ('former', 'operator', 'infinity', 'moving', now())"""
    )
    try:
        stderr = exits(facade.lockstitch("connections", "resume", "former"), 1).stderr
    finally:
        facade.sql("DELETE FROM lane WHERE connection = 'former'")
    assert "former is paused (moving) and no longer configured" in stderr


def test_a_record_of_a_connection_that_is_no_longer_configured_says_so(facade: Facade, full_key: str) -> None:
    with facade.calling(secret=full_key) as caller:
        made = caller.create("/v1/customers?connection=hubspot", customer("hubspot"))["id"]
        facade.sql("UPDATE link SET connection = 'former' WHERE canonical_id = $1", made)
        answer = caller.get(f"/v1/customers/{made}")
        facade.sql("DELETE FROM link WHERE canonical_id = $1", made)
    assert answer.status_code == 404
    assert "is a record of the connection former, which is not configured" in answer.json()["detail"]


def test_a_key_with_ops_scopes_that_makes_canonical_calls_is_named(facade: Facade) -> None:
    made = facade.make_key("customers:read", "ops:read", name="too-much")
    with facade.another_api() as process, facade.calling(url=process.url, secret=made.secret) as caller:
        assert caller.get("/v1/customers?connection=hubspot&limit=1").status_code == 200
    one = the(findings_of(facade.lockstitch("doctor", "--json")), "key too-much", "customers:read")
    assert one["mend"].endswith(": lockstitch key create too-much-calls --scope customers:read")


def test_an_operators_key_used_as_documented_is_not_named(facade: Facade) -> None:
    """It may have every scope: what an operator does with operations and subscriptions is no canonical call."""
    made = facade.make_key(name="operator")
    with facade.another_api() as process, facade.calling(url=process.url, secret=made.secret) as caller:
        for path in ("/v1/operations?state=unknown", "/v1/subscriptions", "/ops/connections", "/v1/me"):
            assert caller.get(path).status_code == 200
    assert [text for text in findings_of(facade.lockstitch("doctor", "--json")) if "key operator" in text] == []


def test_one_dead_worker_of_two_is_named(facade: Facade, full_key: str) -> None:
    facade.sql(
        """INSERT INTO heartbeat (process, role, holder, settings, keys, started_at, seen_at)
           VALUES ('w2:7', 'worker', 1, '', '{}', now() - interval '1 hour', now() - interval '90 seconds')"""
    )
    try:
        with facade.calling(secret=full_key) as caller:
            metrics = caller.get("/metrics").text
        one = the(findings_of(facade.lockstitch("doctor", "--json")), "alarm worker_gone.w2:7", "w2:7 has died")
    finally:
        facade.sql("DELETE FROM heartbeat WHERE process = 'w2:7'")
    silent = dict(re.findall(r'^lockstitch_worker_silent_seconds\{process="([^"]+)"\} (\S+)$', metrics, re.MULTILINE))
    assert [process for process, seconds in silent.items() if float(seconds) > 60] == ["w2:7"]
    assert len(silent) > 1
    assert one["mend"].startswith("Start one in its place: lockstitch worker.")


@pytest.mark.parametrize("connection", ["hubspot", "shopify", "zendesk"])
def test_an_emulated_account_verifies_and_is_left_as_it_was(
    facade: Facade, vendors: Emulators, connection: str, full_key: str
) -> None:
    with facade.calling(secret=full_key) as caller:
        caller.create(f"/v1/customers?connection={connection}", customer(connection))
    before = vendors.calls(connection)  # type: ignore[arg-type]
    done = exits(facade.lockstitch("verify", connection))
    assert "does not know" not in done.stdout
    made = vendors.calls(connection)[len(before) :]  # type: ignore[arg-type]
    assert made
    assert {call["method"] for call in made} <= {"GET", "POST"}
    assert not [call for call in made if "mutation" in str(call["body"])]


def test_a_written_record_is_marked_read_back_and_removed(facade: Facade, vendors: Emulators) -> None:
    before = {record["id"] for record in vendors.records("hubspot", "contacts")}
    passed = json.loads(exits(facade.lockstitch("verify", "hubspot", "--write", "--json")).stdout)["passed"]
    (line,) = [one for one in passed if "was written, read back, found by it, and removed" in one]
    marker = line.partition("marked ")[2].partition(",")[0]
    assert marker.startswith("op_")
    created = [call for call in vendors.calls("hubspot") if marker in str(call["body"])]
    assert [call["method"] for call in created] == ["POST"]
    left = [record for record in vendors.records("hubspot", "contacts") if record["id"] not in before]
    assert all(record.get("archived") for record in left)


def test_an_account_without_a_field_for_the_marker_is_no_fault(run: Shell, vendors: Emulators) -> None:
    """Freshdesk's page recommends that field. It is not required."""
    desk = static_connection("desk", f"{vendors.url}/freshdesk", "env:DESK_TOKEN").replace("hubspot", "freshdesk")
    done = run("verify", "desk", "--write", "--json", more=desk, DESK_TOKEN="freshdesk-dev-token")
    passed = json.loads(exits(done).stdout)["passed"]
    assert [one for one in passed if "not looked up by it (this account has no field for it), and removed" in one]
    assert all(record.get("deleted") for record in vendors.records("freshdesk", "contacts"))


def test_verify_says_when_it_writes_nothing(facade: Facade, vendors: Emulators) -> None:
    passed = json.loads(exits(facade.lockstitch("verify", "zendesk", "--write", "--json")).stdout)["passed"]
    assert [one for one in passed if one.startswith("no record was written: Zendesk")]


def test_a_record_that_its_marker_does_not_find_is_reported(facade: Facade, vendors: Emulators) -> None:
    before = {record["id"] for record in vendors.records("hubspot", "contacts")}
    vendors.break_("hubspot", "status", method="GET", path="/crm/v3/objects/contacts/op_*", status=404)

    done = exits(facade.lockstitch("verify", "hubspot", "--write", "--json"), 1)
    (text,) = [one for one in findings_of(done) if "marker" in one]
    assert re.match(r"connection hubspot, customer: the record \d+ is not found by its marker op_\w+: ", text), text
    left = [record for record in vendors.records("hubspot", "contacts") if record["id"] not in before]
    assert all(record.get("archived") for record in left)


POISON = """
    INSERT INTO dead_letter (id, job_id, kind, connection, dedupe_key, attempts, dead_head, payload, correlation_id,
                             enqueued_at, category, reason)
    VALUES ('dl_poison', 1, 'refetch', 'other-shopify', 'customer:1', 1, 'skip', '', 'run-1', now(), 'poison', 'died')
"""


def test_a_pull_whose_last_run_failed_is_reported(facade: Facade) -> None:
    facade.sql(
        """
        INSERT INTO watermark (connection, object, tried_at, failure)
        VALUES ('other-shopify', 'customer', now(), 'vendor-rejected')
        """
    )
    facade.sql(POISON)
    try:
        findings = findings_of(facade.lockstitch("doctor", "--json"))
    finally:
        facade.sql("DELETE FROM watermark")
        facade.sql("DELETE FROM dead_letter WHERE id = 'dl_poison'")
    the(findings, "pull of customers from other-shopify", "it leaves out 1 record that ended the worker")
    one = the(findings, "pull of customers from other-shopify", "vendor-rejected", "none has completed ever")
    assert one["mend"] == "lockstitch verify other-shopify"
