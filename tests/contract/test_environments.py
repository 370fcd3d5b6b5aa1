"""Environments: keys, telemetry and the audit trail name theirs, and a copied database waits for its adoption."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest

from app.api_keys.store import generate_secret
from app.credentials.store import PostgresCredentials
from app.postgres.database import Database
from tests.commands import exits, lockstitch
from tests.contract.callers import Caller, code_of, expect
from tests.contract.emulators import Vendor
from tests.contract.facade import SECRETS, Facade
from tests.contract.otlp import Collector
from tests.contract.own_facade import own_key
from tests.contract.processes import NO_TLS, ROOT
from tests.contract.samples import customer, order, ticket
from tests.contract.subscribers import SubscriberServer
from tests.contract.waiting import until
from tests.contract.webhook_senders import WebhookEndpoint, hubspot
from tests.encryption import SEALER
from tests.fixtures import opened

VENDORS: tuple[Vendor, ...] = ("hubspot", "shopify", "zendesk")
OF_STAGING = dict.fromkeys(("HUBSPOT_TOKEN", "SHOPIFY_TOKEN", "ZENDESK_TOKEN"), SECRETS["WRONG_TOKEN"])
"""Staging's own credentials, which these vendors refuse. A call that they answer used production's."""


SINCE = "2026-01-01T00:00:00Z"


collector = opened(lambda: closing(Collector()), "module")
"""A trace collector."""


@pytest.fixture(scope="module")
def running_facade(
    tmp_path_factory: pytest.TempPathFactory, module_database_url: str, collector: Collector
) -> Iterator[Facade]:
    """Production, for the module."""
    folder = tmp_path_factory.mktemp("prod")
    facade = Facade(
        folder,
        module_database_url,
        LOCKSTITCH_ENVIRONMENT="prod",
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
    )
    with facade.running():
        yield facade


full_key = own_key()


def test_a_key_names_its_environment(facade: Facade) -> None:
    made = facade.make_key("customers:read")
    assert made.secret.startswith("lsk_prod_")
    with facade.calling(secret=made.secret) as caller:
        assert caller.get("/v1/me").status_code == 200


def test_a_key_of_another_environment_is_refused_by_name_and_audited(facade: Facade) -> None:
    with facade.another_api() as process:
        for _ in range(2):
            with Caller(process.url, generate_secret("staging")) as stranger:
                answer = stranger.get("/v1/me")
            assert code_of(answer, 401) == "unauthenticated"
            assert answer.json()["detail"] == "The API key belongs to the environment staging, and this is prod."
    (refused,) = facade.sql("SELECT subject, facts FROM audit_event WHERE type = 'api_key.refused'")
    assert refused["subject"] == "prod"
    assert json.loads(refused["facts"])["counts"] == {"staging": 2}


def test_an_invented_environment_of_a_key_is_not_looked_up(facade: Facade, anonymous: Caller) -> None:
    answer = anonymous.get("/v1/me", headers={"authorization": f"Bearer lsk_nowhere_{'x' * 42}"})
    assert answer.json()["detail"] == "The API key is unknown, expired or revoked."


def test_audit_logs_metrics_and_spans_name_the_environment(
    facade: Facade, caller: Caller, collector: Collector
) -> None:
    made = facade.make_key("customers:read")
    (event,) = caller.get(f"/ops/audit?record={made.id}").json()["data"]
    assert event["environment"] == "prod"
    target = next(line for line in caller.get("/metrics").text.splitlines() if line.startswith("target_info{"))
    assert 'deployment_environment_name="prod"' in target
    assert 'service_name="lockstitch-api"' in target
    with facade.another_api(LOCKSTITCH_LOG_LEVEL="debug") as process, Caller(process.url, made.secret) as one:
        one.get("/v1/customers/locked:1")
        one.get("/v1/customers?connection=locked&limit=1")
    lines = [json.loads(line) for line in process.log.splitlines() if line.startswith("{")]
    assert lines
    assert {line["deployment.environment.name"] for line in lines} == {"prod"}
    until(lambda: collector.bodies)
    assert all(b"deployment.environment.name" in body and b"prod" in body for body in collector.bodies)


def test_a_copy_of_production_starts_in_staging_only_once_it_is_adopted(tmp_path: Path, database_url: str) -> None:
    """The copy is the same database here: production has left it."""
    folder = tmp_path / "prod"
    folder.mkdir()
    subscribers = SubscriberServer()
    allowed = f"127.0.0.1/32:{subscribers.port}"
    production = Facade(folder, database_url, LOCKSTITCH_ENVIRONMENT="prod", LOCKSTITCH_EGRESS_ALLOW=allowed)
    in_the_vault = production.configuration.replace("env:HUBSPOT_TOKEN", "vault:hubspot")
    (folder / "lockstitch.toml").write_text(in_the_vault, encoding="utf-8")
    asyncio.run(_store_credential(database_url, "hubspot", SECRETS["HUBSPOT_TOKEN"]))
    try:
        with production.running():
            hook = subscribers.hook("production")
            secret = production.make_key(name="everything").secret
            with production.calling(secret=secret) as caller:
                answer = caller.post("/v1/subscriptions", json={"target_url": hook.url, "events": ["customer.*"]})
                assert answer.status_code == 201, answer.text
                caller.create("/v1/customers", customer("hubspot"))
                customer_id = caller.create("/v1/customers?connection=shopify", customer("shopify"))["id"]
                hook.received(1)
                approval = {"lockstitch-approval": "required"}
                assert caller.write("POST", "/v1/customers", customer("hubspot"), headers=approval).status_code == 202
                production.worker.stop()  # or it would find out what became of the write
                production.vendors.lose_reply("hubspot", method="POST", path="/crm/v3/objects/tickets")
                expect(caller.write("POST", "/v1/tickets?connection=hubspot", ticket("hubspot")), 202)
                assert caller.post("/ops/connections/hubspot/pause", json={"note": "copying"}).status_code == 200
                endpoint = WebhookEndpoint(production, "hubspot")
                assert endpoint.send(hubspot(endpoint.url)).status_code == 202
            production.api.stop()
            waiting = production.sql("SELECT id FROM job WHERE kind = 'ingest'")
            assert waiting
            calls = {vendor: len(production.vendors.calls(vendor)) for vendor in VENDORS}
            posts = len(hook.posts)

            for command in ("serve", "worker"):
                staging = production.process(command, LOCKSTITCH_ENVIRONMENT="staging", **OF_STAGING).environment
                refused = exits(lockstitch(command, environment=staging), 1)
                assert "belongs to the environment prod, and LOCKSTITCH_ENVIRONMENT is staging" in refused.stderr
                assert "lockstitch environment adopt" in refused.stderr
            for words in ("key list", "secrets list", "secrets status", "secrets rotate-key"):
                refused = lockstitch(*words.split(), environment=staging)
                assert (refused.returncode, "lockstitch environment adopt" in refused.stderr) == (1, True), words
            production.disconnect()

            done = json.loads(exits(lockstitch("environment", "adopt", "--json", environment=staging)).stdout)
            assert (done["from"], done["to"], done["subscriptions"], done["operations"]) == ("prod", "staging", 1, 1)
            assert (done["credentials"], done["api_keys"], done["approvals"]) == (1, 1, 1)
            assert done["jobs"] >= 1
            assert production.sql("SELECT id FROM job") == []
            assert "nothing to adopt" in lockstitch("environment", "adopt", environment=staging).stderr

            made = lockstitch("key", "create", "new", "--scope", "ops:read", "--scope", "ops:write", "--scope",
                              "customers:read", "--scope", "orders:read", "--scope", "tickets:read", "--scope",
                              "customers:write", "--scope", "orders:write", "--scope", "tickets:write", "--scope",
                              "events:read", environment=staging).stdout.strip()  # fmt: skip
            assert made.startswith("lsk_staging_")
            api = production.process("serve", LOCKSTITCH_ENVIRONMENT="staging", **OF_STAGING)
            worker = production.process("worker", LOCKSTITCH_ENVIRONMENT="staging", **OF_STAGING)
            api.start()
            worker.start()
            try:
                with Caller(api.url, secret) as before:
                    assert "environment prod" in before.get("/v1/me").json()["detail"]
                with Caller(api.url, made) as caller:
                    connections = {one["name"]: one for one in caller.get("/ops/connections").json()["data"]}
                    assert (connections["hubspot"]["state"], connections["hubspot"]["note"]) == (
                        "paused",
                        "the database was copied from prod",
                    )
                    assert code_of(caller.get("/v1/customers?connection=hubspot"), 503) == "connection-paused"
                    parked = caller.get("/ops/dead-letters?kind=ingest&limit=250").json()["data"]
                    assert {one["failure"]["reason"] for one in parked} == {"the database was copied from prod"}
                    run_templates(caller, customer_id)
                    assert {vendor: len(production.vendors.calls(vendor)) for vendor in VENDORS} == calls

                    # Resumed, the connections are called with staging's own credentials, or not at all.
                    for name, path in (("hubspot", "customers"), ("shopify", "orders"), ("zendesk", "tickets")):
                        assert caller.post(f"/ops/connections/{name}/resume").status_code == 200
                        answer = until(
                            partial(caller.get, f"/v1/{path}?connection={name}"),
                            lambda answer: "copied from" not in answer.json()["detail"],
                        )
                        assert answer.json()["category"] == "auth"
                    run_templates(caller, customer_id)
                    calls_before = len(production.vendors.calls("zendesk"))
                    assert caller.post("/ops/connections/zendesk/resume").status_code == 200
                    # The worker tries a write.
                    until(lambda: len(production.vendors.calls("zendesk")) > calls_before)
                    (event,) = caller.get("/ops/audit?type=environment.adopted").json()["data"]
                    assert (event["environment"], event["facts"]["from"]) == ("staging", "prod")
                new = {vendor: production.vendors.calls(vendor)[calls[vendor] :] for vendor in VENDORS}
                assert new["hubspot"] == []
                assert {call["status"] for vendor in VENDORS for call in new[vendor]} == {401}
                assert len(hook.posts) == posts
            finally:
                api.stop()
                worker.stop()
            assert lockstitch("audit", "verify", environment=staging).returncode == 0
    finally:
        subscribers.close()


def run_templates(caller: Caller, customer_id: str) -> None:
    """Make the calls of every n8n template. None may be refused for what it asks."""
    filled = {"crm": "hubspot", "source": "shopify", "desk": "zendesk", "order_number": "#1001"}
    bodies = {"customers": customer("hubspot"), "orders": order(), "tickets": ticket("zendesk")}
    bodies["copies"] = {"connection": "hubspot", "match_on": "email"}
    templates = [json.loads(path.read_bytes()) for path in (ROOT / "n8n-workflows").glob("*.json")]
    assert templates
    for template in templates:
        for call in (node["parameters"] for node in template["nodes"] if node["type"].endswith(".httpRequest")):
            target = call["url"].partition("base_url }}")[2].replace("{{ $json.data.id }}", customer_id)
            if "queryParameters" not in call or "{{" in target:  # to a chat, or by an id of an earlier call
                continue
            parameters = {one["name"]: one["value"] for one in call["queryParameters"]["parameters"]}
            for name, value in parameters.items():
                if name == "email":
                    parameters[name] = "ada@example.com"
                elif value.startswith("={{"):
                    parameters[name] = filled.get(value.rpartition(".json.")[2].removesuffix(" }}"), SINCE)
            url, body = f"{target}?{urlencode(parameters)}", bodies.get(target.rpartition("/")[2])
            if call["method"] == "GET":
                answer = caller.get(url)
            else:
                answer = caller.write(call["method"], url, body, headers={"prefer": "respond-async"})
            assert answer.status_code in (200, 202, 502, 503), answer.text


async def _store_credential(database_url: str, name: str, secret: str) -> None:
    database = await Database.connect(database_url, max_size=1)
    await PostgresCredentials(database, SEALER).set(name, secret.encode())
    await database.close()


def test_a_database_in_use_is_not_adopted(facade: Facade) -> None:
    staging = facade.process("serve", LOCKSTITCH_ENVIRONMENT="staging").environment
    refused = exits(lockstitch("environment", "adopt", environment=staging), 1)
    assert "Stop every `serve` and `worker`" in refused.stderr
    findings = json.loads(lockstitch("doctor", "--json", environment=staging).stdout)["findings"]
    (one,) = [one for one in findings if one["about"] == "database"]
    assert "belongs to the environment prod" in one["found"]
    assert one["mend"].endswith("only on a copy: lockstitch environment adopt")


def test_a_renamed_installation_keeps_its_keys(tmp_path: Path, database_url: str) -> None:
    """It was begun without a name, so it is `dev`."""
    facade = Facade(tmp_path, database_url)
    api = facade.api
    api.start()
    old = facade.make_key("customers:read").secret
    shell = api.environment
    assert "Stop every" in lockstitch("environment", "rename", "prod", environment=shell).stderr
    api.stop()
    facade.disconnect()
    assert "at most 31 characters" in lockstitch("environment", "rename", "Prod_1", environment=shell).stderr
    # The new name is set too early, and an adoption would drop the keys.
    early = lockstitch("serve", environment=shell | {"LOCKSTITCH_ENVIRONMENT": "prod"})
    assert "Never adopt the original: `lockstitch environment rename` renames it" in early.stderr
    same = lockstitch("environment", "rename", "dev", environment=shell)
    assert (same.returncode, "the database belongs to dev already" in same.stderr) == (1, True), same.stderr
    # A copy at staging is adopted, not renamed: it would keep production's credentials.
    copied = lockstitch("environment", "rename", "prod", environment=shell | {"LOCKSTITCH_ENVIRONMENT": "staging"})
    assert (copied.returncode, "environment adopt" in copied.stderr) == (1, True)
    assert lockstitch("environment", "rename", "prod", environment=shell).returncode == 0
    (event,) = facade.sql("SELECT subject, facts FROM audit_event WHERE type = 'environment.renamed'")
    assert (event["subject"], json.loads(event["facts"])) == ("prod", {"from": "dev"})
    facade.disconnect()

    refused = lockstitch("serve", environment=shell)
    assert "belongs to the environment prod, and LOCKSTITCH_ENVIRONMENT is dev" in refused.stderr
    # A new version may start before `lockstitch migrate`.
    (row,) = facade.sql("DELETE FROM schema_migration WHERE version = 1 RETURNING name, digest")
    prod = facade.process("serve", LOCKSTITCH_ENVIRONMENT="prod")
    prod._health = "/health/live"
    prod.start()
    facade.sql("INSERT INTO schema_migration (version, name, digest) VALUES (1, $1, $2)", row["name"], row["digest"])
    until(lambda: httpx.get(f"{prod.url}/health/ready", verify=NO_TLS).status_code, lambda status: status == 200)
    new = lockstitch("key", "create", "new", "--scope", "ops:read", environment=prod.environment).stdout.strip()
    assert new.startswith("lsk_prod_")
    for secret in (old, new):
        with Caller(prod.url, secret) as caller:
            assert caller.get("/v1/me").status_code == 200
    with Caller(prod.url, generate_secret("staging")) as stranger:
        assert "environment staging" in stranger.get("/v1/me").json()["detail"]
    prod.stop()
    facade.disconnect()

    # A copy of it has none of its names.
    staging = facade.process("serve", LOCKSTITCH_ENVIRONMENT="staging")
    assert lockstitch("environment", "adopt", environment=staging.environment).returncode == 0
    staging.start()
    with Caller(staging.url, old) as caller:
        assert "environment dev" in caller.get("/v1/me").json()["detail"]
    staging.stop()
    facade.stop()
