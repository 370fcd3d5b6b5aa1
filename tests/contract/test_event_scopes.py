"""Events reveal nothing that a read would refuse: subscriptions, deliveries, callbacks and the feed need scopes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest

from app.api_keys.store import NewKey
from tests.commands import exits
from tests.contract.callers import Caller, code_of, expect
from tests.contract.subscribers import Delivering, Hook, news, subscribe
from tests.contract.waiting import until

SUBSCRIBES: Final = ("subscriptions:read", "subscriptions:write")
ALL_READS: Final = ("customers:read", "orders:read", "tickets:read")


@contextmanager
def calling(delivering: Delivering, *scopes: str) -> Iterator[Caller]:
    """A caller who may subscribe, and has these scopes."""
    with delivering.facade.calling(*SUBSCRIBES, *scopes, url=delivering.api.url) as caller:
        yield caller


@contextmanager
def owned(delivering: Delivering, *scopes: str) -> Iterator[tuple[NewKey, Caller]]:
    """The same, with their key."""
    made = delivering.facade.make_key(*SUBSCRIBES, *scopes)
    with delivering.facade.calling(url=delivering.api.url, secret=made.secret) as caller:
        yield made, caller


def change_scopes(delivering: Delivering, key: NewKey, *scopes: str) -> str:
    """Rotate a key to these scopes with no overlap, as an operator does; the new secret."""
    named = [f"--scope={scope}" for scope in (*SUBSCRIBES, *scopes)]
    return exits(delivering.facade.lockstitch("key", "rotate", key.name, "--overlap-hours=0", *named)).stdout.strip()


def disabled(caller: Caller, subscription: str) -> dict[str, Any]:
    """The subscription, once it is disabled."""
    return until(
        lambda: caller.get(f"/v1/subscriptions/{subscription}").json(), lambda view: view["state"] == "disabled"
    )


def numbers(hook: Hook, count: int) -> list[int]:
    """The numbers of the Events, in the order of their arrival."""
    return [post.event["data"]["number"] for post in hook.received(count)]


# ---------------------------------------------------------------- creation


@pytest.mark.parametrize(
    ("scopes", "wanted", "lacking"),
    [
        ((), {"events": ["customer.*"]}, ["customers:read"]),
        (("events:read",), {"events": ["customer.updated"]}, ["customers:read"]),
        (("customers:write", "events:read"), {"events": ["customer.deleted"]}, ["customers:read"]),
        (("customers:read",), {"events": ["customer.*", "order.created"]}, ["orders:read"]),
        (("customers:read",), {"events": ["ticket.comment_added"]}, ["tickets:read"]),
        (("customers:read", "events:read"), {"events": ["*"]}, ["orders:read", "tickets:read"]),
        (("customers:read",), {"events": ["operation.finished"]}, ["orders:read", "tickets:read"]),
        (("customers:read",), {"events": ["operation.*"], "connection": "shopify"}, ["orders:read"]),
        (("events:read",), {"events": ["webhook.received"], "connection": "hubspot"}, ["customers:read"]),
        # Stripe is an intake here, and its webhooks speak of customers all the same.
        (("events:read",), {"events": ["webhook.received"], "connection": "payments"}, ["customers:read"]),
        ((), {"events": ["webhook.received"], "connection": "gateway"}, ["events:read"]),
        ((), {"events": ["dead_letter.created"]}, ["events:read"]),
        (("customers:read",), {"events": ["link.*"], "connection": "shopify"}, ["orders:read"]),
        (ALL_READS, {"events": ["connection.paused", "mapping.drift_detected"]}, ["events:read"]),
    ],
)
def test_subscribing_takes_the_scopes_of_what_is_named(
    delivering: Delivering, scopes: tuple[str, ...], wanted: dict[str, Any], lacking: list[str]
) -> None:
    body = {"target_url": delivering.subscribers.hook("not-made").url, **wanted}
    with calling(delivering, *scopes) as caller:
        answer = expect(caller.post("/v1/subscriptions", json=body), 403, "forbidden").json()
        for scope in lacking:
            assert scope in answer["detail"]
        assert caller.get("/v1/subscriptions").json()["data"] == []


@pytest.mark.parametrize(
    ("scopes", "wanted"),
    [
        (("customers:read",), {"events": ["customer.*"]}),
        (("events:read",), {"events": ["dead_letter.created", "connection.paused", "mapping.drift_detected"]}),
        (("events:read",), {"events": ["webhook.received"], "connection": "gateway"}),
        (("customers:read", "orders:read"), {"events": ["link.joined"], "connection": "shopify"}),
        (("customers:read", "orders:read"), {"events": ["operation.finished", "order.*"], "connection": "shopify"}),
        ((*ALL_READS, "events:read"), {"events": ["*"]}),
    ],
)
def test_the_scopes_of_what_is_named_are_enough(
    delivering: Delivering, scopes: tuple[str, ...], wanted: dict[str, Any]
) -> None:
    with calling(delivering, *scopes) as caller:
        body = {"target_url": delivering.subscribers.hook("made").url, **wanted}
        made = expect(caller.post("/v1/subscriptions", json=body), 201).json()
        assert caller.delete(f"/v1/subscriptions/{made['id']}").status_code == 204


# ---------------------------------------------------------------- delivery


def test_a_lost_scope_disables_until_it_is_granted_again(delivering: Delivering) -> None:
    hook = delivering.subscribers.hook("lost-and-back")
    with owned(delivering, "customers:read") as (key, caller):
        made = subscribe(caller, hook, "customer.*")
        delivering.publish(news(1, record="customer:1"))
        assert numbers(hook, 1) == [1]
    secret = change_scopes(delivering, key, "orders:read")
    delivering.publish(news(2, record="customer:1"), news(3, record="customer:1"))
    path = f"/v1/subscriptions/{made['id']}"
    with delivering.facade.calling(url=delivering.api.url, secret=secret) as caller:
        view = disabled(caller, made["id"])
        assert "customers:read" in view["disabled_reason"]
        assert "customers:read" in view["next_step"]
        for action in ("test", "enable"):
            refused = expect(caller.post(f"{path}/{action}"), 403, "forbidden").json()
            assert "customers:read" in refused["detail"]
    with delivering.facade.calling("subscriptions:write", "customers:read", url=delivering.api.url) as other:
        tested = other.post(f"{path}/test").json()
        assert (tested["delivered"], tested["status"]) == (False, None)
        assert "customers:read" in tested["detail"]
    with delivering.facade.calling(url=delivering.api.url, secret=secret) as caller:
        assert caller.get(path).json()["state"] == "disabled"
    assert len(hook.posts) == 1
    secret = change_scopes(delivering, key, "customers:read")
    with delivering.facade.calling(url=delivering.api.url, secret=secret) as caller:
        assert caller.post(f"{path}/enable").json()["state"] == "active"
        assert numbers(hook, 3) == [1, 2, 3]
        caller.delete(path)
    audited = delivering.audited(made["id"])
    assert audited == [f"subscription.{what}" for what in ("created", "disabled", "enabled", "deleted")]
    attempts = delivering.facade.sql("SELECT outcome, reason FROM attempt WHERE connection = $1", made["id"])
    waited = [attempt for attempt in attempts if attempt["outcome"] != "done"]
    assert {attempt["outcome"] for attempt in waited} == {"deferred"}
    assert all("customers:read" in attempt["reason"] for attempt in waited)


def test_an_overlapping_key_counts_until_it_ends(delivering: Delivering) -> None:
    hook = delivering.subscribers.hook("overlapping")
    with owned(delivering, "customers:read") as (key, caller):
        made = subscribe(caller, hook, "customer.*")
        delivering.facade.with_keys(lambda keys: keys.rotate(key.name, scopes=SUBSCRIBES))
        delivering.publish(news(1))
        assert numbers(hook, 1) == [1]
        caller.delete(f"/v1/subscriptions/{made['id']}")


def test_another_key_takes_the_subscription_of_a_revoked_one_over(delivering: Delivering, owner: Caller) -> None:
    hook = delivering.subscribers.hook("taken-over")
    with owned(delivering, "customers:read") as (key, caller):
        made = subscribe(caller, hook, "customer.*")
    delivering.facade.with_keys(lambda keys: keys.revoke(key.name))
    delivering.publish(news(1))
    subscription = disabled(owner, made["id"])
    assert subscription["disabled_reason"] == "its owner has no valid API key"
    # A revoked key cannot be rotated, so this is the only way.
    assert subscription["next_step"].startswith("POST …/enable with another key that has the scope customers:read;")
    (lane,) = [text for text in delivering.facade.lockstitch("queue").stdout.splitlines() if f"{made['id']} is" in text]
    assert lane.endswith(f"is disabled. Next step: lockstitch subscriptions show {made['id']}")
    path = f"/v1/subscriptions/{made['id']}/enable"
    with calling(delivering, "orders:read") as stranger:
        assert code_of(stranger.post(path), 403) == "forbidden"
    assert hook.posts == []
    with owned(delivering, "customers:read") as (other, caller):
        assert caller.post(path).status_code == 200
        assert numbers(hook, 1) == [1]
        # It is theirs now: it ends with their key, and not with the first one.
        delivering.facade.with_keys(lambda keys: keys.revoke(other.name))
    delivering.publish(news(2))
    disabled(owner, made["id"])
    assert len(hook.posts) == 1


def test_enabling_what_its_target_had_disabled_changes_no_owner(delivering: Delivering, owner: Caller) -> None:
    with owned(delivering, "customers:read") as (_key, caller):
        made = subscribe(caller, delivering.subscribers.hook("mended"), "customer.*")
        delivering.facade.sql(
            "UPDATE subscription SET state = 'disabled', disabled_at = now(), disabled_reason = 'x' WHERE id = $1",
            made["id"],
        )
        before = delivering.facade.sql("SELECT principal FROM subscription WHERE id = $1", made["id"])
        assert owner.post(f"/v1/subscriptions/{made['id']}/enable").json()["state"] == "active"
        assert delivering.facade.sql("SELECT principal FROM subscription WHERE id = $1", made["id"]) == before


def test_a_lane_that_is_resumed_by_hand_delivers_nothing(delivering: Delivering, owner: Caller) -> None:
    hook = delivering.subscribers.hook("by-hand")
    with owned(delivering, "customers:read") as (key, caller):
        made = subscribe(caller, hook, "customer.*")
    change_scopes(delivering, key)
    delivering.publish(news(1))
    disabled(owner, made["id"])
    running = "SELECT FROM job WHERE connection = $1 AND state = 'running'"
    until(lambda: not delivering.facade.sql(running, made["id"]))  # its end would defer the job again
    delivering.facade.sql(
        "UPDATE lane SET blocked_reason = NULL, blocked_until = NULL, blocked_note = NULL, blocked_at = NULL"
        " WHERE connection = $1",
        made["id"],
    )
    delivering.facade.sql("UPDATE job SET run_at = now() WHERE connection = $1", made["id"])
    question = "SELECT blocked_reason FROM lane WHERE connection = $1"
    until(lambda: delivering.facade.sql(question, made["id"])[0]["blocked_reason"] == "operator")
    assert hook.posts == []
    assert delivering.audited(made["id"]).count("subscription.disabled") == 1


def test_a_callback_needs_the_scopes_of_its_caller(delivering: Delivering, owner: Caller) -> None:
    """With any scope of the object, as the operation is shown; redriven once there is one again."""
    (event,) = delivering.publish(news(7, type="operation.finished", changed=None, shows=("customer",)))
    for scope, data in (("customers:read", {"number": 7}), ("customers:write", {"withheld": True})):
        hook = delivering.subscribers.hook(f"called-back-{scope}")
        key = delivering.facade.make_key(scope)
        delivering.call_back(event, target_url=hook.url, principal=key.id)
        assert hook.received(1)[0].event["data"] == data
    hook = delivering.subscribers.hook("called-back-never")
    key = delivering.facade.make_key(*SUBSCRIBES, "orders:write", "tickets:read")
    delivering.call_back(event, target_url=hook.url, principal=key.id)

    def letters() -> list[dict[str, Any]]:
        letters_of_all = owner.get("/ops/dead-letters?kind=deliver").json()["data"]
        return [letter for letter in letters_of_all if letter["origin"] == event]

    (letter,) = until(letters)
    assert letter["failure"]["category"] == "permanent"
    assert "customers:read" in letter["failure"]["reason"]
    assert hook.posts == []
    change_scopes(delivering, key, "customers:write")
    assert owner.post(f"/ops/dead-letters/{letter['id']}/redrive").status_code == 200
    assert hook.received(1)[0].event["data"] == {"withheld": True}


# -------------------------------------------------------------------- feed


def test_the_feed_shows_what_its_reader_may_read(delivering: Delivering, owner: Caller) -> None:
    start = owner.get("/v1/events?limit=250").json()
    while start["has_more"]:
        start = owner.get(f"/v1/events?limit=250&after={start['next_cursor']}").json()
    after = f"after={start['next_cursor']}&" if start["next_cursor"] else ""
    published = {
        "customer": news(type="customer.updated"),
        "order": news(type="order.created"),
        "comment": news(type="ticket.comment_added", changed=None),
        "customer operation": news(type="operation.finished", changed=None, shows=("customer",)),
        "comment operation": news(type="operation.finished", changed=None, shows=("comment",)),
        "shop webhook": news(type="webhook.received", changed=None, shows=("customer", "order")),
        "gateway webhook": news(type="webhook.received", changed=None),
        "dead letter": news(type="dead_letter.created", changed=None),
    }
    ids = dict(zip(published, delivering.publish(*published.values()), strict=True))

    def names_for(*scopes: str, query: str = "") -> set[str]:
        with delivering.facade.calling("events:read", *scopes, url=delivering.api.url) as reader:
            events, cursor = [], after
            while True:
                page = expect(reader.get(f"/v1/events?{cursor}limit=2{query}")).json()
                events += page["data"]
                if not page["has_more"]:
                    return {name for name, id in ids.items() if id in {event["id"] for event in events}}
                cursor = f"after={page['next_cursor']}&"

    everyone = {"gateway webhook", "dead letter"}
    assert names_for() == everyone
    assert names_for("customers:read") == everyone | {"customer", "customer operation"}
    assert names_for("customers:write", "ops:read") == everyone
    assert names_for("customers:read", "orders:read") == everyone | {
        *("customer", "order", "customer operation", "shop webhook"),
    }
    assert names_for("tickets:read", query="&type=operation.finished") == {"comment operation"}
    assert names_for("tickets:read", query="&type=*") == everyone | {"comment", "comment operation"}
    assert names_for(*ALL_READS) == set(ids)


@pytest.mark.parametrize(
    ("scopes", "types", "lacking"),
    [
        ((), "customer.updated", "customers:read"),
        (("customers:read",), "customer.*,order.created", "orders:read"),
        (("customers:read",), "ticket.comment_added", "tickets:read"),
        ((), "operation.*", "customers:read or orders:read or tickets:read"),
    ],
)
def test_a_type_that_its_reader_may_not_read_is_refused(
    delivering: Delivering, scopes: tuple[str, ...], types: str, lacking: str
) -> None:
    with delivering.facade.calling("events:read", *scopes, url=delivering.api.url) as reader:
        answer = expect(reader.get(f"/v1/events?type={types}"), 403, "forbidden").json()
        assert f"no scope {lacking};" in answer["detail"]
