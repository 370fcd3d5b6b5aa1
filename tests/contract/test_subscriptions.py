"""Subscriptions as their owners see them: made, listed, tried out, given another secret, disabled, enabled, deleted."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest
from standardwebhooks.webhooks import WebhookVerificationError

from tests.contract.callers import Caller, code_of, expect, parameters, pointers
from tests.contract.subscribers import ATTEMPTS, Answer, Delivering, Hook, news, subscribe
from tests.contract.waiting import until

VIEW: Final = {
    *(
        "id",
        "target_url",
        "events",
        "connection",
        "fields",
        "changed",
        "state",
        "disabled_reason",
        "disabled_at",
        "failing_since",
        "attempts",
        "last_error",
        "next_attempt",
        "disabled_at_latest",
    ),
    *("next_step", "created_at"),
}
ACTIONS: Final = ("rotate-secret", "test", "enable")


def test_a_subscription_is_made_and_its_secret_shown_once(owner: Caller, delivering: Delivering) -> None:
    hook = delivering.subscribers.hook("made")
    answer = owner.post(
        "/v1/subscriptions", json={"target_url": hook.url, "events": ["customer.*", "order.created", "customer.*"]}
    )
    assert answer.status_code == 201
    made = answer.json()
    assert made.keys() == VIEW | {"secret"}
    assert made["id"].startswith("sub_")
    assert made["secret"].startswith("whsec_")
    assert answer.headers["location"] == f"/v1/subscriptions/{made['id']}"
    assert (made["events"], made["state"]) == (["customer.*", "order.created"], "active")

    read = owner.get(answer.headers["location"]).json()
    assert read == {name: value for name, value in made.items() if name != "secret"}
    listed = owner.get("/v1/subscriptions").json()
    assert read in listed["data"]
    assert delivering.audited(made["id"]) == ["subscription.created"]
    assert hook.posts == []  # no challenge


def test_targets_and_secrets_are_sealed_at_rest(owner: Caller, delivering: Delivering) -> None:
    made = subscribe(owner, delivering.subscribers.hook("sealed-in-the-database"))
    (row,) = delivering.facade.sql("SELECT target_url FROM subscription WHERE id = $1", made["id"])
    (secret,) = delivering.facade.sql("SELECT secret FROM subscription_secret WHERE subscription = $1", made["id"])
    assert b"sealed-in-the-database" not in row["target_url"]
    assert made["secret"].removeprefix("whsec_").encode() not in secret["secret"]
    assert "sealed-in-the-database" not in delivering.api.log + delivering.worker.log


def test_a_list_has_pages(owner: Caller, delivering: Delivering) -> None:
    made = [subscribe(owner, delivering.subscribers.hook(f"page-{number}"))["id"] for number in range(3)]
    first = owner.get("/v1/subscriptions?limit=2").json()
    assert [one["id"] for one in first["data"]] == made[:0:-1]
    assert first["has_more"]
    second = owner.get(f"/v1/subscriptions?limit=250&cursor={first['next_cursor']}").json()
    assert second["data"][0]["id"] == made[0]
    assert (second["has_more"], second["next_cursor"]) == (False, None)
    assert parameters(owner.get("/v1/subscriptions?cursor=x&limit=0&state=y")) == ["state", "limit", "cursor"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"events": []}, "/events"),
        ({"events": ["*"] * 51}, "/events"),
        ({"events": "*"}, "/events"),
        ({"events": ["customer.updated", "customer.exploded"]}, "/events/1"),
        ({"events": ["CUSTOMER.*"]}, "/events/0"),
        ({"events": ["customer"]}, "/events/0"),
        ({"events": ["*.updated"]}, "/events/0"),
        ({"connection": "nowhere"}, "/connection"),
        ({"connection": 7}, "/connection"),
        ({"target_url": ""}, "/target_url"),
        ({"target_url": None}, "/target_url"),
        ({"target_url": "https://hooks.example.com/" + "x" * 2048}, "/target_url"),
        ({"secret": "whsec_x"}, "/secret"),
        ({"target_url": "http://127.0.0.1:1/"}, "/target_url"),
        ({"target_url": "https://localhost/"}, "/target_url"),
        ({"target_url": "https://169.254.169.254/latest/meta-data"}, "/target_url"),
        ({"target_url": "https://user:hunter2@127.0.0.1/"}, "/target_url"),
        ({"target_url": "https://nobody.invalid/"}, "/target_url"),
        ({"target_url": "ftp://127.0.0.1/"}, "/target_url"),
    ],
)
def test_what_is_no_subscription(owner: Caller, delivering: Delivering, change: Any, pointer: str) -> None:
    body = {"target_url": delivering.subscribers.hook("never").url, "events": ["*"], **change}
    answer = expect(owner.post("/v1/subscriptions", json=body), 422, "invalid-field")
    assert pointers(answer) == [pointer]
    assert "hunter2" not in answer.text
    assert "127.0.0.1:1" not in answer.json()["detail"]


def test_a_misspelt_event_and_connection_come_with_the_nearest(owner: Caller, delivering: Delivering) -> None:
    target = delivering.subscribers.hook("misspelt").url
    body = {"target_url": target, "events": ["customr.created"], "connection": "other-zendsk"}
    details = [one["detail"] for one in owner.post("/v1/subscriptions", json=body).json()["errors"]]
    assert details[0].startswith("unknown event. Did you mean customer.created? Known are: *, customer.*, ")
    assert details[1].startswith("unknown connection. Did you mean other-zendesk? Known are: ")


def test_a_refused_target_comes_with_what_to_do(owner: Caller) -> None:
    body = {"target_url": "http://127.0.0.1:5678/webhook/x", "events": ["nothing"], "connection": "nowhere"}
    answer = owner.post("/v1/subscriptions", json=body)
    assert pointers(answer) == ["/events/0", "/connection", "/target_url"]
    problem = answer.json()
    assert "customer.*" in problem["errors"][0]["detail"]
    assert "hubspot" in problem["errors"][1]["detail"]
    assert "egress.allow" in problem["next_step"]
    assert "LOCKSTITCH_EGRESS_ALLOW" in problem["next_step"]


def test_scopes_open_reading_and_writing_apart(owner: Caller, delivering: Delivering) -> None:
    made = subscribe(owner, delivering.subscribers.hook("scopes"))
    path = f"/v1/subscriptions/{made['id']}"
    with (
        delivering.facade.calling("subscriptions:read", url=delivering.api.url) as reader,
        delivering.facade.calling("subscriptions:write", url=delivering.api.url) as writer,
    ):
        assert reader.get(path).status_code == 200
        assert code_of(writer.get(path), 403) == "forbidden"
        assert code_of(writer.get("/v1/subscriptions"), 403) == "forbidden"
        assert code_of(reader.post("/v1/subscriptions", json={}), 403) == "forbidden"
        assert code_of(reader.delete(path), 403) == "forbidden"
        for action in ACTIONS:
            assert code_of(reader.post(f"{path}/{action}"), 403) == "forbidden"
        assert writer.delete(path).status_code == 204


def test_deleting_is_idempotent_and_ends_it(owner: Caller, delivering: Delivering) -> None:
    hook = delivering.subscribers.hook("deleted", Answer(status=500))
    made = subscribe(owner, hook)
    path = f"/v1/subscriptions/{made['id']}"
    delivering.publish(news())
    hook.received(1)
    for _ in range(2):
        answer = owner.delete(path)
        assert (answer.status_code, answer.content) == (204, b"")
    assert code_of(owner.get(path), 404) == "not-found"
    for action in ACTIONS:
        assert code_of(owner.post(f"{path}/{action}"), 404) == "not-found"
    assert [row["state"] for row in delivering.deliveries(made["id"])] == ["dropped"]
    assert delivering.facade.sql("SELECT FROM subscription_secret WHERE subscription = $1", made["id"]) == []
    assert delivering.audited(made["id"])[-1] == "subscription.deleted"
    other = delivering.subscribers.hook("after-deletion")
    subscribe(owner, other)
    before = len(hook.posts)
    delivering.publish(news())
    other.received(1)
    assert len(hook.posts) <= before + 1  # one may have been under way
    assert owner.delete("/v1/subscriptions/sub_nobody").status_code == 204


def test_old_and_new_secret_both_sign_for_a_day(owner: Caller, delivering: Delivering) -> None:
    hook = delivering.subscribers.hook("rotated")
    made = subscribe(owner, hook)
    path = f"/v1/subscriptions/{made['id']}"
    rotated = expect(owner.post(f"{path}/rotate-secret")).json()
    assert rotated.keys() == VIEW | {"secret"}
    fresh = rotated["secret"]
    assert fresh != made["secret"]
    delivering.publish(news(1))
    (post,) = hook.received(1)
    assert post.proven_by(made["secret"]) == post.proven_by(fresh) == post.event

    delivering.facade.sql("UPDATE subscription_secret SET not_after = not_after - interval '24 hours 1 second'")
    delivering.publish(news(2))
    _, post = hook.received(2)
    assert post.proven_by(fresh) == post.event
    with pytest.raises(WebhookVerificationError):
        post.proven_by(made["secret"])
    assert "subscription.secret_rotated" in delivering.audited(made["id"])


def test_secrets_that_are_rotated_often_do_not_pile_up(owner: Caller, delivering: Delivering) -> None:
    hook = delivering.subscribers.hook("rotated-often")
    made = subscribe(owner, hook)
    secrets = [owner.post(f"/v1/subscriptions/{made['id']}/rotate-secret").json()["secret"] for _ in range(6)]
    delivering.publish(news())
    (post,) = hook.received(1)
    assert len(post.headers["webhook-signature"].split()) == 4
    for secret in secrets[-4:]:
        assert post.proven_by(secret)


def test_a_test_is_sent_at_once_like_any_delivery(owner: Caller, delivering: Delivering) -> None:
    hook = delivering.subscribers.hook("tested").then(Answer(status=200), Answer(status=503))
    made = subscribe(owner, hook, "order.*")
    path = f"/v1/subscriptions/{made['id']}/test"
    rotated = expect(owner.post(path, headers={"x-correlation-id": "trying-it-out"})).json()
    assert (rotated["delivered"], rotated["status"]) == (True, 200)
    (post,) = hook.posts
    event = post.proven_by(made["secret"])
    assert event["type"] == "order.created"
    assert event["id"] == post.headers["webhook-id"] == rotated["event_id"]
    assert event["correlation_id"] == post.headers["x-correlation-id"] == "trying-it-out"
    assert event["data"]["line_items"]

    rotated = owner.post(path).json()
    assert (rotated["delivered"], rotated["status"], rotated["detail"]) == (False, 503, "the target answered 503")
    assert len(hook.posts) == 2
    assert delivering.deliveries(made["id"]) == []


def test_enabling_what_is_active_changes_nothing(owner: Caller, delivering: Delivering) -> None:
    made = subscribe(owner, delivering.subscribers.hook("active"))
    answer = expect(owner.post(f"/v1/subscriptions/{made['id']}/enable")).json()
    assert answer["state"] == "active"
    assert delivering.audited(made["id"]) == ["subscription.created"]


def test_410_removes_the_subscription_at_once(owner: Caller, delivering: Delivering) -> None:
    hook = delivering.subscribers.hook("gone", Answer(status=410))
    made = subscribe(owner, hook)
    delivering.publish(*(news(number, record="customer:a") for number in range(3)))
    until(lambda: owner.get(f"/v1/subscriptions/{made['id']}").status_code == 404)
    assert len(hook.posts) == 1
    assert set(delivering.states(made["id"])) == {"dropped"}
    assert delivering.audited(made["id"])[-1] == "subscription.deleted"
    until(lambda: delivering.facade.sql("SELECT FROM job WHERE connection = $1", made["id"]) == [])
    assert delivering.facade.sql("SELECT FROM dead_letter WHERE connection = $1", made["id"]) == []


def test_a_subscription_that_accepts_nothing_is_disabled(owner: Caller, delivering: Delivering) -> None:
    hook = delivering.subscribers.hook("failing", Answer(status=500))
    made = subscribe(owner, hook, "customer.*")
    path = f"/v1/subscriptions/{made['id']}"
    delivering.publish(news(1, record="customer:1"))
    delivering.let_the_last_pause_run_out(made["id"], disables=True)
    until(lambda: owner.get(path).json()["state"] == "disabled")
    assert len(hook.posts) == ATTEMPTS
    view = owner.get(path).json()
    assert "the target answered 500" in view["disabled_reason"]
    assert view["disabled_at"] > view["failing_since"]
    assert "enable" in view["next_step"]
    assert "subscription.disabled" in delivering.audited(made["id"])

    # What comes meanwhile waits behind the first: an older state of a record never comes after a newer one.
    delivering.publish(news(2, record="customer:1"))
    hook.always = Answer()
    assert owner.post(f"{path}/test").json()["delivered"]
    posts = len(hook.posts)
    enabled = expect(owner.post(f"{path}/enable")).json()
    assert [enabled[name] for name in ("state", "disabled_reason", "failing_since", "next_step")] == [
        "active", None, None, None,
    ]  # fmt: skip
    until(lambda: delivering.states(made["id"]) == ["delivered", "delivered"])
    assert [post.event["data"]["number"] for post in hook.posts[posts:]] == [1, 2]
    assert owner.get(f"/ops/dead-letters?connection={made['id']}").json()["data"] == []
    assert delivering.audited(made["id"])[-1] == "subscription.enabled"


def test_what_has_waited_goes_at_once_when_it_is_enabled(owner: Caller, delivering: Delivering) -> None:
    hook = delivering.subscribers.hook("hurried", Answer(status=500))
    made = subscribe(owner, hook)
    delivering.publish(news(1))
    hook.received(1)
    disable = "UPDATE subscription SET state = 'disabled', disabled_at = now(), disabled_reason = 'x' WHERE id = $1"
    delivering.facade.sql(disable, made["id"])
    delivering.facade.sql("UPDATE job SET run_at = now() + interval '1 day' WHERE connection = $1", made["id"])
    hook.always = Answer()
    owner.post(f"/v1/subscriptions/{made['id']}/enable")
    until(lambda: delivering.states(made["id"]) == ["delivered"])


def test_enabling_an_active_subscription_ends_its_waits(owner: Caller, delivering: Delivering) -> None:
    """A target asked to wait for hours, and is repaired within minutes."""
    hook = delivering.subscribers.hook("repaired", Answer(status=429, headers=(("retry-after", "7200"),)))
    made = subscribe(owner, hook)
    delivering.publish(news(1))
    hook.received(1)
    until(lambda: owner.get(f"/v1/subscriptions/{made['id']}").json()["failing_since"] is not None)
    hook.always = Answer()
    delivering.publish(news(2))
    enabled = owner.post(f"/v1/subscriptions/{made['id']}/enable").json()
    assert (enabled["state"], enabled["failing_since"]) == ("active", None)
    until(lambda: delivering.states(made["id"]) == ["delivered", "delivered"])
    assert "subscription.enabled" in delivering.audited(made["id"])


def test_a_deleted_subscription_leaves_no_jobs_that_wait_for_hours(owner: Caller, delivering: Delivering) -> None:
    hook = delivering.subscribers.hook("left", Answer(status=429, headers=(("retry-after", "7200"),)))
    made = subscribe(owner, hook)
    delivering.publish(news(1))
    hook.received(1)
    until(lambda: owner.get(f"/v1/subscriptions/{made['id']}").json()["failing_since"] is not None)
    assert owner.delete(f"/v1/subscriptions/{made['id']}").status_code == 204
    until(lambda: delivering.facade.sql("SELECT 1 FROM job WHERE connection = $1", made["id"]) == [])
    assert delivering.states(made["id"]) == ["dropped"]
    assert len(hook.posts) == 1


def given_up(owner: Caller, delivering: Delivering, hook: Hook) -> tuple[str, str]:
    """Return a subscription that is disabled, and the dead letter of a delivery that was given up before."""
    made = subscribe(owner, hook, "customer.*")
    delivering.publish(news(1))
    delivering.let_the_last_pause_run_out(made["id"], disables=False)
    # The delivery is given up before its job is.
    (letter,) = until(lambda: owner.get(f"/ops/dead-letters?connection={made['id']}").json()["data"])
    assert letter["failure"]["category"] == "transient"
    delivering.let_it_have_failed_for_long(made["id"])
    delivering.publish(news(2))
    until(lambda: owner.get(f"/v1/subscriptions/{made['id']}").json()["state"] == "disabled")
    assert delivering.states(made["id"]) == ["dead", "pending"]
    return made["id"], letter["id"]


def test_a_deleted_subscription_leaves_no_open_dead_letters(owner: Caller, delivering: Delivering) -> None:
    hook = delivering.subscribers.hook("unwanted", Answer(status=500))
    subscription, letter_id = given_up(owner, delivering, hook)
    steps = owner.get(f"/ops/dead-letters/{letter_id}").json()["next_steps"]
    assert [step["action"] for step in steps] == ["enable", "redrive", "redrive_all", "discard"]
    assert (steps[0]["method"], steps[0]["path"]) == ("POST", f"/v1/subscriptions/{subscription}/enable")
    assert steps[0]["command"] == f"lockstitch subscriptions enable {subscription}"
    owner.delete(f"/v1/subscriptions/{subscription}")
    assert owner.get(f"/ops/dead-letters?connection={subscription}").json()["data"] == []
    letter = owner.get(f"/ops/dead-letters/{letter_id}").json()
    assert (letter["state"], letter["next_steps"]) == ("discarded", [])
    assert letter["decision"]["because"] == "its subscription was deleted"
    assert letter["decision"]["by"].startswith("key_")
    assert delivering.audited(f"job_{letter['job_id']}")[-1] == "job.discarded"
    assert owner.post(f"/ops/dead-letters/{letter_id}/redrive").status_code == 409


def test_a_redriven_delivery_of_a_deleted_subscription_is_dropped_and_audited(
    owner: Caller, delivering: Delivering
) -> None:
    hook = delivering.subscribers.hook("given-up", Answer(status=500))
    subscription, letter_id = given_up(owner, delivering, hook)
    posts = len(hook.posts)
    assert owner.post(f"/ops/dead-letters/{letter_id}/redrive").status_code == 200
    owner.delete(f"/v1/subscriptions/{subscription}")
    until(lambda: delivering.states(subscription) == ["dropped", "dropped"])
    delivery = delivering.deliveries(subscription)[0]
    assert delivering.audited(delivery["id"])[-1] == "delivery.dropped"
    assert len(hook.posts) == posts


def test_an_equal_subscription_is_the_same_one(owner: Caller, delivering: Delivering) -> None:
    hook = delivering.subscribers.hook("equal")
    body = {
        "target_url": hook.url,
        "events": ["customer.updated", "order.*"],
        "connection": "hubspot",
        "fields": ["emails", "status"],
        "changed": ["emails"],
    }
    made = expect(owner.post("/v1/subscriptions", json=body), 201)

    same = {**body, "events": ["order.*", "customer.updated", "order.*"], "fields": ["status", "emails"]}
    again = expect(owner.post("/v1/subscriptions", json=same))
    assert again.json() == {name: value for name, value in made.json().items() if name != "secret"}
    assert again.headers["location"] == made.headers["location"]
    others: list[dict[str, Any]] = [{"fields": None}, {"changed": None}, {"connection": None}]
    others += [{"events": ["customer.updated"]}, {"target_url": delivering.subscribers.hook("unequal").url}]
    ids = {owner.post("/v1/subscriptions", json=body | other).json()["id"] for other in others}
    assert len(ids - {made.json()["id"]}) == len(others)
    with delivering.facade.calling(url=delivering.api.url) as someone:
        assert someone.post("/v1/subscriptions", json=body).status_code == 201


def test_equal_subscriptions_at_the_same_time_are_one(owner: Caller, delivering: Delivering) -> None:
    body = {"target_url": delivering.subscribers.hook("race").url, "events": ["*"]}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: owner.post("/v1/subscriptions", json=body), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_needs_the_scopes_of_the_events(owner: Caller, delivering: Delivering, action: str) -> None:
    """Otherwise a key that reads nothing gets a secret that signs, or sends samples and Events on."""
    hook = delivering.subscribers.hook(f"narrow-{action}")
    made = subscribe(owner, hook, "customer.*")
    path = f"/v1/subscriptions/{made['id']}/{action}"
    with delivering.facade.calling("subscriptions:write", "orders:read", url=delivering.api.url) as narrow:
        refused = narrow.post(path)
    with delivering.facade.calling("subscriptions:write", "customers:read", url=delivering.api.url) as wide:
        assert wide.post(path).status_code == 200
    assert code_of(refused, 403) == "forbidden"
    assert "customers:read" in refused.json()["detail"]
    assert delivering.audited(made["id"]).count("subscription.secret_rotated") == (action == "rotate-secret")
