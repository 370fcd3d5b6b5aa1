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
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from lockstitch_dev import Dev, free_port, running_dev
from n8n_cli import CREDENTIAL_NAME, CREDENTIAL_TYPE, SECRET_NAME, FreshN8n
from n8n_editor import Editor
from n8n_server import ServingN8n, serving
from real_calls import CUSTOMERS, TICKET, load, place_order
from real_events import ALARM, CRM, WAIT, eventually, with_item
from real_schedules import SYNC

from app.postgres.embedded import EmbeddedPostgres
from tests.open_folder import open_folder
from tests.peers.losing import losing

VENDORS = ("hubspot", "shopify", "zendesk")
MORE = {
    "shopify": 'grant = "authorization_code"\nwebhook_secrets = ["env:LOCKSTITCH_DEV_SHOPIFY_WEBHOOK_SECRET"]\n',
}
CONNECTION = '[connections.{0}]\nvendor = "{0}"\nbase_url = "{1}/{0}"\n'
CREDENTIALS = 'credentials = {{ client_id = "env:{0}_CLIENT", client_secret = "vault:{0}" }}\n'
GOOD_ENDS = {CUSTOMERS: "Saved", TICKET: "Opened", WAIT: "Outcome", CRM: "Saved", SYNC: "Saved"}
KEYS = {id: f"{id}:{base64.b64encode(id.encode() * 16).decode()}" for id in ("k1", "s1")}


def test_no_vendor_is_sent_a_credential_of_production() -> None:
    emulators, port, folder = free_port(), free_port(), open_folder("lockstitch-adopted-")
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        url = stack.enter_context(EmbeddedPostgres(folder / "postgres").running(folder / "postgres.log"))
        vendors = stack.enter_context(losing(f"http://127.0.0.1:{emulators}"))

        def vendors_of(secrets: Iterable[str], since: int = 0) -> set[str]:
            """The vendors that were sent one of these; each secret begins with its vendor."""
            heard = "\n".join(vendors.heard[since:])
            return {secret.partition("-")[0] for secret in secrets if secret in heard}

        text = "".join(CONNECTION.format(v, vendors.url) + CREDENTIALS.format(v) + MORE.get(v, "") for v in VENDORS)
        (folder / "lockstitch.toml").write_text(text)
        environment = {f"{vendor}_CLIENT": f"{vendor}-dev-client" for vendor in VENDORS} | {
            "LOCKSTITCH_CONFIG": str(folder / "lockstitch.toml"),
            "LOCKSTITCH_EMULATORS_PORT": str(emulators),
            "LOCKSTITCH_EGRESS_ALLOW": f"127.0.0.1/32:{port}",
            "LOCKSTITCH_ENVIRONMENT": "prod",
            "LOCKSTITCH_DATABASE_URL": url,
            "LOCKSTITCH_ENCRYPTION_KEYS": KEYS["k1"],
        }
        with running_dev(**environment) as dev:
            secrets = connected(environment, dev, "{}-dev-client-secret-2")
            dev.create("/v1/customers", {"emails": [{"address": "before@example.com"}]}, connection="shopify")
            place_order(dev)
            assert vendors_of(secrets) == {*VENDORS}

        asyncio.run(copy(url))
        environment |= {
            "LOCKSTITCH_ENVIRONMENT": "staging",
            "LOCKSTITCH_DATABASE_URL": url.replace("/lockstitch?", "/staging?"),
            "LOCKSTITCH_ENCRYPTION_KEYS": f"{KEYS['s1']},{KEYS['k1']}",
        }
        lockstitch(environment, "environment", "adopt")
        lockstitch(environment, "secrets", "rotate-key")
        environment["LOCKSTITCH_ENCRYPTION_KEYS"] = KEYS["s1"]
        adopted = len(vendors.heard)
        dev = stack.enter_context(running_dev(**environment))
        own = connected(environment, dev, "{}-dev-client-secret")
        cli = stack.enter_context(FreshN8n(Path(sys.argv[1]), free_port(), port))
        n8n = stack.enter_context(serving(cli, port))
        ids = set_up(n8n, dev, port)
        paused = len(vendors.heard)
        run_the_templates(cli, n8n, dev, ids)
        assert vendors.heard[paused:] == []  # every connection waits for an operator

        for name in VENDORS:
            lockstitch(environment, "connections", "resume", name)
        place_order(dev)  # the template's #1001, or the next one
        run_the_templates(cli, n8n, dev, ids)
        for name, node in GOOD_ENDS.items():
            n8n.wait_for(ids[name], lambda executions, node=node: bool(with_item(executions, node, ok=True)))  # type: ignore[misc]
        assert vendors_of(secrets, adopted) == set()
        assert vendors_of(own, paused) == {*VENDORS}


async def copy(database_url: str) -> None:
    """Copy the database into another one, `staging`."""
    connection = await asyncpg.connect(database_url.replace("/lockstitch?", "/postgres?"))
    await connection.execute("CREATE DATABASE staging TEMPLATE lockstitch")
    await connection.close()


def command(environment: dict[str, str], *arguments: str) -> dict[str, Any]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("LOCKSTITCH_")}
    program = Path(sys.executable).with_name("lockstitch")
    return {"args": [program, *arguments], "env": own | environment, "text": True, "stdout": subprocess.PIPE}


def lockstitch(environment: dict[str, str], *arguments: str, text: str = "") -> None:
    subprocess.run(**command(environment, *arguments), input=text, check=True)


def connected(environment: dict[str, str], dev: Dev, client_secret: str) -> list[str]:
    """Set the client secrets and connect, by pasting what each vendor sends the browser to; all secrets there are."""
    secrets = []
    for vendor in VENDORS:
        lockstitch(environment, "secrets", "set", vendor, text=client_secret.format(vendor))
        with subprocess.Popen(**command(environment, "connect", vendor, "--paste"), stdin=subprocess.PIPE) as shell:
            page = next(line.strip() for line in shell.stdout or () if line.startswith("http"))
            output, _ = shell.communicate(httpx.get(page).headers["location"] + "\n", timeout=60)
        assert f"{vendor} is connected." in output
        issued = httpx.get(f"{dev.emulators}/_emulator/tokens?vendor={vendor}").json()
        secrets += [client_secret.format(vendor), *issued]
    return secrets


def set_up(n8n: ServingN8n, dev: Dev, port: int) -> dict[str, str]:
    """Import every template, and publish those that something starts; their ids."""
    hook = f"http://127.0.0.1:{port}/webhook/lockstitch-customer-changed"
    wanted = {"target_url": hook, "events": ["customer.*"], "connection": "shopify"}
    secret = f'={{{{ "{dev.create("/v1/subscriptions", wanted)["secret"]}".slice(6).base64Decode() }}}}'
    ids = {}
    with Editor(n8n.url) as editor:
        stored = {SECRET_NAME: editor.add_credential(SECRET_NAME, "crypto", {"hmacSecret": secret})}
        for name, key in ((CREDENTIAL_NAME, dev.key), ("Lockstitch operator key", dev.ops_key)):
            header = {"name": "Authorization", "value": f"Bearer {key}"}
            stored[name] = editor.add_credential(name, CREDENTIAL_TYPE, header)
        for name in (*GOOD_ENDS, ALARM):
            workflow = load(name, base_url=dev.api, source="shopify")
            for node in workflow["nodes"]:
                for credential in node.get("credentials", {}).values():
                    credential |= stored[credential["name"]]
                if node["type"] == "n8n-nodes-base.scheduleTrigger":
                    node["parameters"]["rule"] = {"interval": [{"field": "seconds", "secondsInterval": 10}]}
            ids[name] = editor.import_file(workflow)
        for name in (CRM, ALARM, SYNC):
            editor.publish(ids[name])
    return ids


def run_the_templates(cli: FreshN8n, n8n: ServingN8n, dev: Dev, ids: Mapping[str, str]) -> None:
    """Place customers for the webhook, start the manual ones, and wait for the scheduled ones."""
    past = {name: len(n8n.executions(ids[name])) for name in (SYNC, ALARM)}
    for _ in range(3):  # the first ids of staging's account are those of customers in production's
        dev.place("shopify", "Customer", {"defaultEmailAddress": {"emailAddress": f"{free_port()}@example.com"}})
    for name in (CUSTOMERS, TICKET, WAIT):
        cli.begin(ids[name], free_port())
    for name, count in past.items():
        eventually(lambda name=name, count=count: len(n8n.executions(ids[name])) > count)  # type: ignore[misc]
