"""Every policy of ownership, for every verb, through every door; and a dry run tells the verdict beforehand."""

import shlex
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from tests.commands import exits
from tests.contract.async_writes.finished_operations import LATER
from tests.contract.callers import Caller, code_of, expect, new_key, pointers
from tests.contract.exports import LEGACY, dead_letters, events, export, line, send, settled
from tests.contract.facade import Facade
from tests.contract.ownership_verbs import JUDGED_AT_ONCE, VERBS, Try, comment, update
from tests.contract.samples import customer, order, word
from tests.contract.waiting import until

COVERED: Final = """
[ownership.customers]
owner = "frail-hubspot"
writers = ["key:trusted"]
[ownership.customers.fields]
job_title = { anyone_else = "POLICY" }
phones = { anyone_else = "POLICY" }
tags = { anyone_else = "POLICY" }
status = { anyone_else = "POLICY" }

[ownership.orders.fields.status]
owner = "frail-shopify"
writers = ["key:trusted"]
anyone_else = "POLICY"

[ownership.tickets.fields.comments]
owner = "frail-zendesk"
writers = ["key:trusted"]
anyone_else = "POLICY"
"""


@pytest.fixture(scope="module", params=["reject", "skip", "review"])
def policy(request: pytest.FixtureRequest) -> str:
    """What happens to a change by anyone else."""
    return request.param


@pytest.fixture(scope="module")
def running_facade(policy: str, tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Facade]:
    """A Lockstitch with this policy."""
    more = COVERED.replace("POLICY", policy) + LEGACY
    with Facade(tmp_path_factory.mktemp(policy), module_database_url, more=more).running() as facade:
        yield facade


@pytest.fixture(scope="module")
def secrets(running_facade: Facade, policy: str) -> dict[str, str]:
    """The keys of a writer and of a stranger. The name of a key is free again once it is revoked."""
    by_name = {}
    for name in ("trusted", "stranger"):
        running_facade.sql("UPDATE api_key SET name = name || id WHERE name = $1", name)
        by_name[name] = running_facade.make_key(name=name).secret
    return by_name


@pytest.fixture
def trusted(facade: Facade, secrets: dict[str, str]) -> Iterator[Caller]:
    """A caller whose key may write the fields."""
    with facade.calling(secret=secrets["trusted"]) as one:
        yield one


@pytest.fixture
def stranger(facade: Facade, secrets: dict[str, str]) -> Iterator[Caller]:
    """A caller whose key may not."""
    with facade.calling(secret=secrets["stranger"]) as one:
        yield one


def may_skip(verb: Callable[[Caller], Try], policy: str) -> bool:
    """Whether anything is left of the write without the skipped field."""
    return policy == "skip" and verb is not comment


def letter_of(caller: Caller, operation_id: str) -> dict[str, Any]:
    """The open dead letter of an operation."""

    def look() -> list[dict[str, Any]]:
        letters_of_all = caller.get("/ops/dead-letters?state=open&limit=250").json()["data"]
        return [letter for letter in letters_of_all if letter["origin"] == operation_id]

    (letter,) = until(look)
    return letter


def redrive(caller: Caller, operation_id: str) -> dict[str, Any]:
    """Redrive the dead letter of an operation, and return how it ended."""
    letter = letter_of(caller, operation_id)
    assert letter["failure"]["category"] == "conflict"
    assert letter["failure"]["reason"] == "not-system-of-record"
    assert caller.post(f"/ops/dead-letters/{letter['id']}/redrive").status_code == 200
    return caller.await_operation(f"/v1/operations/{operation_id}")


def audited(facade: Facade, verdict: str, field: str) -> bool:
    """Whether the audit trail names the stranger and the field, and no value."""
    rows = facade.sql("SELECT facts::text FROM audit_event WHERE type = $1", f"ownership.{verdict}")
    texts = [row["facts"] for row in rows]
    assert not any("Smith" in text or "On its way" in text for text in texts)
    return any("key:stranger" in text and f'"{field}"' in text for text in texts)


def judge_dry(trial: Try, stranger: Caller, facade: Facade, policy: str, *, skips: bool) -> None:
    """The verdict of a dry run, which changes and records nothing."""
    (before,) = facade.sql("SELECT count(*) AS operations FROM operation")
    verdict = trial.dry(stranger)
    named = {one["pointer"]: one for one in verdict["fields"]}
    if skips:
        assert (named[trial.pointer]["verdict"], named[trial.pointer]["owner"][:6]) == ("skipped", "frail-")
        assert "problem" not in verdict
    else:
        assert named[trial.pointer]["verdict"] == "refused"
        assert verdict["problem"]["code"] == "not-system-of-record"
        assert verdict["request"] is None
    assert trial.look() == trial.before
    assert facade.sql("SELECT count(*) AS operations FROM operation") == [before]


@pytest.mark.parametrize("verb", VERBS)
def test_direct(facade: Facade, trusted: Caller, stranger: Caller, policy: str, verb: Callable[[Caller], Try]) -> None:
    trial, key = verb(trusted), new_key()
    skips = may_skip(verb, policy)
    judge_dry(trial, stranger, facade, policy, skips=skips)
    answer = trial.send(stranger, key=key)
    if skips:
        assert answer.status_code in (200, 201), answer.text
        (skipped,) = answer.json()["meta"]["skipped"]
        assert skipped["pointer"] == trial.pointer
        assert skipped["owner"].startswith("frail-")
        assert trial.look() == trial.before
        assert audited(facade, "skipped", trial.pointer[1:])
        assert trial.send(stranger, key=key).content == answer.content
        return
    assert code_of(answer, 409) == "not-system-of-record"
    assert pointers(answer) == [trial.pointer]
    assert trial.look() == trial.before
    again = expect(trial.send(stranger, key=key), 409, "not-system-of-record")
    if policy != "review":
        assert "idempotent-replayed" not in again.headers
        assert audited(facade, "refused", trial.pointer[1:])
        return
    assert again.content == answer.content
    assert again.headers["idempotent-replayed"] == "true"
    assert "GET /v1/operations/{operation_id}" in answer.json()["next_step"]
    assert audited(facade, "review", trial.pointer[1:])
    assert redrive(trusted, answer.json()["operation_id"])["state"] == "succeeded"
    assert trial.look() == trial.after


@pytest.mark.parametrize("verb", VERBS)
def test_queued(trusted: Caller, stranger: Caller, policy: str, verb: Callable[[Caller], Try]) -> None:
    trial = verb(trusted)
    answer = trial.send(stranger, headers=LATER)
    if verb in JUDGED_AT_ONCE and policy != "review" and not may_skip(verb, policy):
        assert code_of(answer, 409) == "not-system-of-record"
        assert trial.look() == trial.before
        return
    done = stranger.settled(answer)
    if may_skip(verb, policy):
        assert done["state"] == "succeeded"
        assert [one["pointer"] for one in done["result"]["meta"]["skipped"]] == [trial.pointer]
        assert trial.look() == trial.before
        return
    assert (done["state"], done["problem"]["code"]) == ("failed", "not-system-of-record")
    assert trial.look() == trial.before
    again = redrive(trusted, done["id"])
    if policy == "review":
        assert again["state"] == "succeeded"
        assert trial.look() == trial.after
    else:
        assert (again["state"], again["problem"]["code"]) == ("failed", "not-system-of-record")
        assert trial.look() == trial.before


@pytest.mark.parametrize("verb", VERBS)
def test_a_writer_is_let_through(trusted: Caller, verb: Callable[[Caller], Try]) -> None:
    trial = verb(trusted)
    verdict = trial.dry(trusted)
    assert {one["verdict"] for one in verdict["fields"]} == {"written"}
    assert verdict["request"] is not None
    answer = trial.send(trusted)
    assert answer.status_code in (200, 201), answer.text
    assert answer.json()["meta"]["skipped"] == []
    assert trial.look() == trial.after


@pytest.mark.parametrize("later", [{}, LATER])
def test_a_skipped_field_cannot_refuse_the_write(
    trusted: Caller, stranger: Caller, policy: str, later: dict[str, str]
) -> None:
    """HubSpot has no place for a blocked customer, and Shopify for a long note."""
    made = trusted.create("/v1/customers", customer("hubspot"))
    path, body = f"/v1/customers/{made['id']}", {"status": "blocked", "company_name": "Lee Ceramics"}
    sold = trusted.create("/v1/orders", order())
    ending = {"reason": "customer", "note": "x" * 300}
    dry = stranger.request("PATCH", f"{path}?dry_run=true", json=body).json()
    answers = [
        stranger.write("PATCH", path, body, headers=later),
        stranger.write("POST", f"/v1/orders/{sold['id']}/cancel", ending, headers=later),
    ]
    ends = [stranger.settled(one) if one.status_code == 202 else one.json() for one in answers]
    if policy != "skip":
        assert [one.get("problem", one)["code"] for one in ends] == ["unsupported-field", "invalid-field"]
        assert dry["problem"]["code"] == "unsupported-field"
        return
    results = [one.get("result", one) for one in ends]
    assert [[one["pointer"] for one in each["meta"]["skipped"]] for each in results] == [["/status"], ["/status"]]
    assert (results[0]["company_name"], results[0]["status"]) == ("Lee Ceramics", made["status"])
    assert results[1]["cancelled_at"] is None
    assert {one["pointer"]: one["verdict"] for one in dry["fields"]} == {
        "/status": "skipped",
        "/company_name": "written",
    }


def test_a_redrive_judges_the_present_value(trusted: Caller, stranger: Caller, policy: str) -> None:
    if policy == "skip":
        pytest.skip("a skipped field makes no dead letter")
    trial = update(trusted)
    done = stranger.settled(trial.send(stranger, headers=LATER))
    assert done["state"] == "failed"
    assert trial.send(trusted).status_code == 200  # the value is there by now, so it is no change any more
    assert redrive(trusted, done["id"])["state"] == "succeeded"


def test_a_lost_reply_does_not_write_the_skipped_field(
    facade: Facade, trusted: Caller, stranger: Caller, policy: str
) -> None:
    trial = update(trusted)
    facade.vendors.lose_reply("hubspot", method="PATCH")
    answer = stranger.write("PATCH", trial.path, {**trial.body, "company_name": "Lee Ceramics"})
    if policy != "skip":
        assert code_of(answer, 409) == "not-system-of-record"
        return
    done = stranger.settled(answer)
    assert done["state"] == "succeeded"
    assert (done["result"]["company_name"], done["result"]["job_title"]) == ("Lee Ceramics", "Potter")
    assert [one["pointer"] for one in done["result"]["meta"]["skipped"]] == ["/job_title"]


@pytest.mark.parametrize(
    "same",
    [
        {"job_title": "Potter"},
        {"phones": [{"raw": "+44 117 496 0123"}]},
        {"phones": [{"e164": "+441174960123"}], "job_title": "Potter"},
    ],
)
def test_an_equal_value_is_no_offence(trusted: Caller, stranger: Caller, same: dict[str, Any]) -> None:
    sent = customer("hubspot", job_title="Potter", phones=[{"e164": "+441174960123"}])
    made = trusted.create("/v1/customers", sent)
    for body in (same, {**same, "company_name": "Lee Ceramics"}):
        answer = expect(stranger.write("PATCH", f"/v1/customers/{made['id']}", body)).json()
        assert answer["meta"]["skipped"] == []
    assert (answer["company_name"], answer["job_title"]) == ("Lee Ceramics", "Potter")


def test_another_case_is_a_change(trusted: Caller, stranger: Caller, policy: str) -> None:
    made = trusted.create("/v1/customers", customer("hubspot", job_title="potter"))
    answer = stranger.write("PATCH", f"/v1/customers/{made['id']}", {"job_title": "Potter"})
    if policy == "skip":
        assert [one["pointer"] for one in answer.json()["meta"]["skipped"]] == ["/job_title"]
    else:
        assert code_of(answer, 409) == "not-system-of-record"


def test_order_and_case_of_tags_are_no_change(trusted: Caller, stranger: Caller) -> None:
    made = trusted.create("/v1/customers?connection=zendesk", customer("zendesk", tags=["blue", "vip"]))
    answer = expect(stranger.write("PATCH", f"/v1/customers/{made['id']}", {"tags": ["VIP", "blue"]})).json()
    assert sorted(answer["tags"]) == ["blue", "vip"]


def test_an_upsert_reads_the_record_and_sends_what_changes(facade: Facade, trusted: Caller, stranger: Caller) -> None:
    path, sent = "/v1/customers?connection=zendesk&upsert_on=email", customer("zendesk", tags=["vip"])
    trusted.create("/v1/customers?connection=zendesk", sent)

    def calls_of(body: dict[str, Any]) -> list[tuple[str, str]]:
        known = len(facade.vendors.calls("zendesk"))
        assert stranger.write("POST", path, body).status_code == 200
        return [(one["method"], one["path"]) for one in facade.vendors.calls("zendesk")[known:]]

    plain = {name: value for name, value in sent.items() if name != "tags"}
    covered = calls_of(sent | {"notes": f"Likes blue, {word()}."})
    assert {method for method, _ in calls_of(plain)} == {"GET"}
    assert not [one for one in covered if "create_or_update" in one[1]]
    assert [method for method, _ in covered if method == "PUT"] == ["PUT"]


def test_rows_of_an_export(trusted: Caller, facade: Facade, policy: str) -> None:
    number = {"reject": 7, "skip": 8, "review": 9}[policy]  # all three share a database, and a known row is not read

    def announced() -> list[dict[str, Any]]:
        return [one for one in events(trusted) if one["data"]["meta"]["remote_id"] == f"C0000{number}"]

    upload = settled(trusted, send(trusted, export(line(number, state="X"))))
    if policy == "skip":
        (event,) = announced()
        assert event["data"]["status"] == "unknown"
        assert [one["pointer"] for one in event["data"]["meta"]["skipped"]] == ["/status"]
        return
    assert announced() == []
    (letter,) = dead_letters(trusted, upload)
    assert (letter["failure"]["category"], letter["failure"]["reason"]) == ("conflict", "not-system-of-record")
    assert letter["failure"]["path"] == "$.status"
    steps = {one["action"]: one for one in trusted.get(f"/ops/dead-letters/{letter['id']}").json()["next_steps"]}
    assert "edit" not in steps
    _, command, advice = steps["redrive"]["advice"].split("`")[:3]
    assert advice.startswith(" names the writer and the fields.")
    assert '"writer":"legacy"' in exits(facade.lockstitch(*shlex.split(command)[1:])).stdout
    assert trusted.post(f"/ops/dead-letters/{letter['id']}/redrive").status_code == 200
    if policy == "review":
        done = until(lambda: settled_rows(trusted, upload), lambda upload_rows: upload_rows["settled"] == 1)
        assert done["refused"] == 0
        (event,) = announced()
        assert event["data"]["status"] == "blocked"
    else:
        again = until(lambda: [one for one in dead_letters(trusted, upload) if one["id"] != letter["id"]])
        assert again[0]["failure"]["reason"] == "not-system-of-record"


def settled_rows(caller: Caller, upload: dict[str, Any]) -> dict[str, Any]:
    return caller.get(f"/v1/uploads/legacy/{upload['id']}").json()
