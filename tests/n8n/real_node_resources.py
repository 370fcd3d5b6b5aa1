"""The community node's other resources, its drop-downs and its poll trigger, in a real n8n.

Run by real.py; it is no part of the ordinary suite, which is why its name does not begin with `test_`.
"""

import json
import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from node_stage import LOCKSTITCH, Stage, create_ticket, lockstitch, naming, staged, upsert_customer
from real_calls import ORDER, only
from real_events import eventually

POLL_TRIGGER = "n8n-nodes-lockstitch.lockstitchPollTrigger"
# n8n refuses a schedule of seconds, but takes several schedules.
EVERY_FIVE_SECONDS = {
    "item": [{"mode": "custom", "cronExpression": f"{second} * * * * *"} for second in range(0, 60, 5)]
}
LAYOUT = "Customer No,Name,E-mail,State,Since"


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with staged() as stage:
        yield stage


def of(resource: str, operation: str, name: str = "Lockstitch", **parameters: Any) -> dict[str, Any]:
    """A node that does this with the record that came in."""
    basic = {"resource": resource, "operation": operation, "recordId": "={{ $json.id }}", "options": {}}
    return lockstitch(name, **(basic | parameters))


def test_a_customer_is_copied_tagged_changed_and_archived(stage: Stage) -> None:
    made = stage.dev.create("/v1/customers", {"emails": [{"address": "copy@example.com"}]}, connection="shopify")
    steps = (
        of("customer", "copy", "Copy", connection="shopify", target="zendesk", matchOn="email"),
        of("customer", "tags", "Tag", connection="zendesk", addTags="vip, wholesale", removeTags=""),
        of("customer", "update", "Change", connection="zendesk", source="json", json='{"notes": "Calls back"}'),
        of("customer", "archive", "Archive", connection="shopify"),
    )

    played = stage.publish_called("customer", *steps).play({"id": made["id"]})

    assert not played.items("Archive"), "Shopify archives no customers"
    assert "archive" in played.error
    assert only(played.items("Copy"))["meta"]["connection"] == "zendesk"
    (user,) = (user for user in stage.dev.records("zendesk", "users") if user.get("email") == "copy@example.com")
    assert sorted(user["tags"]) == ["vip", "wholesale"]
    assert user["notes"] == "Calls back"


def test_an_order_is_cancelled(stage: Stage) -> None:
    made = stage.dev.create("/v1/orders", ORDER, connection="shopify")
    cancel = of("order", "cancel", connection="shopify", reason="customer", cancellation={"restock": True})

    played = stage.publish_called("cancel", cancel, of("order", "get", "Read", connection="shopify")).play(made)

    assert played.succeeded, played.error
    assert only(played.items("Read"))["cancelled_at"]


def test_a_ticket_is_commented_and_its_comments_are_listed(stage: Stage) -> None:
    comment = of("ticket", "comment", "Note", connection="zendesk", text="Look at the invoice", visibility="private")
    comments = of("ticket", "comments", "List", connection="zendesk", recordId="={{ $json.ticket_id }}", returnAll=True)

    ticket = {"subject": "Noted", "email": "note@example.com"}
    played = stage.publish_called("comment", create_ticket("Make"), comment, comments).play(ticket)

    assert played.succeeded, played.error
    bodies = [(one["body_text"], one["visibility"]) for one in played.items("List")]
    assert ("Look at the invoice", "private") in bodies


def test_an_export_is_uploaded_and_a_bad_row_fails_the_node(stage: Stage) -> None:
    to_file = {
        "name": "File",
        "type": "n8n-nodes-base.convertToFile",
        "typeVersion": 1.1,
        "parameters": {"operation": "toText", "sourceProperty": "csv", "binaryPropertyName": "data", "options": {}},
    }
    upload = lockstitch(
        resource="upload",
        operation="csv",
        connection="legacy",
        binaryField="data",
        failOnRefused=True,
        options={"businessKey": "={{ $('Items').item.json.name }}"},
    )
    called = stage.publish_called("upload", to_file, upload)
    good = f"{LAYOUT}\n4711,Ines Vidal,ines@example.com,A,2026-05-01\n"
    bad = f"{LAYOUT}\n4712,Tomas Lind,tomas at example,A,2026-05-02\n"

    taken = only(called.play({"name": "monday", "csv": good}).items("Lockstitch"))
    refused = called.play({"name": "tuesday", "csv": bad})

    assert (taken["state"], taken["rows"], taken["refused"]) == ("done", 1, 0)
    assert refused.error == "1 of 1 rows were refused"


def test_a_busy_vendor_is_waited_for_as_it_asks(stage: Stage) -> None:
    look_up = of("customer", "lookup", connection="hubspot", key="email", value="busy@example.com")
    called = stage.publish_called("busy", look_up | {"parameters": look_up["parameters"] | {"options": {"wait": 1}}})
    stage.dev.create("/v1/customers", {"emails": [{"address": "busy@example.com"}]}, connection="hubspot")

    before = len(stage.dev.calls("hubspot"))
    with ThreadPoolExecutor() as pool:
        with stage.dev.failing("hubspot", {"kind": "status", "status": 429, "retry_after": 3}):
            playing = pool.submit(called.play, {})
            eventually(lambda: len(stage.dev.calls("hubspot")) > before)
        played = playing.result()

    assert only(played.last_items())["id"].startswith("cus_"), played.error


def test_the_retry_button_repeats_no_write_that_has_a_business_key(stage: Stage) -> None:
    called = stage.publish_called("button", create_ticket(businessKey="={{ $json.subject }}"))
    called.play({"subject": "Button", "email": "button@example.com"}, {"subject": "Bad", "email": "bad(at)example.com"})

    stage.editor.retry(stage.editor.failed(called.id)[0])

    eventually(lambda: len(stage.n8n.executions(called.id)) == 2)
    assert len([one for one in stage.dev.records("zendesk", "tickets") if one["subject"] == "Button"]) == 1


def test_one_of_two_runs_gets_the_claim_and_the_note_is_in_its_run(stage: Stage) -> None:
    take = lockstitch("Take", resource="claim", operation="take", claimName="order-4711", ttl=60, options={})
    mine = {"claimName": "order-4711", "claimKey": "={{ $json.key ?? 'of-another' }}"}
    keep = lockstitch("Keep", resource="claim", operation="keep", ttl=86_400, options={}, **mine)
    note = lockstitch("Note", resource="run", operation="note", note="Routed to billing", options={})
    called = stage.publish_called("claim", take, keep, note)

    first, second = called.play({}), called.play({})

    taken, kept = (only(first.items(name)) for name in ("Take", "Keep"))
    assert (taken["id"], taken["claimed"]) == (kept["id"], kept["claimed"]) == (kept["id"], True)
    assert kept["expires_at"] > taken["expires_at"]
    assert [only(second.items(name))["claimed"] for name in ("Take", "Keep")] == [False, False]
    run = only(first.items("Note"))["correlation_id"]
    assert "Routed to billing" in json.dumps(stage.dev.operate(f"/ops/runs/{run}"))


def test_stock_is_listed_to_its_end(stage: Stage) -> None:
    played = stage.publish_called("stock", of("stock", "list", sku="", connection="")).play({})

    assert played.succeeded, played.error
    assert played.items("Lockstitch") == stage.dev.find("/v1/stock_levels")


def test_drop_downs_show_the_connections_and_the_fields_of_the_contract(stage: Stage) -> None:
    account = {"lockstitchApi": stage.credential}
    parameters = {"resource": "ticket", "operation": "create", "connection": "zendesk"}

    connections = stage.editor.options(LOCKSTITCH, "getConnections", parameters, account)
    types = stage.editor.options(LOCKSTITCH, "getEventTypes", {}, account)
    changed = stage.editor.options(LOCKSTITCH, "getChangedFields", {"events": ["ticket.*"]}, account)
    columns = {one["id"]: one for one in stage.editor.columns(LOCKSTITCH, "getMappingColumns", parameters, account)}

    assert [one["value"] for one in connections][:1] == [""]
    assert "zendesk" in {one["value"] for one in connections}
    assert "shopify" not in {one["value"] for one in connections}
    assert {"ticket.*", "order.paid"} <= {one["value"] for one in types}
    assert "priority" in {one["value"] for one in changed}
    assert columns["priority"]["type"] == "options"
    assert "high" in {one["value"] for one in columns["priority"]["options"]}
    assert {"subject", "requester.email", "assignee.remote_id", "tags"} <= set(columns)


def test_n8n_offers_the_node_to_agents_as_a_tool(stage: Stage) -> None:
    offered = stage.editor.node_types("n8n-nodes-lockstitch")

    assert set(offered) == {"lockstitch", "lockstitchTool", "lockstitchTrigger", "lockstitchPollTrigger"}
    assert offered["lockstitchTool"]["outputs"] == ["ai_tool"]


def test_the_credential_is_tested_with_the_key(stage: Stage) -> None:
    wrong = stage.add_account(stage.dev.api, "lsk_not_a_key_of_ours")

    assert stage.editor.test_credential(stage.credential, "lockstitchApi") == "OK"
    assert stage.editor.test_credential(wrong, "lockstitchApi") == "Error"


@pytest.mark.parametrize("watch", ["events", "records"])
def test_the_poll_trigger_starts_once_for_what_is_new(stage: Stage, watch: str) -> None:
    parameters = {
        "watch": watch,
        "events": ["customer.created"],
        "object": "customers",
        "connection": "hubspot",
        "pollTimes": EVERY_FIVE_SECONDS,
    }
    place(stage, f"before-{watch}@example.com")
    # The feed shows an event when older transactions have ended.
    feed = {"type": "customer.created", "limit": "250"}
    eventually(lambda: f"before-{watch}@example.com" in str(stage.dev.find("/v1/events", **feed)))
    # The node begins at a full second of the server's clock: an event of the same second would be new to it.
    next_second = math.ceil(time.time())
    eventually(lambda: time.time() > next_second)
    workflow = stage.publish(f"poll-{watch}", lockstitch("Trigger", kind=POLL_TRIGGER, **parameters))
    eventually(lambda: stage.n8n.remembered(workflow, "Trigger").get("since"))

    for email in (f"first-{watch}@example.com", f"second-{watch}@example.com"):
        place(stage, email)
        stage.n8n.wait_for(workflow, naming(email))
    executions = stage.n8n.executions(workflow)
    stage.editor.unpublish(workflow)

    assert len(naming(f"first-{watch}@example.com")(executions)) == 1
    if watch == "events":  # a search may find what was made a moment before only after the first poll
        assert not naming(f"before-{watch}@example.com")(executions)


def place(stage: Stage, email: str) -> None:
    stage.dev.create("/v1/customers", {"emails": [{"address": email}]}, connection="hubspot")


def test_an_update_by_fields_sends_only_what_was_filled_in(stage: Stage) -> None:
    node = upsert_customer()
    value = {"email": "={{ $json.email }}", "phone": "+49 30 231250", "owner.remote_id": "", "job_title": None}
    node["parameters"]["fields"] = {"mappingMode": "defineBelow", "value": value, "schema": []}

    played = stage.publish_called("fields", node).play({"email": "fields@example.com"})

    saved = only(played.last_items())
    assert (saved["phones"][0]["e164"], saved["job_title"]) == ("+4930231250", None)


def test_fields_are_mapped_from_the_item_by_their_names(stage: Stage) -> None:
    parameters = {"resource": "customer", "operation": "upsert", "connection": "hubspot"}
    account = {"lockstitchApi": stage.credential}
    columns = stage.editor.columns(LOCKSTITCH, "getMappingColumns", parameters, account)
    node = upsert_customer()
    node["parameters"]["fields"] = {"mappingMode": "autoMapInputData", "value": None, "schema": columns}

    item = {"email": "mapped@example.com", "last_name": "Mapped", "favourite_colour": "green"}
    played = stage.publish_called("mapped", node).play(item)

    assert only(played.last_items())["last_name"] == "Mapped", played.error
