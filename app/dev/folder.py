"""The data folder of `lockstitch dev`.

    dev.lock              locked while a supervisor runs
    dev.json              URLs and keys, present while everything is ready
    keys.json             the two API keys, kept across restarts
    webhook-secrets.json  the webhook secret of each connection, kept across restarts
    encryption-key        the key of data at rest
    lockstitch.toml       the connections to the emulators, unless the operator provides a file
    postgres/             the embedded cluster
    emulators/            the records of the emulated vendors
    logs/                 one file per process

Files with secrets are created with mode 0600.
"""

import fcntl
import json
import os
import secrets
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

import msgspec

from app.errors import Complaint

LARGEST_LOG = 10 * 1024 * 1024  # bytes; a larger log is renamed to `.old` at the next start

# The credentials that the emulators accept. The configuration file refers to them by name.
EMULATOR_CREDENTIALS = {
    "LOCKSTITCH_DEV_FRESHDESK_TOKEN": "freshdesk-dev-token",
    "LOCKSTITCH_DEV_HUBSPOT_TOKEN": "hubspot-dev-token",
    "LOCKSTITCH_DEV_SALESFORCE_TOKEN": "salesforce-dev-token",
    "LOCKSTITCH_DEV_SHOPIFY_TOKEN": "shopify-dev-token",
    "LOCKSTITCH_DEV_STRIPE_KEY": "sk_test_dev",
    "LOCKSTITCH_DEV_WOOCOMMERCE_CONSUMER_KEY": "ck_dev",
    "LOCKSTITCH_DEV_WOOCOMMERCE_CONSUMER_SECRET": "cs_dev",
    "LOCKSTITCH_DEV_ZENDESK_EMAIL": "dev@example.com",
    "LOCKSTITCH_DEV_ZENDESK_TOKEN": "zendesk-dev-token",
}
EMULATED = ("freshdesk", "hubspot", "shopify", "stripe", "woocommerce", "zendesk")
GATEWAY = "gateway"
CONFIG_FILE = """\
# `lockstitch dev` overwrites this file at every start. To change it, copy it and set LOCKSTITCH_CONFIG to the copy.

# Freshdesk does not sign its webhooks. Its automation rules send this secret in a header.
[connections.freshdesk]
vendor = "freshdesk"
base_url = "{emulators}/freshdesk"
credentials = {{ token = "env:LOCKSTITCH_DEV_FRESHDESK_TOKEN" }}
webhook_secrets = ["env:LOCKSTITCH_DEV_FRESHDESK_WEBHOOK_SECRET"]

[connections.hubspot]
vendor = "hubspot"
base_url = "{emulators}/hubspot"
credentials = {{ token = "env:LOCKSTITCH_DEV_HUBSPOT_TOKEN" }}
webhook_secrets = ["env:LOCKSTITCH_DEV_HUBSPOT_WEBHOOK_SECRET"]

# Salesforce sends no webhooks. An order belongs to an account and sells products: these are for buyers and products
# that the org does not know.
[connections.salesforce]
vendor = "salesforce"
base_url = "{emulators}/salesforce"
credentials = {{ token = "env:LOCKSTITCH_DEV_SALESFORCE_TOKEN" }}
default_account = "Web customers"
default_product = "OTHER"

[connections.shopify]
vendor = "shopify"
base_url = "{emulators}/shopify"
credentials = {{ token = "env:LOCKSTITCH_DEV_SHOPIFY_TOKEN" }}
webhook_secrets = ["env:LOCKSTITCH_DEV_SHOPIFY_WEBHOOK_SECRET"]
stock = {{ threshold = 5 }}
pull = {{ stock_levels = {{ every = "30s" }} }}

[connections.stripe]
vendor = "stripe"
base_url = "{emulators}/stripe"
credentials = {{ key = "env:LOCKSTITCH_DEV_STRIPE_KEY" }}
webhook_secrets = ["env:LOCKSTITCH_DEV_STRIPE_WEBHOOK_SECRET"]

[connections.woocommerce]
vendor = "woocommerce"
base_url = "{emulators}/woocommerce"
webhook_secrets = ["env:LOCKSTITCH_DEV_WOOCOMMERCE_WEBHOOK_SECRET"]
stock = {{ threshold = 5 }}
pull = {{ stock_levels = {{ every = "30s" }} }}

[connections.woocommerce.credentials]
consumer_key = "env:LOCKSTITCH_DEV_WOOCOMMERCE_CONSUMER_KEY"
consumer_secret = "env:LOCKSTITCH_DEV_WOOCOMMERCE_CONSUMER_SECRET"

[connections.zendesk]
vendor = "zendesk"
base_url = "{emulators}/zendesk"
credentials = {{ email = "env:LOCKSTITCH_DEV_ZENDESK_EMAIL", token = "env:LOCKSTITCH_DEV_ZENDESK_TOKEN" }}
webhook_secrets = ["env:LOCKSTITCH_DEV_ZENDESK_WEBHOOK_SECRET"]

# Receives webhooks signed by Standard Webhooks and forwards them as events, without mapping them.
[connections.gateway]
vendor = "standard-webhooks"
webhook_secrets = ["env:LOCKSTITCH_DEV_GATEWAY_WEBHOOK_SECRET"]

# A legacy system that can only write files. Send its exports to POST /v1/uploads/legacy.
[connections.legacy]
vendor = "csv"

[connections.legacy.csv]
object = "customers"
key = "Customer No"
constants = {{ kind = "person" }}

[[connections.legacy.csv.columns]]
column = "Name"
field = "display_name"
required = true

[[connections.legacy.csv.columns]]
column = "E-mail"
field = "emails[0].address"

[[connections.legacy.csv.columns]]
column = "State"
field = "status"
type = "enum"
values = {{ A = "active", X = "blocked" }}

[[connections.legacy.csv.columns]]
column = "Since"
field = "created_at"
type = "date"

[systems_of_record]
customers = "hubspot"
orders = "shopify"
tickets = "zendesk"
"""


class DevKeys(msgspec.Struct, frozen=True, kw_only=True):
    """The API keys of `dev`: `key` for callers (no `ops:*` scope), `ops_key` for operators (all scopes)."""

    key: str
    ops_key: str

    def __repr__(self) -> str:
        return "DevKeys(…)"


class DevFolder:
    """The folder, locked by this process until it ends."""

    def __init__(self, path: Path) -> None:
        """Create the folder if it is missing, and lock it.

        Raises Complaint if another supervisor has locked it, or if it cannot be created.
        """
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            # The descriptor is never closed or inherited: the kernel releases the lock when this process ends.
            self._lock = os.open(path / "dev.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            detail = f"{path} cannot be used ({error.strerror}): set LOCKSTITCH_DATA_DIR to another folder."
            raise Complaint(detail) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Complaint(
                f"Another `lockstitch dev` is using {path}: stop it, or set LOCKSTITCH_DATA_DIR to another folder."
            ) from None
        self.withdraw_announcement()

    def log(self, name: str) -> Path:
        """Return the log file of a process."""
        folder = self.path / "logs"
        folder.mkdir(exist_ok=True)
        file = folder / f"{name}.log"
        if file.exists() and file.stat().st_size > LARGEST_LOG:
            file.rename(file.with_suffix(".log.old"))
        return file

    def encryption_key(self) -> str:
        """Return the folder's key in the form of LOCKSTITCH_ENCRYPTION_KEYS. Generates it the first time."""
        file = self.path / "encryption-key"
        if not file.exists():
            _write_secret(file, f"dev:{b64encode(secrets.token_bytes(32)).decode()}")
        return file.read_text()

    def write_config(self, emulators: str) -> Path:
        """Write the configuration that connects the emulated vendors."""
        file = self.path / "lockstitch.toml"
        file.write_text(CONFIG_FILE.format(emulators=emulators))
        return file

    def read_keys(self, environment: str) -> DevKeys:
        """Return the stored keys. Generates them for this environment the first time."""
        from app.api_keys.store import generate_secret  # noqa: PLC0415 - commands read only the names of this module

        file = self.path / "keys.json"
        if not file.exists():
            self.write_keys(DevKeys(key=generate_secret(environment), ops_key=generate_secret(environment)))
        return msgspec.json.decode(file.read_bytes(), type=DevKeys)

    def write_keys(self, keys: DevKeys) -> None:
        """Store the keys."""
        _write_secret(self.path / "keys.json", msgspec.json.encode(keys).decode())

    def webhook_secrets(self) -> dict[str, str]:
        """Return the webhook secret of each connection, by name. Generates missing ones."""
        from app.signatures import new_secret  # noqa: PLC0415

        file = self.path / "webhook-secrets.json"
        kept = msgspec.json.decode(file.read_bytes(), type=dict[str, str]) if file.exists() else {}
        made = {name: secrets.token_urlsafe(32) for name in EMULATED} | {GATEWAY: new_secret()}
        known = made | kept
        if known != kept:
            _write_secret(file, msgspec.json.encode(known).decode())
        return known

    def announce(self, facts: Mapping[str, object]) -> None:
        """Write `dev.json`, which tells other programs that everything is ready."""
        _write_secret(self.path / "dev.json", json.dumps(facts, indent=2) + "\n")

    def withdraw_announcement(self) -> None:
        """Delete `dev.json`, because this supervisor ends or an earlier one was killed."""
        (self.path / "dev.json").unlink(missing_ok=True)


def secret_variable(connection: str) -> str:
    """Return the variable with a connection's webhook secret, which the configuration file refers to."""
    return f"LOCKSTITCH_DEV_{connection.upper()}_WEBHOOK_SECRET"


def _write_secret(file: Path, text: str) -> None:
    """Write a file atomically, never readable by other users."""
    unfinished = file.with_name(f".{file.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as sink:
        sink.write(text)
        sink.flush()
        os.fsync(sink.fileno())
    unfinished.rename(file)
