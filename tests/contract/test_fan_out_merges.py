"""What a consumer says of its copies: an unchanged one calls nobody, logins follow if asked, and too many removals stop
it."""

import json
from typing import Final

from tests.contract.callers import Caller, expect
from tests.contract.copying import buyer
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.fan_outs import at, at_remote, change, settle
from tests.contract.own_facade import own_facade
from tests.contract.samples import word
from tests.contract.vendor_samples import all_vendors
from tests.contract.waiting import until

CONSUMERS: Final = """
[ownership.customers]
owner = "other-zendesk"

[ownership.customers.fields]
job_title = { owner = "hubspot" }

[[consumers]]
object = "customers"
connection = "freshdesk"
sources = ["hubspot"]
logins = "follow"

[[consumers]]
object = "customers"
connection = "zendesk"
sources = ["shopify"]
"""

running_facade, full_key = own_facade(all_vendors, "staff", more=CONSUMERS)


def paused(caller: Caller, consumer: str) -> bool:
    consumer_view = {one["name"]: one for one in caller.get("/ops/consumers").json()["data"]}[consumer]
    assert (consumer_view["next_step"] is not None) == (consumer_view["paused_at"] is not None)
    return consumer_view["paused_at"] is not None


def test_a_leg_without_news_does_not_call_the_consumer(facade: Facade, caller: Caller, vendors: Emulators) -> None:
    """A value changes and changes back while the consumer is paused."""
    made = buyer(caller, "hubspot")
    settle(facade)
    assert caller.post("/ops/connections/freshdesk/pause", json={"note": "a test"}).status_code == 200
    change(caller, made, first_name="Ines")
    change(caller, made, first_name="Ada")
    calls = len(vendors.calls("freshdesk"))
    assert caller.post("/ops/connections/freshdesk/resume").status_code == 200
    settle(facade)
    assert vendors.calls("freshdesk")[calls:] == []
    facts = [
        json.loads(one["facts"]) for one in facade.sql("SELECT facts FROM audit_event WHERE type = 'fan_out.skipped'")
    ]
    assert "nothing has changed since the last copy" in [one["because"] for one in facts]


def test_a_leg_without_news_mends_what_the_source_owns(facade: Facade, caller: Caller) -> None:
    made = buyer(caller, "hubspot", job_title="Potter")
    settle(facade)
    there = at_remote(facade, made, "freshdesk")
    caller.write("PATCH", f"/v1/customers/freshdesk-staff:{there}", {"job_title": "Weaver"})
    assert at(caller, made, "freshdesk")["job_title"] == "Weaver"
    change(caller, made, first_name="Ines")
    settle(facade)
    assert (at(caller, made, "freshdesk")["job_title"], at(caller, made, "freshdesk")["display_name"][:4]) == (
        "Potter",
        "Ines",
    )


def test_logins_follow_where_the_consumer_says_so(facade: Facade, caller: Caller) -> None:
    made = buyer(caller, "hubspot")
    settle(facade)
    new = f"{word()}@example.com"
    change(caller, made, emails=[{"address": new}])
    settle(facade)
    assert [one["address"] for one in at(caller, made, "freshdesk")["emails"]] == [new]


def test_removals_that_were_refused_do_not_count(facade: Facade, caller: Caller, vendors: Emulators) -> None:
    first, second = (buyer(caller, tags=[f"tag-{number}" for number in range(12)]) for _ in range(2))
    settle(facade)
    vendors.break_("zendesk", "status", status=422, method="PUT", times=1)
    change(caller, first, tags=[])
    settle(facade)
    assert len(at(caller, first, "zendesk")["tags"]) == 12
    change(caller, second, tags=[])
    until(lambda: at(caller, second, "zendesk")["tags"] == [] or paused(caller, "customers:zendesk"))
    assert paused(caller, "customers:zendesk") is False
    facade.sql("DELETE FROM copy_removal")  # the next test counts from zero


def test_too_many_removals_stop_a_consumer_until_it_is_resumed(facade: Facade, caller: Caller) -> None:
    tags = [f"tag-{number}" for number in range(12)]
    first, second, third = (buyer(caller, tags=tags) for _ in range(3))
    settle(facade)
    change(caller, first, tags=[])
    settle(facade)
    assert at(caller, first, "zendesk")["tags"] == []
    assert paused(caller, "customers:zendesk") is False

    change(caller, second, tags=[])
    until(lambda: paused(caller, "customers:zendesk"))
    change(caller, third, first_name="Ines")
    until(lambda: facade.sql("SELECT 1 FROM job WHERE kind = 'fan_out' AND state = 'ready' AND deferred > 0"))
    assert len(at(caller, second, "zendesk")["tags"]) == 12
    assert "Ada" in at(caller, third, "zendesk")["display_name"]
    alarm = "The consumer customers:zendesk is stopped: its copies would have removed more than 20 values"
    until(lambda: alarm in facade.worker.log)
    assert "lockstitch consumers resume customers:zendesk" in facade.lockstitch("doctor").stdout
    assert "customers:zendesk" in facade.lockstitch("consumers", "list").stdout

    done = facade.lockstitch("consumers", "resume", "customers:zendesk")
    assert done.returncode == 0, done.stderr
    facade.sql("UPDATE job SET run_at = now() WHERE kind = 'fan_out'")
    settle(facade)
    assert at(caller, second, "zendesk")["tags"] == []
    assert "Ines" in at(caller, third, "zendesk")["display_name"]
    change(caller, third, tags=[])
    settle(facade)
    assert at(caller, third, "zendesk")["tags"] == []
    assert paused(caller, "customers:zendesk") is False
    audited = [one["type"] for one in caller.get("/ops/audit?record=customers:zendesk").json()["data"]]
    assert sorted(audited) == ["consumer.paused", "consumer.resumed"]


def test_an_unknown_consumer_is_named(caller: Caller) -> None:
    answer = expect(caller.post("/ops/consumers/customers:nowhere/resume"), 404, "not-found").json()
    assert "customers:zendesk" in answer["detail"]
