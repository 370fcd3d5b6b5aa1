"""Deliveries as subscribers see them: signed, in order, repeated until accepted, given up, taken up again."""

import hashlib
import json
import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from itertools import pairwise
from typing import Any, Final
from uuid import uuid4

import httpx
import msgspec
import pytest
from standardwebhooks.webhooks import WebhookVerificationError

from app.api_keys.store import PostgresKeys
from app.events.store.subscriptions import AT_ONCE
from tests.contract.callers import Caller, expect
from tests.contract.dead_jobs import DeadJobs
from tests.contract.operator import Operator
from tests.contract.subscribers import (
    Answer,
    Delivering,
    Hook,
    news,
    secret_of_key,
    subscribe,
)
from tests.contract.waiting import until

TYPES: Final = ("customer.created", "customer.updated", "order.created", "webhook.received")


@contextmanager
def another_worker(delivering: Delivering, **environment: str) -> Iterator[None]:
    """In place of its own worker, one with these settings."""
    delivering.worker.stop()
    worker = delivering.facade.process("worker", **delivering.environment | environment)
    try:
        worker.start()
        yield
    finally:
        worker.stop()
        delivering.worker.start()


def numbers(hook: Hook) -> list[int]:
    return [post.event["data"]["number"] for post in hook.posts]


def test_an_event_is_delivered_as_the_feed_shows_it(owner: Caller, delivering: Delivering) -> None:
    hook = delivering.subscribers.hook("first")
    made = subscribe(owner, hook)
    (event_id,) = delivering.publish(news(7, correlation_id="orders-4711"))
    (post,) = hook.received(1)
    assert post.proven_by(made["secret"]) == post.event
    assert post.headers["webhook-id"] == post.event["id"] == event_id
    assert abs(int(post.headers["webhook-timestamp"]) - time.time()) < 10
    assert post.headers["content-type"] == "application/json"
    assert post.headers["x-correlation-id"] == post.event["correlation_id"] == "orders-4711"
    assert post.headers["traceparent"].split("-")[1] == hashlib.sha256(b"orders-4711").hexdigest()[:32]
    events = owner.get(f"/v1/events?limit=250&type={post.event['type']}").json()["data"]
    assert post.event in events
    until(lambda: delivering.states(made["id"]) == ["delivered"])
    (delivery,) = delivering.deliveries(made["id"])
    assert (delivery["attempts"], delivery["last_status"]) == (1, 204)
    assert delivering.audited(delivery["id"]) == ["delivery.succeeded"]


@pytest.mark.parametrize(
    ("patterns", "connection", "wanted"),
    [
        (("*",), None, TYPES),
        (("customer.*",), None, TYPES[:2]),
        (("order.created", "customer.created"), None, (TYPES[0], TYPES[2])),
        (("customer.*", "customer.updated", "*"), None, TYPES),
        (("*",), "shopify", (TYPES[2],)),
        (("customer.*",), "shopify", ()),
    ],
)
def test_a_subscription_gets_what_it_names(
    owner: Caller, delivering: Delivering, patterns: tuple[str, ...], connection: str | None, wanted: tuple[str, ...]
) -> None:
    hook, all_of_it = (delivering.subscribers.hook(f"{name}-{uuid4().hex}") for name in ("some", "all"))
    made = subscribe(owner, hook, *patterns, **({"connection": connection} if connection else {}))
    subscribe(owner, all_of_it)
    connections = {"order.created": "shopify", "webhook.received": None}
    delivering.publish(*(news(type=name, connection=connections.get(name, "hubspot"), record="one") for name in TYPES))
    all_of_it.received(len(TYPES))
    hook.received(len(wanted))
    assert tuple(post.event["type"] for post in hook.posts) == wanted
    assert len(delivering.deliveries(made["id"])) == len(wanted)


def test_a_retry_has_the_same_id_and_a_new_timestamp(owner: Caller, delivering: Delivering) -> None:
    hook = delivering.subscribers.hook("again").then(Answer(status=500), Answer(status=404), Answer(status=302))
    made = subscribe(owner, hook)
    delivering.publish(news())
    posts = hook.received(4)
    until(lambda: delivering.states(made["id"]) == ["delivered"])
    assert len({post.headers["webhook-id"] for post in posts}) == 1
    assert len({post.body for post in posts}) == 1
    assert len({post.headers["traceparent"] for post in posts}) == 4
    for post in posts:
        assert post.proven_by(made["secret"])
    (delivery,) = delivering.deliveries(made["id"])
    assert delivering.audited(delivery["id"]) == [*["delivery.failed"] * 3, "delivery.succeeded"]
    assert owner.get(f"/v1/subscriptions/{made['id']}").json()["failing_since"] is None


def test_a_redirect_is_a_failure_and_is_not_followed(owner: Caller, delivering: Delivering) -> None:
    elsewhere = delivering.subscribers.hook("redirected-to")
    hook = delivering.subscribers.hook("redirecting").then(
        *(Answer(status=status, headers=(("location", elsewhere.url),)) for status in (301, 303, 307))
    )
    made = subscribe(owner, hook)
    delivering.publish(news())
    hook.received(4)
    hook.always = Answer(status=308, headers=(("location", elsewhere.url),))
    tested = owner.post(f"/v1/subscriptions/{made['id']}/test").json()
    assert tested["detail"] == "the target answered 308 with a redirect, which is not followed"
    assert elsewhere.posts == []


def test_a_target_that_does_not_answer_in_time_is_tried_again(owner: Caller, delivering: Delivering) -> None:
    hook = delivering.subscribers.hook("late").then(Answer(until=threading.Event()))
    made = subscribe(owner, hook)
    with another_worker(delivering, LOCKSTITCH_DELIVERY_TIMEOUT="1"):
        delivering.publish(news())
        hook.received(2)
        until(lambda: delivering.states(made["id"]) == ["delivered"])
    (delivery,) = delivering.deliveries(made["id"])
    rows = delivering.facade.sql("SELECT facts FROM audit_event WHERE subject = $1 ORDER BY id", delivery["id"])
    assert msgspec.json.decode(rows[0]["facts"])["reason"] == "the target did not answer in time"


@pytest.mark.parametrize("status", [429, 503])
def test_the_wait_that_a_target_asks_for_is_kept(owner: Caller, delivering: Delivering, status: int) -> None:
    asks = Answer(status=status, headers=(("retry-after", "2"),))
    hook = delivering.subscribers.hook(f"asking-{status}").then(asks)
    made = subscribe(owner, hook)
    delivering.publish(news(1))
    until(lambda: [one["last_status"] for one in delivering.deliveries(made["id"])] == [status])
    delivering.publish(news(2))
    posts = hook.received(3)
    assert posts[1].at - posts[0].at >= 1.95  # all of its deliveries wait
    assert sorted(numbers(hook)) == [1, 1, 2]


def test_a_slow_subscriber_delays_no_other(owner: Caller, delivering: Delivering) -> None:
    answering = threading.Event()
    slow = delivering.subscribers.hook("slow", Answer(until=answering))
    swift = delivering.subscribers.hook("swift")
    subscribe(owner, slow)
    subscribe(owner, swift)
    delivering.publish(*(news(number) for number in range(100)))
    swift.received(100)
    slow.received(AT_ONCE)
    answering.set()
    assert slow.most_at_once == AT_ONCE


def test_events_of_a_record_stay_in_order_and_block_no_other_record(owner: Caller, delivering: Delivering) -> None:
    hook = delivering.subscribers.hook("in-order").then(Answer(status=500))
    subscribe(owner, hook)
    delivering.publish(news(0, record="customer:a"))
    hook.received(1)
    delivering.publish(*(news(number, record="customer:a") for number in range(1, 6)), news(10, record="customer:b"))
    hook.received(8)
    of_a = [number for number in numbers(hook) if number < 10]
    assert of_a == [0, 0, 1, 2, 3, 4, 5]


def test_events_arrive_in_order_although_workers_are_killed(owner: Caller, delivering: Delivering) -> None:
    hook = delivering.subscribers.hook("killed", Answer(after=0.03))
    made = subscribe(owner, hook)
    records = [f"customer:{number}" for number in range(8)]
    sent: dict[str, list[int]] = defaultdict(list)
    for number in range(120):
        sent[records[number % 8]].append(number)
    delivering.publish(*(news(number, record=records[number % 8]) for number in range(60)))
    for count in (10, 40):
        hook.received(count)
        delivering.worker.kill()
        delivering.let_leases_run_out()
        if count == 10:
            delivering.publish(*(news(number, record=records[number % 8]) for number in range(60, 120)))
        delivering.worker.start()
    until(lambda: set(delivering.states(made["id"])) == {"delivered"})
    for record, expected in sent.items():
        arrived = [number for number in numbers(hook) if records[number % 8] == record]
        assert list(dict.fromkeys(arrived)) == expected, record
        # One that comes again comes before the next one of its record.
        assert all(later >= earlier for earlier, later in pairwise(arrived)), record
    assert {post.proven_by(made["secret"])["id"] for post in hook.posts} == {
        post.headers["webhook-id"] for post in hook.posts
    }


def test_a_name_that_comes_to_lead_inside_is_refused_at_the_attempt(owner: Caller, delivering: Delivering) -> None:
    hook = delivering.subscribers.hook("turned")
    made = subscribe(owner, hook)
    with another_worker(delivering, LOCKSTITCH_EGRESS_ALLOW="", LOCKSTITCH_DELIVERY_LADDER="0.1,0.1"):
        delivering.publish(news())
        until(lambda: owner.get(f"/v1/subscriptions/{made['id']}").json()["state"] == "disabled")
    assert hook.posts == []
    (delivery,) = delivering.deliveries(made["id"])
    assert (delivery["state"], delivery["last_status"]) == ("pending", None)  # it waits, and is not lost
    assert delivery["last_error"] == "the target has an address that is not public"


def test_a_callback_is_signed_with_the_callers_own_key(owner: Caller, delivering: Delivering) -> None:
    key = delivering.facade.make_key("customers:write")
    hook = delivering.subscribers.hook("callback").then(Answer(status=500))
    (event_id,) = delivering.publish(news(3))
    delivering.call_back(event_id, target_url=hook.url, principal=key.id)
    posts = hook.received(2)
    for post in posts:
        assert post.proven_by(secret_of_key(key.secret))["id"] == event_id
        with pytest.raises(WebhookVerificationError):
            post.proven_by(secret_of_key(owner.secret or ""))

    rotated = delivering.facade.with_keys(lambda keys: keys.rotate(key.name))
    delivering.call_back(event_id, target_url=hook.url, principal=key.id)
    post = hook.received(3)[2]
    assert post.proven_by(secret_of_key(rotated.secret)) == post.proven_by(secret_of_key(key.secret))


def test_a_callback_that_must_wait_for_hours_holds_up_no_others(owner: Caller, delivering: Delivering) -> None:
    """Callbacks to many hosts share a lane, so no target may pause it for as long as it likes."""
    key = delivering.facade.make_key("customers:write")
    asking = delivering.subscribers.hook("asking", Answer(status=429, headers=(("retry-after", "7200"),)))
    other = delivering.subscribers.hook("other")
    first, second = delivering.publish(news(1), news(2))
    delivering.call_back(first, target_url=asking.url, principal=key.id)
    asking.received(1)
    delivering.call_back(second, target_url=other.url, principal=key.id)
    other.received(1)
    assert len(asking.posts) == 1


def test_a_callback_of_a_caller_whose_keys_have_ended_is_a_dead_letter(owner: Caller, delivering: Delivering) -> None:
    key = delivering.facade.make_key("customers:write")

    async def revoke(keys: PostgresKeys) -> Any:
        return await keys.revoke(key.name)

    delivering.facade.with_keys(revoke)
    hook = delivering.subscribers.hook("revoked")
    (event_id,) = delivering.publish(news(4))
    delivering.call_back(event_id, target_url=hook.url, principal=key.id)

    def letters() -> list[dict[str, Any]]:
        return delivering.facade.sql("SELECT * FROM dead_letter WHERE origin = $1", event_id)

    until(lambda: len(letters()) == 1)
    assert letters()[0]["reason"] == "its owner has no valid API key"
    assert hook.posts == []
    printed = delivering.facade.lockstitch("dead-letters", "show", letters()[0]["id"]).stdout
    assert "redrive: Fix what refused it. Then redrive it." in printed


def test_attempts_are_counted(owner: Caller, delivering: Delivering) -> None:
    hook = delivering.subscribers.hook("counted").then(Answer(status=500))
    subscribe(owner, hook)
    delivering.publish(news())
    hook.received(2)
    metrics = httpx.get(f"{delivering.worker.url}/metrics", headers={"authorization": f"Bearer {owner.secret}"}).text
    assert 'lockstitch_deliveries_total{outcome="failed"}' in metrics
    assert 'lockstitch_post_duration_seconds_count{error_type="500",http_response_status_class="5xx"}' in metrics


def test_each_attempt_at_a_delivery_is_a_log_line(owner: Caller, delivering: Delivering) -> None:
    hook = delivering.subscribers.hook("logged").then(Answer(status=500))
    made = subscribe(owner, hook)
    (event_id,) = delivering.publish(news(1))
    hook.received(2)

    def attempts() -> list[tuple[str, int, int]]:
        lines = [json.loads(text) for text in delivering.worker.log.splitlines() if event_id in text]
        return [
            (one["outcome"], one["attempt"], one["status"]) for one in lines if one.get("subscription") == made["id"]
        ]

    until(lambda: len(attempts()) == 2)
    assert attempts() == [("failed", 1, 500), ("delivered", 2, 204)]


def test_the_console_lists_subscribers_in_trouble_on_its_first_page(owner: Caller, delivering: Delivering) -> None:
    facade = delivering.facade
    hooks = [delivering.subscribers.hook(f"many-{number}") for number in range(53)]
    failing, dead, *works = [subscribe(owner, hook, "order.updated")["id"] for hook in hooks]
    facade.sql("UPDATE subscription SET failing_since = now(), failures = 1, last_error = 'x' WHERE id = $1", failing)
    letters = DeadJobs(facade)
    letters.bury(letters.new(kind="deliver", connection=dead))
    with Operator(delivering.api.url) as operator:
        operator.sign_in(facade.make_key("ops:read").secret)
        listed, path = [], "/console/subscribers"
        while path:
            page = unescape(operator.get(path).text)
            listed += re.findall(r"/console/subscribers/(sub_\w+)", page)
            path = "".join(re.findall(r'href="(/console/subscribers\?after=[^"]+)"', page))
    assert len(listed) == len(set(listed))
    places = [listed.index(one) for one in (failing, dead, *reversed(works))]
    assert places == sorted(places)
    facade.sql("DELETE FROM dead_letter WHERE connection = $1", dead)
    for one in (failing, dead, *works):
        owner.delete(f"/v1/subscriptions/{one}")


def test_the_console_shows_a_failing_subscriber_and_replays(owner: Caller, delivering: Delivering) -> None:
    hook = delivering.subscribers.hook("shown-in-the-console", Answer(status=500))
    subscription = subscribe(owner, hook, "customer.*", changed=["emails"])["id"]
    ids = delivering.publish(news(1, record="customer:1"), news(2, record="customer:2", changed=("phones",)))
    path = f"/console/subscribers/{subscription}"
    with Operator(delivering.api.url) as operator, Operator(delivering.api.url) as reader:
        operator.sign_in(delivering.facade.make_key("ops:read", "ops:write").secret)
        reader.sign_in(delivering.facade.make_key("ops:read").secret)
        assert operator.get(path).status_code == 200
        page = until(lambda: operator.get(path).text, lambda text: "the target answered 500" in text)
        assert "Retried until" in page
        assert f'<a href="/console/runs?find={ids[0]}">' in page
        assert operator.get(f"/console/runs?find={ids[0]}").headers["location"].startswith("/console/run?id=")
        assert "shown-in-the-console" not in page, "the path of a target is often its secret"
        assert path in reader.get("/console/subscribers").text
        assert 'method="post"' not in reader.get(path).text.partition("<main")[2]
        for verb in ("enable", "replay"):
            assert reader.submit(path, f"{path}/{verb}", {"from_event": ids[0], "confirmed": "1"}).status_code == 403

        hook.always = Answer()
        assert operator.submit(path, f"{path}/enable").status_code == 303
        until(lambda: delivering.states(subscription), lambda states: states == ["delivered"])
        received = len(hook.posts)
        preview = operator.submit(path, f"{path}/replay", {"from_event": ids[0]}).text
        assert "This would deliver 1 Event again" in preview
        assert delivering.states(subscription) == ["delivered"]
        assert operator.submit(path, f"{path}/replay", {"from_event": "evt_1"}).status_code == 422
        gone = expect(operator.submit(path, f"{path}/replay", {"from_event": f"evt_{0:036x}"}), 404)
        assert "removed after their retention, 30 days by default" in gone.text
        done = operator.submit(path, f"{path}/replay", {"from_event": ids[0], "confirmed": "1"})
        assert (done.status_code, done.headers["location"]) == (303, path)
    again = hook.received(received + 1)[-1]
    assert again.headers["webhook-id"] == ids[0]
    until(lambda: delivering.states(subscription), lambda states: states == ["delivered"] * 2)
    assert "subscription.replayed" in delivering.audited(subscription)


def test_a_replay_is_ordered_by_command_and_over_http(owner: Caller, delivering: Delivering) -> None:
    subscription = subscribe(owner, delivering.subscribers.hook("replayed"), "customer.*")["id"]
    (event,) = delivering.publish(news(1, record="customer:1"))
    until(lambda: delivering.states(subscription), lambda states: states == ["delivered"])
    command, run = ("subscriptions", "replay", subscription, "--from", event), delivering.facade.lockstitch
    assert run(*command, "--dry-run").stdout == "1 Event would be delivered again.\n"
    assert delivering.states(subscription) == ["delivered"]
    assert run(*command).stdout == "1 Event will be delivered again.\n"
    until(lambda: delivering.states(subscription), lambda states: states == ["delivered"] * 2)

    path, order = f"/ops/subscriptions/{subscription}/replay", {"from_event": event}
    with Caller(delivering.api.url, delivering.facade.make_key("ops:write").secret) as operator:
        answer = operator.post(path, json=order).json()
    assert answer == {"subscription": subscription, "events": 1, "next_event": None, "dry_run": False}
    until(lambda: delivering.states(subscription), lambda states: states == ["delivered"] * 3)
    assert delivering.audited(subscription).count("subscription.replayed") == 2
    assert run(*command[:-1], f"evt_{0:036x}").returncode == 1
