"""The community node in a real n8n against a running Lockstitch: what it puts out, and what the vendors then hold.

Run by real.py; it is no part of the ordinary suite, which is why its name does not begin with `test_`.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from lockstitch_dev import Dev
from node_stage import Stage, create_ticket, lockstitch, naming, staged, upsert_customer
from real_calls import next_step, only
from real_events import eventually
from real_undecided import paused
from standardwebhooks import Webhook

TRIGGER = "n8n-nodes-lockstitch.lockstitchTrigger"
MIRA = {"email": "mira.holm@example.com", "name": "Holm"}
OKAFOR = {"email": "okafor@example.com", "name": "Okafor"}
WRONG = {"email": "jonas.feld(at)example.com", "name": "Feld"}


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with staged() as stage:
        yield stage


def contacts(dev: Dev, email: str) -> list[dict[str, Any]]:
    records = (record["properties"] for record in dev.records("hubspot", "contacts"))
    return [contact for contact in records if contact.get("email") == email]


def tickets(dev: Dev, subject: str) -> list[dict[str, Any]]:
    return [ticket for ticket in dev.records("zendesk", "tickets") if ticket["subject"] == subject]


def signed(secret: str, event: dict[str, Any]) -> dict[str, str]:
    """The headers of a delivery of this event, whose body is its JSON."""
    now = datetime.now(UTC)
    signature = Webhook(secret).sign(event["id"], now, json.dumps(event))
    names = {"webhook-id": event["id"], "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}
    return names | {"content-type": "application/json"}


def ticket(subject: str) -> dict[str, str]:
    return {"subject": subject, "email": MIRA["email"]}


def test_two_items_are_written_and_paired(stage: Stage) -> None:
    assignments = [
        {"id": "a", "name": "email", "type": "string", "value": "={{ $('Items').item.json.email }}"},
        {"id": "b", "name": "id", "type": "string", "value": "={{ $json.id }}"},
    ]
    paired = {
        "name": "Paired",
        "type": "n8n-nodes-base.set",
        "typeVersion": 3.4,
        "parameters": {"assignments": {"assignments": assignments}, "options": {}},
    }

    played = stage.publish_called("upsert", upsert_customer(), paired).play(MIRA, OKAFOR)

    items = played.items("Paired")
    assert played.succeeded, played.error
    assert [item["email"] for item in items] == [MIRA["email"], OKAFOR["email"]]
    assert all(item["id"].startswith("cus_") for item in items)
    assert [only(contacts(stage.dev, one["email"]))["lastname"] for one in (MIRA, OKAFOR)] == ["Holm", "Okafor"]


def test_a_refusal_leads_with_our_words_and_the_next_step(stage: Stage) -> None:
    stopped = stage.publish_called("refused", upsert_customer()).play(WRONG)
    going_on = upsert_customer() | {"onError": "continueErrorOutput"}
    went_on = stage.publish_called("goes-on", going_on).play(WRONG, MIRA)

    assert not stopped.succeeded
    assert stopped.error.startswith("A field is not valid: /emails/0/address")
    assert stopped.advice.startswith(next_step(stage.dev, "invalid-field"))
    saved, refused = sorted(went_on.items("Lockstitch"), key=lambda item: "error" in item)
    assert refused["error"].startswith("A field is not valid: /emails/0/address")
    assert refused["details"]["code"] == "invalid-field"
    assert saved["id"].startswith("cus_")


def test_a_retry_within_the_execution_writes_once(stage: Stage) -> None:
    bad = {"subject": "Retried", "email": "nobody(at)example.com"}
    retried = create_ticket() | {"retryOnFail": True, "maxTries": 3, "waitBetweenTries": 100}

    played = stage.publish_called("retried", retried).play(ticket("Retried"), bad)

    assert not played.succeeded
    assert len(tickets(stage.dev, "Retried")) == 1


def test_only_a_business_key_survives_a_new_execution(stage: Stage) -> None:
    keyed = stage.publish_called("keyed", create_ticket(businessKey="={{ $json.subject }}"))
    free = stage.publish_called("free", create_ticket())

    ids = [only(keyed.play(ticket("Keyed")).last_items())["id"] for _ in range(2)]
    assert all(free.play(ticket("Free")).succeeded for _ in range(2))
    empty = keyed.play({"email": MIRA["email"]})

    assert len(set(ids)) == len(tickets(stage.dev, "Keyed")) == 1
    assert len(tickets(stage.dev, "Free")) == 2
    assert empty.error == "The business key is empty"


def test_two_executions_at_once_with_a_business_key_write_once(stage: Stage) -> None:
    called = stage.publish_called("at-once", create_ticket(businessKey="={{ $json.subject }}"))
    called.play(ticket("Before"))

    with ThreadPoolExecutor() as pool:
        list(pool.map(called.play, [ticket("At once")] * 2))

    assert len(tickets(stage.dev, "At once")) == 1


def test_a_reply_that_was_lost_is_found_out(stage: Stage) -> None:
    called = stage.publish_called("lost-reply", create_ticket())
    lost = {"kind": "timeout_after_commit", "delay_ms": 0}

    with ThreadPoolExecutor() as pool:
        with stage.dev.failing("zendesk", lost, method="POST"):
            playing = pool.submit(called.play, ticket("Lost"))
            eventually(lambda: tickets(stage.dev, "Lost"))
        played = playing.result()

    assert only(played.last_items())["subject"] == "Lost"
    assert len(tickets(stage.dev, "Lost")) == 1


def test_a_dry_run_judges_and_writes_nothing(stage: Stage) -> None:
    played = stage.publish_called("dry", upsert_customer(dryRun=True)).play({"email": "dry@example.com", "name": "Dry"})

    assert only(played.last_items())["dry_run"] is True
    assert not contacts(stage.dev, "dry@example.com")


def test_an_undecided_write_is_waited_for(stage: Stage) -> None:
    called = stage.publish_called("waits", create_ticket())

    with ThreadPoolExecutor() as pool:
        with paused(stage.dev, "zendesk"):
            playing = pool.submit(called.play, ticket("Late"))
            eventually(lambda: stage.dev.operate("/v1/operations", state="queued")["data"])
            assert not tickets(stage.dev, "Late")
        played = playing.result()

    assert only(played.last_items())["subject"] == "Late"
    assert len(tickets(stage.dev, "Late")) == 1


def test_a_queued_write_is_waited_for_by_its_operation(stage: Stage) -> None:
    wait = lockstitch(resource="operation", operation="wait", operationId="={{ $json.id }}", options={})

    played = stage.publish_called("queues", create_ticket("Queue", undecided="async"), wait).play(ticket("Queued"))

    assert only(played.items("Queue"))["id"].startswith("op_")
    assert only(played.last_items())["subject"] == "Queued"
    assert len(tickets(stage.dev, "Queued")) == 1


def test_a_loss_fails_the_node_if_wanted(stage: Stage) -> None:
    lossy = lockstitch(
        resource="customer",
        operation="create",
        connection="hubspot",
        source="json",
        json='={{ { "first_name": "Lena", "tags": ["vip"], "emails": [{ "address": $json.email }] } }}',
        options={"failOnLoss": True},
    )

    played = stage.publish_called("lossy", lossy).play({"email": "lossy@example.com"})

    assert played.error == "Something was lost: /tags"
    assert len(contacts(stage.dev, "lossy@example.com")) == 1


def test_reads_find_list_and_pass_over_what_is_missing(stage: Stage) -> None:
    look_up = {"resource": "customer", "key": "email", "value": "={{ $json.email }}"}
    missing = lockstitch(**look_up, operation="lookup", connection="hubspot", options={"notFound": "empty"})
    everywhere = lockstitch(**look_up, operation="findEverywhere", options={})
    every = lockstitch(resource="customer", operation="getAll", connection="hubspot", returnAll=True, options={})

    absent = stage.publish_called("missing", missing).play({"email": "absent@example.com"})
    matched = stage.publish_called("everywhere", everywhere).play(MIRA)
    listed = stage.publish_called("list", every).play(MIRA)

    assert absent.last_items() == [{}]
    assert "hubspot" in [one["meta"]["connection"] for one in only(matched.last_items())["data"]]
    assert len(listed.last_items()) == len(stage.dev.records("hubspot", "contacts"))


def test_a_call_that_nothing_answers_says_where_it_went(stage: Stage) -> None:
    account = stage.add_account("http://127.0.0.1:9", stage.dev.key)
    lost = upsert_customer() | {"credentials": {"lockstitchApi": account}}

    played = stage.publish_called("lost", lost).play(MIRA)

    assert played.error == "Lockstitch did not answer at http://127.0.0.1:9"
    assert "Base URL of the credential" in played.advice


def test_the_trigger_subscribes_starts_once_for_an_event_and_unsubscribes(stage: Stage) -> None:
    parameters = {"events": ["customer.created"], "connection": "shopify", "changed": [], "dropRepeats": True}
    workflow = stage.publish("events", lockstitch("Trigger", kind=TRIGGER, **parameters))
    subscription = only(eventually(lambda: stage.dev.find("/v1/subscriptions")))
    email = "nadia.roth@example.com"

    stage.dev.create("/v1/customers", {"emails": [{"address": email}]}, connection="shopify")
    started = stage.n8n.wait_for(workflow, naming(email))
    (execution,) = naming(email)(started)
    event = only(execution.items("Trigger"))
    forged = httpx.post(subscription["target_url"], json=event, timeout=60)
    secret = stage.n8n.remembered(workflow, "Trigger")["secret"]
    repeated = httpx.post(
        subscription["target_url"], content=json.dumps(event), headers=signed(secret, event), timeout=60
    )
    stage.editor.unpublish(workflow)

    assert (event["type"], event["connection"]) == ("customer.created", "shopify")
    assert subscription["events"] == ["customer.created"]
    assert forged.status_code == 401
    assert (repeated.status_code, repeated.json()) == (200, {"repeated": True})
    assert len(stage.n8n.executions(workflow)) == 1
    eventually(lambda: stage.dev.find("/v1/subscriptions") == [])
