"""Where several may write a field: the rules among them. What callers and operators can read about ownership."""

import json
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from tests.contract.callers import Caller, code_of, expect
from tests.contract.facade import Facade
from tests.contract.own_facade import own_facade
from tests.contract.samples import word

RULES = """
[ownership.customers]
owner = "other-hubspot"
writers = ["key:everything", "key:second", "shopify"]
freshness_seconds = 900
team = "Revenue operations"
contact = "crm-duty@example.com"

[[ownership.customers.severities]]
level = 1
means = "Customers are written twice."
respond_within = "15 minutes"

[ownership.customers.fields]
company_name = { anyone_else = "reject", among_writers = "fill_empty" }
job_title = { anyone_else = "skip", among_writers = "newest" }
last_name = { anyone_else = "reject", among_writers = "owner_wins", freshness_seconds = 3600 }
first_name = { anyone_else = "review", writers = ["person"], team = "Service" }
phones = { anyone_else = "skip" }
lifecycle_stage = { owner = "hubspot", writers = [], anyone_else = "reject" }
"""
running_facade, full_key = own_facade(more=RULES)


@pytest.fixture
def second(facade: Facade) -> Iterator[Caller]:
    """Another writer."""
    facade.sql("UPDATE api_key SET name = name || id WHERE name = 'second'")
    with facade.calling(secret=facade.make_key(name="second").secret) as one:
        yield one


@pytest.fixture
def strange(facade: Facade) -> Iterator[Caller]:
    """A caller who is no writer."""
    with facade.calling() as one:
        yield one


def skipped(answer: Any) -> dict[str, str]:
    """The reason by pointer of what was skipped."""
    assert answer.status_code in (200, 201), answer.text
    return {one["pointer"]: one["reason"] for one in answer.json()["meta"]["skipped"]}


def test_fill_empty_replaces_nothing(caller: Caller, second: Caller) -> None:
    mark = word()
    made = second.create("/v1/customers", plain(mark))
    path = f"/v1/customers/{made['id']}"
    assert skipped(second.write("PATCH", path, {"company_name": "Lee Ceramics"})) == {}
    again = second.write("PATCH", path, {"company_name": "Other"})
    assert "only other-hubspot may replace it" in skipped(again)["/company_name"]
    assert again.json()["company_name"] == "Lee Ceramics"
    upserted = caller.write("POST", "/v1/customers?upsert_on=email", {**plain(mark), "company_name": "Third"})
    assert list(skipped(upserted)) == ["/company_name"]
    assert skipped(second.write("PATCH", path, {"company_name": "Lee Ceramics"})) == {}


def plain(mark: str) -> dict[str, Any]:
    """A customer without a covered field."""
    return {"emails": [{"address": f"{mark}@example.com"}]}


def test_newest_keeps_what_changed_after_the_value_was_read(second: Caller) -> None:
    made = second.create("/v1/customers", {**plain(word()), "job_title": "Potter"})
    path = f"/v1/customers/{made['id']}"
    old = {"job_title": "Smith", "meta": {"connection": "shopify", "remote_updated_at": "2020-01-01T00:00:00Z"}}
    kept = second.write("PATCH", path, old)
    assert list(skipped(kept)) == ["/job_title"]
    assert kept.json()["job_title"] == "Potter"
    assert skipped(second.write("PATCH", path, {"job_title": "Smith"})) == {}
    late = {"job_title": "Baker", "meta": {"connection": "shopify", "remote_updated_at": "2999-01-01T00:00:00Z"}}
    assert second.write("PATCH", path, late).json()["job_title"] == "Baker"


def test_owner_wins_where_its_record_holds_another_value(caller: Caller, second: Caller, facade: Facade) -> None:
    mark = word()
    made = second.create("/v1/customers", {**plain(mark), "last_name": "Lee"})
    path = f"/v1/customers/{made['id']}"
    assert skipped(second.write("PATCH", path, {"last_name": "Bell"})) == {}  # the owner has no record of it
    owners = caller.create("/v1/customers?connection=other-hubspot", {**plain(word()), "last_name": "Wood"})
    facade.sql(
        "UPDATE link SET canonical_id = $1 WHERE connection = 'other-hubspot' AND remote_id = $2",
        *(made["id"], owners["meta"]["remote_id"]),
    )
    contradicts = second.write("PATCH", path, {"last_name": "Reed"})
    assert "holds another value" in skipped(contradicts)["/last_name"]
    assert contradicts.json()["last_name"] == "Bell"
    assert skipped(second.write("PATCH", path, {"last_name": "Wood"})) == {}


def test_whoever_is_no_writer_is_refused_even_at_the_owner(facade: Facade, caller: Caller) -> None:
    path = "/v1/customers?connection=hubspot"
    with facade.calling() as stranger:
        refused = stranger.write("POST", path, {**plain(word()), "last_name": "Lee"})
        assert code_of(refused, 409) == "not-system-of-record"
        assert stranger.write("POST", path, plain(word())).status_code == 201
        refused = stranger.write("POST", path, {**plain(word()), "lifecycle_stage": "lead"})
        assert code_of(refused, 409) == "not-system-of-record"


def test_a_stale_version_is_reported_before_the_owner(facade: Facade, caller: Caller) -> None:
    made = caller.create("/v1/customers", plain(word()))
    path, stale = f"/v1/customers/{made['id']}", {"if-match": '"00000000000000000000000000000000"'}
    with facade.calling() as stranger:
        answer = expect(stranger.write("PATCH", path, {"last_name": "Lee"}, headers=stale), 412, "version-conflict")
        answer = stranger.write("PATCH", path, {"last_name": "Lee", "lifecycle_stage": "nonsense"})
        assert code_of(answer, 422) == "invalid-field"


def test_a_dry_run_shows_each_field_and_the_request(facade: Facade, caller: Caller) -> None:
    made = caller.create("/v1/customers", plain(word()))
    body = {"job_title": "Smith", "language": "de", "notes": "HubSpot has no place for them."}
    with facade.calling() as stranger:
        answer = stranger.patch(f"/v1/customers/{made['id']}?dry_run=true", json=body)
    assert answer.status_code == 200, answer.text
    verdicts = {one["pointer"]: one["verdict"] for one in answer.json()["fields"]}
    assert verdicts == {"/job_title": "skipped", "/notes": "lost", "/language": "written"}
    assert answer.json()["request"]["body"] == {"properties": {"hs_language": "de"}}
    assert [one["path"] for one in answer.json()["loss"]] == ["/notes"]


VALUES = {
    "company_name": ("Lee Ceramics", "Other"),
    "job_title": ("Potter", "Smith"),
    "last_name": ("Lee", "Bell"),
    "lifecycle_stage": ("lead", "customer"),
    "language": ("en", "de"),
    "phones": ([{"e164": "+441174960123"}], [{"raw": "+44 117 496 0123"}], [{"e164": "+441174960999"}]),
}


@hypothesis.settings(
    max_examples=40, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(
    sent=st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in VALUES.items()}),
    upserts=st.booleans(),
    is_writer=st.booleans(),
)
def test_the_verdict_of_a_dry_run_is_that_of_the_write(
    caller: Caller, second: Caller, strange: Caller, sent: dict[str, Any], upserts: bool, is_writer: bool
) -> None:
    mark = word()
    plain_values = {name: values[0] for name, values in VALUES.items() if name != "lifecycle_stage"}
    made = caller.create("/v1/customers", plain(mark) | plain_values)
    method, path = ("POST", "/v1/customers?upsert_on=email") if upserts else ("PATCH", f"/v1/customers/{made['id']}?")
    body = {**plain(mark), **sent} if upserts else sent
    writer = second if is_writer else strange
    foreseen = expect(writer.request(method, f"{path}&dry_run=true", json=body)).json()
    fields = {one["pointer"][1:]: one["verdict"] for one in foreseen["fields"]}
    # An upsert keeps the number that the record has: the one that it has no place for is lost by itself.
    verdicts = {name: verdict for name, verdict in fields.items() if "/" not in name}
    assert verdicts.keys() == body.keys()
    written = writer.write(method, path, body)
    if "refused" in verdicts.values():
        assert code_of(written, 409) == foreseen["problem"]["code"]
        assert {one["pointer"][1:] for one in written.json()["errors"]} == {
            name for name, verdict in verdicts.items() if verdict == "refused"
        }
        assert caller.get(f"/v1/customers/{made['id']}").json()["job_title"] == made["job_title"]
        return
    assert {pointer[1:] for pointer in skipped(written)} == {
        name for name, verdict in verdicts.items() if verdict == "skipped"
    }
    for name, verdict in verdicts.items():
        if isinstance(sent.get(name), str):
            assert written.json()[name] == (sent[name] if verdict == "written" else made[name])


def test_callers_read_who_owns_what(caller: Caller) -> None:
    rules = caller.get("/v1/ownership/customer").json()
    assert (rules["object"], rules["owner"]) == ("customer", "other-hubspot")
    assert rules["fields"]["job_title"] == {
        "owner": "other-hubspot",
        "writers": ["key:everything", "key:second", "shopify"],
        "freshness_seconds": 900,
        "anyone_else": "skip",
        "among_writers": "newest",
        "team": "Revenue operations",
    }
    assert rules["fields"]["tags"]["anyone_else"] is None
    assert caller.get("/v1/ownership/ticket").json()["fields"]["comments"]["owner"] == "zendesk"
    assert code_of(caller.get("/v1/ownership/invoice"), 404) == "not-found"


def test_a_read_includes_the_owners(caller: Caller) -> None:
    made = caller.create("/v1/customers", plain(word()))
    plainly, with_owners = (caller.get(f"/v1/customers/{made['id']}{query}") for query in ("", "?include=owners,raw"))
    assert with_owners.json()["meta"]["owners"] == caller.get("/v1/ownership/customer").json()["fields"]
    assert "raw" in with_owners.json()
    assert "owners" not in plainly.json()["meta"]
    assert plainly.headers["etag"] != with_owners.headers["etag"]


def test_contracts_name_the_configured_owners_and_contacts(caller: Caller, facade: Facade) -> None:
    contract = caller.get("/v1/contracts/customer").json()["contract"]
    assert contract["owner"]["team"] == "Revenue operations"
    assert contract["owner"]["system"] == "other-hubspot"
    groups = {(one["team"], one["system"]): one["fields"] for one in contract["field_owners"]}
    assert groups["Service", "other-hubspot"] == ["first_name"]
    assert groups["Revenue operations", "hubspot"] == ["lifecycle_stage"]
    assert contract["incidents"]["contact"] == "crm-duty@example.com"
    assert [one["means"] for one in contract["incidents"]["severities"]] == ["Customers are written twice."]
    order = caller.get("/v1/contracts/order").json()["contract"]
    assert (order["owner"]["system"], order["owner"]["team"], order["incidents"]["contact"]) == ("shopify", None, None)
    output = facade.lockstitch("contract", "show", "customer").stdout
    assert "crm-duty@example.com" in output
    assert "Service" in output


def test_the_command_explains_what_happens_to_a_change(facade: Facade) -> None:
    output = facade.lockstitch("ownership", "explain", "customer", "job_title", "--writer", "key:other")
    assert output.returncode == 0, output.stderr
    assert "skipped at" in output.stdout
    as_json = facade.lockstitch("ownership", "explain", "customer", "--writer", "key:second", "--json")
    changes = {name: one["changes"]["hubspot"] for name, one in json.loads(as_json.stdout).items()}
    assert changes["company_name"] == "written, unless fill_empty skips it"
    assert changes["first_name"] == "review"
    assert changes["lifecycle_stage"] == "refused"
    assert changes["tags"] == "written"
    at = json.loads(as_json.stdout)["first_name"]["changes"].keys()
    assert {"hubspot", "shopify", "zendesk"} <= at
    assert not at & {"gateway", "chat", "woo"}, "they only receive webhooks"
    for wrong in (("invoice",), ("customer", "jobtitle"), ("customer", "--writer", "nobody")):
        assert facade.lockstitch("ownership", "explain", *wrong).returncode == 2
