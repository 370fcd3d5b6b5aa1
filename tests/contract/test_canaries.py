"""Plant secrets and personal data in requests, webhooks, exports, edited dead letters and vendors' answers. No log
line, span, metric, problem, alarm, audit event or run contains them, and the tables store them encrypted."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import pytest

from tests.contract.callers import Caller, new_key
from tests.contract.exports import LEGACY
from tests.contract.facade import SECRETS, VENDORS, Facade
from tests.contract.otlp import ALL_SIGNALS, Collector
from tests.contract.personal_data import ALERTS, plant_in_a_dead_webhook, plant_in_exports, plant_in_redrives
from tests.contract.samples import customer, ticket, word
from tests.contract.waiting import until
from tests.contract.webhook_connections import WEBHOOK_SECRETS
from tests.contract.webhook_senders import WebhookEndpoint, contact_event, gateway, hubspot, shopify, zendesk
from tests.emulators.receiver import Receiver

NAME: Final = f"Zo{word()}"
MARK: Final = word()
EMAIL: Final = f"{MARK}@example.com"
PHONE: Final = "+49301234567"
PERSONAL: Final = {"e-mail": MARK, "phone": PHONE[1:], "name": NAME}

CALLBACK_TOKEN: Final = word()
TARGET_TOKEN: Final = word()
NO_KEY: Final = f"lsk_{word()}{word()}{word()}"[:47]
ALARM_TOKEN: Final = word()
SIGN_TOKEN: Final = word()
PLANTED: Final = {
    "a callback's token": CALLBACK_TOKEN,
    "a target's token": TARGET_TOKEN,
    "a key that is none": NO_KEY,
    "the address of alarms": ALARM_TOKEN,
    "the address of signs of life": SIGN_TOKEN,
}


class Left(NamedTuple):
    """All that the processes have left behind, by where."""

    traces: str
    logs: str
    metrics: str
    problems: str
    alarms: str
    audit: str
    runs: str
    tables: str
    secrets: dict[str, str]


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Left]:
    """A traced Lockstitch of its own, after everything was planted in it and has come to its end."""
    collector, receiver, person = Collector(), Receiver(), Receiver()
    person.statuses = [500, 302]  # the first alarms do not arrive
    environment: dict[str, Any] = {
        "LOCKSTITCH_EGRESS_ALLOW": f"127.0.0.1/32:{receiver.port}",
        "LOCKSTITCH_LOG_LEVEL": "debug",
        "ALARM_URL": f"http://127.0.0.1:{person.port}/alarm/{ALARM_TOKEN}",
        "SIGN_URL": f"http://127.0.0.1:{person.port}/sign/{SIGN_TOKEN}",
        **collector.environment,
        **ALL_SIGNALS,
    }
    facade = Facade(tmp_path_factory.mktemp("canaries"), module_database_url, more=LEGACY + ALERTS, **environment)
    problems: list[str] = []
    try:
        facade.start()
        made = facade.make_key(name="canaries")
        with Caller(facade.api.url, made.secret) as caller:
            caller.event_hooks["response"].append(lambda response: keep(problems, response))
            secrets = plant(facade, caller, receiver, problems)
            let_it_work(facade)
            let_it_alarm(person)
            metrics = caller.get("/metrics").text
            with Caller(facade.worker.url, made.secret) as scraping:
                metrics += scraping.get("/metrics").text
    finally:
        facade.stop()
        receiver.close()
        person.close()
    yield Left(
        traces=b"".join(collector.bodies).decode("latin-1"),
        logs=facade.api.log + facade.worker.log,
        metrics=metrics,
        problems="\n".join(problems),
        alarms="\n".join(one.body.decode() for one in person.got),
        audit=rows(facade, "audit_event"),
        runs=rows(facade, "run_entry"),
        tables="".join(rows(facade, table) for table in tables(facade)),
        secrets=secrets | {"an API key": made.secret, **PLANTED},
    )
    collector.close()


def keep(problems: list[str], response: Any) -> None:
    response.read()
    if response.is_error and "json" in response.headers.get("content-type", ""):
        problems.append(response.text)


def plant(facade: Facade, caller: Caller, receiver: Receiver, problems: list[str]) -> dict[str, str]:
    """People and secrets wherever they may be sent, and where they do not belong; the secrets that came to be."""
    subscription = caller.post(
        "/v1/subscriptions",
        json={"target_url": f"http://127.0.0.1:{receiver.port}/hook/{TARGET_TOKEN}", "events": ["*"]},
    )
    assert subscription.status_code == 201, subscription.text
    receiver.statuses = [500, 400, 302]
    plant_in_writes(facade, caller, receiver)
    plant_in_refusals(caller, problems)
    plant_in_webhooks(facade, problems)
    plant_in_redrives(caller, plant_in_exports(caller, NAME, EMAIL, PHONE), NAME, EMAIL)
    plant_in_a_dead_webhook(facade, caller, MARK, NAME, EMAIL)
    caller.get("/v1/customers", params={"connection": "refused", "email": EMAIL})  # which pauses it
    return {
        "a subscription's secret": subscription.json()["secret"],
        **{f"the credential {name}": secret for name, secret in SECRETS.items() if name.endswith("TOKEN")},
        **{f"the webhook secret of {name}": secret for name, secret in WEBHOOK_SECRETS.items()},
        "the database": facade.database_url.partition("?")[0],
    }


def plant_in_writes(facade: Facade, caller: Caller, receiver: Receiver) -> None:
    callback = {"lockstitch-callback": f"http://127.0.0.1:{receiver.port}/wait/{CALLBACK_TOKEN}"}
    for vendor in VENDORS:
        named = {"display_name": NAME} if vendor == "zendesk" else {"first_name": "Ada", "last_name": NAME}
        body = customer(vendor, MARK) | named | {"phones": [{"e164": PHONE}]}
        path = f"/v1/customers?connection={vendor}"
        caller.write("POST", path, body, headers=callback)
        caller.write("POST", path, body, headers={"prefer": "respond-async"})  # which the vendor refuses as a duplicate
        caller.write("POST", path, body)
        caller.get("/v1/customers", params={"connection": vendor, "email": EMAIL})
        facade.vendors.break_(vendor, "html_body", times=1)
        caller.write("POST", path, customer(vendor, f"{MARK}a"), headers=callback)
        for status in (400, 503):
            facade.vendors.break_(vendor, "status", times=1, status=status)
            caller.write("POST", path, customer(vendor, f"{MARK}{status}"), headers=callback)
    caller.write("POST", "/v1/tickets", ticket("zendesk", MARK))
    facade.vendors.mend()


def plant_in_refusals(caller: Caller, problems: list[str]) -> None:
    path = "/v1/customers"
    caller.write("POST", path, {"emails": [{"address": f"{EMAIL} {EMAIL}"}], "first_name": 1, "last_name": NAME})
    caller.write("POST", path, {"phones": [{"e164": f"{PHONE}x"}], "lifecycle_stage": EMAIL, "first_name": NAME})
    caller.write("POST", path, {"lifecycle_stage": NAME})
    for identifier in (EMAIL, f"hubspot:{EMAIL}", PHONE):
        caller.get(f"{path}/{identifier}")
    caller.request(
        "POST",
        path,
        content=f'{{"first_name": "{NAME}", "emails": [{{"address": "{EMAIL}"}}'.encode(),
        headers={"idempotency-key": new_key(), "content-type": "application/json"},
    )
    for name in ("email", "external_id", "cursor", "limit", "updated_since", "status"):
        caller.get(path, params={name: EMAIL})
    caller.get(path, headers={"x-correlation-id": f"not usable {EMAIL}"})
    caller.get(path, headers={"traceparent": EMAIL, "accept": EMAIL})
    caller.get("/ops/audit", params={"type": EMAIL, "since": EMAIL})
    caller.get("/ops/audit/verify", params={"anchor": EMAIL})
    caller.get("/ops/dead-letters", params={"category": EMAIL})
    caller.post("/v1/subscriptions", json={"target_url": f"https://127.0.0.1/{TARGET_TOKEN}", "events": ["*"]})
    caller.post("/v1/subscriptions", json={"target_url": f"ftp://{TARGET_TOKEN}", "events": [EMAIL]})
    callback = {"lockstitch-callback": f"http://10.0.0.1/{CALLBACK_TOKEN}"}
    caller.write("POST", path, customer("hubspot", MARK), headers=callback)
    with Caller(caller.url, NO_KEY) as stranger:
        keep(problems, stranger.get(path, params={"email": EMAIL}))


def plant_in_webhooks(facade: Facade, problems: list[str]) -> None:
    endpoints = {
        name: WebhookEndpoint(facade, name) for name in ("hubspot", "shopify", "zendesk", "gateway", "nobody-at-home")
    }
    event = contact_event(propertyValue=EMAIL)
    person = json.dumps({"id": 77, "email": EMAIL, "phone": PHONE, "last_name": NAME}).encode()
    first, changed = (hubspot(endpoints["hubspot"].url, one) for one in (event, event | {"propertyValue": NAME}))
    for name, case in (
        *(("hubspot", first), ("hubspot", changed), ("shopify", shopify(body=person)), ("gateway", gateway())),
        ("hubspot", first.with_header("x-hubspot-signature-v3", EMAIL.encode())),
        ("shopify", shopify(body=person[:-1])),
        ("zendesk", zendesk().with_header("x-zendesk-webhook-signature", EMAIL.encode())),
        ("nobody-at-home", shopify(body=person)),
    ):
        keep(problems, endpoints[name].send(case))


def let_it_work(facade: Facade) -> None:
    """Until no job is ready any more; those that wait for another attempt have had one."""
    ready = "SELECT FROM job WHERE state = 'running' OR (state = 'ready' AND run_at <= now())"
    until(lambda: facade.sql(ready), lambda jobs: not jobs)
    assert facade.sql("SELECT FROM attempt WHERE outcome <> 'done'")
    until(lambda: facade.sql("SELECT FROM run_entry WHERE kind = 'vendor_call'"))


def let_it_alarm(person: Receiver) -> None:
    """Wait for the alarms about dead letters and a paused connection, after the first attempts failed."""
    until(lambda: len(person.got), lambda received: received >= 4)
    assert {json.loads(one.body)["alarm"] for one in person.got} >= {"dead_letters", "connection_paused.refused"}


def tables(facade: Facade) -> list[str]:
    tables_in_use = facade.sql(
        "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    return sorted(row["relname"] for row in tables_in_use)


def rows(facade: Facade, table: str) -> str:
    """Every row as text; bytes as they are, so that what is not sealed can be read."""
    records = facade.sql(f"SELECT * FROM {table}")  # noqa: S608 - a name from the catalogue
    return "\n".join(f"{table} {name}: {as_text(value)}" for row in records for name, value in row.items())


def as_text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


PLACES: Final = ("traces", "logs", "metrics", "problems", "alarms", "audit", "runs", "tables")


@pytest.mark.parametrize("place", PLACES)
def test_there_is_something_to_look_through(left: Left, place: str) -> None:
    assert len(getattr(left, place)) > 1_000


def test_much_was_refused_in_many_ways(left: Left) -> None:
    codes = {json.loads(line)["code"] for line in left.problems.splitlines()}
    assert codes >= {
        *("duplicate-record", "vendor-rejected", "invalid-field", "malformed-body", "not-found", "not-acceptable"),
        *("invalid-correlation-id", "unauthenticated", "invalid-signature"),
    }, codes


@pytest.mark.parametrize("place", PLACES)
def test_no_personal_data_is_left(left: Left, place: str) -> None:
    text: str = getattr(left, place)
    assert {what: around(text, canary) for what, canary in PERSONAL.items() if canary in text} == {}


@pytest.mark.parametrize("place", PLACES)
def test_no_secret_is_left(left: Left, place: str) -> None:
    text: str = getattr(left, place)
    assert {what: around(text, secret) for what, secret in left.secrets.items() if secret in text} == {}


def around(text: str, canary: str) -> list[str]:
    """Return the places where it was found."""
    return sorted({text[max(0, at.start() - 90) : at.start()] for at in re.finditer(re.escape(canary), text)})[:5]
