"""Production's data in staging: once it is adopted, every template runs in a real n8n, and no vendor is sent a
credential of production.

Run by real.py; it is no part of the ordinary suite, which is why its name does not begin with `test_`.
"""

import asyncio
import base64
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
from lockstitch_dev import Dev, free_port, running_dev
from n8n_cli import CREDENTIAL_NAME, CREDENTIAL_TYPE, SECRET_NAME, FreshN8n
from n8n_editor import Editor
from n8n_server import ServingN8n, serving
from real_calls import CUSTOMERS, TICKET, load, place_order
from real_events import ALARM, CRM, POLL, WAIT, eventually, with_item

from app.postgres.embedded import EmbeddedPostgres
from tests.open_folder import open_folder
from tests.peers.losing import losing

VENDORS = {"hubspot": "", "shopify": 'grant = "authorization_code"', "zendesk": ""}
CONNECTION = """
[connections.{name}]
vendor = "{name}"
base_url = "{url}/{name}"
credentials = {{ client_id = "env:{variable}", client_secret = "vault:{name}" }}
{more}
"""
HOOKS = '\nwebhook_secrets = ["env:LOCKSTITCH_DEV_SHOPIFY_WEBHOOK_SECRET"]'
GOOD_ENDS = {CUSTOMERS: "Saved", TICKET: "Opened", WAIT: "Outcome", CRM: "Saved", POLL: "Saved"}
Environment = dict[str, str]


def test_no_vendor_is_sent_a_credential_of_production() -> None:
    emulators, port = free_port(), free_port()
    keys = [f"{id}:{base64.b64encode(id.encode() * 16).decode()}" for id in ("k1", "s1")]
    with ExitStack() as stack:
        folder = open_folder("lockstitch-adopted-")
        stack.callback(shutil.rmtree, folder)
        url = stack.enter_context(EmbeddedPostgres(folder / "postgres").running(folder / "postgres.log"))
        vendors = stack.enter_context(losing(f"http://127.0.0.1:{emulators}"))

        def sent(secret: str, since: int = 0) -> bool:
            return any(secret in request for request in vendors.heard[since:])

        shared = configured(folder, vendors.url) | {
            "LOCKSTITCH_EMULATORS_PORT": str(emulators),
            "LOCKSTITCH_EGRESS_ALLOW": f"127.0.0.1/32:{port}",
        }
        production = shared | of("prod", url, keys[0])
        with running_dev(**production) as dev:
            secrets = connected(production, dev, "{}-dev-client-secret-2")
            subscribed(dev, port)
            dev.create("/v1/customers", {"emails": [{"address": "before@example.com"}]}, connection="shopify")
            place_order(dev)
            dev.operate("/ops/connections/hubspot/pause", {"note": "copying"})
            # It is left to wait for HubSpot.
            dev.create("/v1/customers", {"emails": [{"address": "late@example.com"}]}, connection="shopify")
        assert [secret for secret in secrets if sent(secret)]

        staging = shared | of("staging", copied(url), f"{keys[1]},{keys[0]}")
        with pytest.raises(RuntimeError, match="belongs to the environment prod"), running_dev(**staging):
            pass
        lockstitch(staging, "environment", "adopt")
        lockstitch(staging, "secrets", "rotate-key")
        staging["LOCKSTITCH_ENCRYPTION_KEYS"] = keys[1]
        before = len(vendors.heard)
        dev = stack.enter_context(running_dev(**staging))
        own = connected(staging, dev, "{}-dev-client-secret")
        cli = stack.enter_context(FreshN8n(Path(sys.argv[1]), free_port(), port))
        n8n = stack.enter_context(serving(cli, port))
        ids = set_up(n8n, dev, port)
        quiet = len(vendors.heard)
        run_the_templates(cli, n8n, dev, ids)
        assert vendors.heard[quiet:] == []  # every connection waits for an operator

        for name in VENDORS:
            lockstitch(staging, "connections", "resume", name)
        place_order(dev)  # the template's #1001, or the next one
        run_the_templates(cli, n8n, dev, ids)
        for name, node in GOOD_ENDS.items():
            n8n.wait_for(ids[name], lambda seen, node=node: bool(with_item(seen, node, ok=True)))  # type: ignore[misc]
        assert not [secret for secret in secrets if sent(secret, before)]
        assert [vendor for vendor in VENDORS if any(sent(one, quiet) for one in own if vendor in one)] == [*VENDORS]


def configured(folder: Path, vendors_url: str) -> Environment:
    """The connections, for both; their secrets are in the vault."""
    text = "".join(
        CONNECTION.format(name=name, url=vendors_url, variable=f"{name.upper()}_CLIENT", more=more)
        for name, more in VENDORS.items()
    )
    (folder / "lockstitch.toml").write_text(text.replace(VENDORS["shopify"], VENDORS["shopify"] + HOOKS))
    clients = {f"{name.upper()}_CLIENT": f"{name}-dev-client" for name in VENDORS}
    return {"LOCKSTITCH_CONFIG": str(folder / "lockstitch.toml"), **clients}


def of(name: str, database_url: str, keys: str) -> Environment:
    named = {"ENVIRONMENT": name, "DATABASE_URL": database_url, "ENCRYPTION_KEYS": keys}
    return {f"LOCKSTITCH_{variable}": value for variable, value in named.items()}


def command(environment: Environment, *arguments: str) -> dict[str, Any]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("LOCKSTITCH_")}
    program = Path(sys.executable).with_name("lockstitch")
    return {"args": [program, *arguments], "env": own | environment, "text": True, "stdout": subprocess.PIPE}


def lockstitch(environment: Environment, *arguments: str, text: str = "") -> None:
    subprocess.run(**command(environment, *arguments), input=text, check=True)


def connected(environment: Environment, dev: Dev, client_secret: str) -> list[str]:
    """Set the client secrets and connect, by pasting what each vendor sends the browser to; all secrets there are."""
    secrets = {name: client_secret.format(name) for name in VENDORS}
    for name, secret in secrets.items():
        lockstitch(environment, "secrets", "set", name, text=secret)
        with subprocess.Popen(**command(environment, "connect", name, "--paste"), stdin=subprocess.PIPE) as shell:
            page = next(line.strip() for line in shell.stdout or () if line.startswith("http"))
            said, _ = shell.communicate(httpx.get(page).headers["location"] + "\n", timeout=60)
        assert f"{name} is connected." in said
    issued = [httpx.get(f"{dev.emulators}/_emulator/tokens?vendor={name}").json() for name in VENDORS]
    assert all(issued)
    return [*secrets.values(), *(token for tokens in issued for token in tokens)]


def copied(database_url: str) -> str:
    """The URL of a copy of the database."""

    async def copy() -> None:
        connection = await asyncpg.connect(urlsplit(database_url)._replace(path="/postgres").geturl())
        await connection.execute("CREATE DATABASE staging TEMPLATE lockstitch")
        await connection.close()

    asyncio.run(copy())
    return urlsplit(database_url)._replace(path="/staging").geturl()


def subscribed(dev: Dev, port: int) -> str:
    """Subscribe the webhook template; the secret."""
    url = f"http://127.0.0.1:{port}/webhook/lockstitch-customer-changed"
    wanted = {"target_url": url, "events": ["customer.*"], "connection": "shopify"}
    return str(dev.create("/v1/subscriptions", wanted)["secret"])


def set_up(n8n: ServingN8n, dev: Dev, port: int) -> dict[str, str]:
    """Import every template, and publish those that something starts; their ids."""
    secret = f'={{{{ "{subscribed(dev, port)}".slice(6).base64Decode() }}}}'
    keys = {CREDENTIAL_NAME: dev.key, "Lockstitch operator key": dev.ops_key}
    ids = {}
    with Editor(n8n.url) as editor:
        stored = {SECRET_NAME: editor.add_credential(SECRET_NAME, "crypto", {"hmacSecret": secret})}
        for name, key in keys.items():
            header = {"name": "Authorization", "value": f"Bearer {key}"}
            stored[name] = editor.add_credential(name, CREDENTIAL_TYPE, header)
        for name in (*GOOD_ENDS, ALARM):
            workflow = load(name, base_url=dev.api, shop="shopify")
            for node in workflow["nodes"]:
                for given in node.get("credentials", {}).values():
                    given |= stored[given["name"]]
                if node["type"] == "n8n-nodes-base.scheduleTrigger":
                    node["parameters"]["rule"] = {"interval": [{"field": "seconds", "secondsInterval": 10}]}
            ids[name] = editor.import_file(workflow)
        for name in (CRM, ALARM, POLL):
            editor.publish(ids[name])
    return ids


def run_the_templates(cli: FreshN8n, n8n: ServingN8n, dev: Dev, ids: Mapping[str, str]) -> None:
    """Place customers for the webhook, start the manual ones, and wait for the scheduled ones."""
    past = {name: len(n8n.executions(ids[name])) for name in (POLL, ALARM)}
    for _ in range(3):  # the first ids of staging's account are those of customers in production's
        dev.place("shopify", "Customer", {"defaultEmailAddress": {"emailAddress": f"{free_port()}@example.com"}})
    for name in (CUSTOMERS, TICKET, WAIT):
        cli.begin(ids[name], free_port())
    for name, count in past.items():
        eventually(lambda name=name, count=count: len(n8n.executions(ids[name])) > count)  # type: ignore[misc]
