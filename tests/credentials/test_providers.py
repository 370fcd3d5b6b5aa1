"""`aws:NAME`: a secret in AWS Secrets Manager, as moto's server answers for it."""

import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest
from moto.server import ThreadedMotoServer

from app.credentials.secrets import Secrets
from app.credentials.store import PostgresCredentials
from app.credentials.vault import Vault
from app.egress.transport import Wire
from app.errors import VendorAuthFailed
from app.postgres.database import Database
from app.queue.pauses import PostgresPauses
from app.settings.connections import ConnectionSettings
from app.settings.environment import load_settings
from app.settings.reading import SettingsError, is_reference, require_reference
from app.vendors.credentials import credential_of
from mappings.registry import VENDORS
from tests.emulators.conftest import RunningEmulators
from tests.encryption import SEALER
from tests.vendors.acme import READ, REAL_TIME, asking
from tests.vendors.vendor_server import OK, Call, Reply, running_vendor


@pytest.fixture(scope="module")
def aws_server() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def manager(aws_server: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client that stores secrets; the environment leads Lockstitch to the same server."""
    for name, value in {
        "AWS_ENDPOINT_URL": aws_server,
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }.items():
        monkeypatch.setenv(name, value)
    return boto3.client("secretsmanager", region_name="eu-central-1")


def test_a_name_and_a_key_of_a_json_secret_are_resolved(manager: Any) -> None:
    manager.create_secret(Name="prod/crm-token", SecretString="token-1\n")
    pair = manager.create_secret(Name="prod/shop", SecretString='{"key": "ck_1", "secret": "cs_1", "port": 1}')
    secrets = Secrets({})

    assert secrets.read("aws:prod/crm-token") == "token-1"
    assert secrets.read("aws:prod/shop#secret") == "cs_1"
    assert secrets.read(f"aws:{pair['ARN']}#key") == "ck_1"
    for name, complaint in {
        "prod/none": "ResourceNotFoundException",
        "prod/shop#missing": "no JSON object with the key missing",
        "prod/shop#port": "is no text",
        "prod/crm-token#key": "no JSON object",
    }.items():
        with pytest.raises(SettingsError, match=f"aws:{name}.*{complaint}") as caught:
            secrets.read(f"aws:{name}")
        assert "cs_1" not in str(caught.value)


async def test_a_rotated_secret_is_fetched_when_the_vendor_refuses_the_old_one(
    manager: Any, database: Database
) -> None:
    manager.create_secret(Name="acme", SecretString="token-1")
    valid = "token-1"

    def answer(call: Call) -> Reply:
        return OK if call.headers["authorization"] == f"Bearer {valid}" else Reply(status=401)

    async with running_vendor() as server:
        server.always = answer
        async with asking(
            server.url, secrets=Secrets({}), reference="aws:acme", pauses=PostgresPauses(database), **REAL_TIME
        ) as acme:
            assert (await acme.send(READ)).status == 200
            valid = "token-2"
            manager.put_secret_value(SecretId="acme", SecretString=valid)
            assert (await acme.send(READ)).status == 200
            valid = "token-3"
            with pytest.raises(VendorAuthFailed):
                await acme.send(READ)


async def test_a_rotated_client_secret_is_fetched_when_the_vendor_refuses_the_old_one(
    manager: Any, emulators: RunningEmulators, database: Database
) -> None:
    manager.create_secret(Name="client", SecretString="ended")
    settings = ConnectionSettings(
        name="shop",
        vendor="shopify",
        base_url=f"{emulators.url}/shopify",
        grant="client_credentials",
        credentials={"client_id": "env:CLIENT", "client_secret": "aws:client"},
        custom_fields={},
        pacing=None,
        webhook_secrets=(),
        pending=False,
    )
    secrets = Secrets({"CLIENT": "shopify-dev-client"}, Vault(PostgresCredentials(database, SEALER)))
    async with AsyncExitStack() as stack:
        wire = Wire()
        stack.push_async_callback(wire.close)
        tokens = credential_of(settings, VENDORS["shopify"], secrets, wire)
        manager.put_secret_value(SecretId="client", SecretString="shopify-dev-client-secret")
        await tokens.ready(time.monotonic() + 60.0)
        assert "shopify-access-" in tokens.header[1]


def test_a_reference_needs_a_provider_and_a_name() -> None:
    assert is_reference("aws:prod/crm")
    for text in ("aws:", "aws:two words", "azure:prod/crm", "https://hooks.example.com/x", "sk_live_4711", "ghp:4711"):
        assert not is_reference(text)
        with pytest.raises(SettingsError, match="must be a reference"):
            require_reference("credentials", text)


def test_without_a_region_the_reference_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    with pytest.raises(SettingsError, match="aws:acme cannot be read: NoRegionError"):
        Secrets({}).read("aws:acme")


def test_the_configuration_may_name_it(tmp_path: Path) -> None:
    file = tmp_path / "lockstitch.toml"
    file.write_text('[connections.crm]\nvendor = "hubspot"\ncredentials = { token = "aws:prod/crm" }\n')

    assert load_settings({"LOCKSTITCH_CONFIG": str(file)}).secret_references == ("aws:prod/crm",)
