"""Connections whose tokens are obtained, others with static secrets and logins, and where a secret could be left."""

import base64
import hmac
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

import httpx

from tests.contract.callers import Caller, new_key
from tests.contract.facade import Facade
from tests.contract.portal import Portal
from tests.contract.processes import NO_TLS

GRANTS: Final = {
    "crm-app": ("hubspot", "access = { customers = 'write' }"),
    "crm-reader": ("hubspot", "access = { customers = 'read' }"),
    "own-shop": ("shopify", "grant = 'client_credentials'"),
    "app-shop": ("shopify", "grant = 'authorization_code'"),
    "help": ("zendesk", ""),
    "lost-help": ("zendesk", ""),
    "pasted": ("zendesk", ""),
    "shaken": ("zendesk", ""),
    "unstored": ("zendesk", ""),
}
PASSWORD, SESSION, STATIC, SIGNING = (f"canary-{what}-{new_key()}" for what in ("login", "session", "key", "hook"))
VARIABLES: Final = {
    "STORE_PASSWORD": PASSWORD,
    "STORE_EMAIL": "ada@example.com",
    "STATIC_SECRET": STATIC,
    "SIGNING_SECRET": SIGNING,
    **{f"{vendor.upper()}_SECRET": f"{vendor}-dev-client-secret" for vendor, _ in GRANTS.values()},
    **{f"{vendor.upper()}_CLIENT": f"{vendor}-dev-client" for vendor, _ in GRANTS.values()},
}
"""The variables that the configuration refers to."""


def configuration(emulators: str, store: str) -> str:
    """The configuration of the connections, at the emulators and at a shop of any vendor."""
    more = "".join(
        f'\n[connections.{name}]\nvendor = "{vendor}"\nbase_url = "{emulators}/{vendor}"\n'
        f'credentials = {{ client_id = "env:{vendor.upper()}_CLIENT", '
        f'client_secret = "env:{vendor.upper()}_SECRET" }}\n'
        f"{settings}\n"
        for name, (vendor, settings) in GRANTS.items()
    )
    more += f'\n[connections.old-key]\nvendor = "hubspot"\nbase_url = "{emulators}/hubspot"\n'
    more += 'credentials = { token = "vault:old_key" }\n'
    more += f'\n[connections.store]\nvendor = "medusa"\nbase_url = "{store}"\n'
    more += 'credentials = { email = "env:STORE_EMAIL", password = "env:STORE_PASSWORD" }\n'
    more += f'\n[connections.stock]\nvendor = "woocommerce"\nbase_url = "{store}"\n'
    more += 'credentials = { consumer_key = "env:STORE_EMAIL", consumer_secret = "env:STATIC_SECRET" }\n'
    more += 'webhook_secrets = ["env:SIGNING_SECRET"]\n'
    return more


def use_static_secrets_and_logins(facade: Facade, caller: Caller, store: Portal) -> str:
    """Use a login, a static secret and a webhook secret, each accepted and then refused; what callers were answered.
    The vendor repeats what it was sent."""
    answers = []
    for name, sent in (("store", SESSION), ("stock", STATIC)):
        path = f"/v1/customers?connection={name}"
        store.answers = {"/auth/user/emailpass": (200, {"token": SESSION})}
        answers.append(caller.get(path))
        for status in (400, 401):  # at the login, and then everywhere
            repeated = {"code": f"unknown {sent}", "type": sent, "message": f"unknown: {sent}"}
            store.answers = {"/auth/": (status, {"message": PASSWORD}), "/": (status, repeated)}
            answers.append(caller.get(path))
    assert [answer.status_code for answer in answers] == [502, 422, 502] * 2, [answer.text for answer in answers]
    assert any("/auth/user/emailpass" in one for _, one in store.calls)
    body = b'{"id": 7}'
    for key in (SIGNING, f"{SIGNING}x"):
        signature = base64.b64encode(hmac.digest(key.encode(), body, "sha256")).decode()
        headers = {"x-wc-webhook-signature": signature, "x-wc-webhook-topic": "customer.updated"}
        headers |= {"x-wc-webhook-delivery-id": key[-9:], "content-type": "application/json"}
        answers.append(httpx.post(f"{facade.api.url}/v1/webhooks/stock", content=body, headers=headers, verify=NO_TLS))
    assert [answer.status_code for answer in answers[-2:]] == [202, 401]
    return "".join(answer.text for answer in answers)


def forms(secret: str) -> tuple[str, ...]:
    """How a secret may be written otherwise."""
    raw = secret.encode()
    return raw.hex(), base64.b64encode(raw).decode().rstrip("="), quote(secret, safe="")


def command_lines() -> str:
    """The arguments of every process, as other users of the machine see them."""
    lines_of_all = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended
            lines_of_all.append(path.read_bytes().decode(errors="replace"))
    return "".join(lines_of_all)
