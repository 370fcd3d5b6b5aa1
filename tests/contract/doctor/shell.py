"""A shell with one connection, in which `lockstitch doctor` and `lockstitch verify` run."""

import asyncio
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import asyncpg

from tests.commands import lockstitch
from tests.contract.callers import Caller
from tests.contract.portal import Portal
from tests.contract.processes import Process
from tests.encryption import ENCRYPTION_KEYS
from tests.ports import free_port


class Shell:
    """A shell with one connection, `crm`, to the portal."""

    def __init__(self, folder: Path, database_url: str, portal: Portal) -> None:
        self.environment = {
            "LOCKSTITCH_DATABASE_URL": database_url,
            "LOCKSTITCH_ENCRYPTION_KEYS": ENCRYPTION_KEYS,
            "LOCKSTITCH_ENVIRONMENT": "prod",
            "LOCKSTITCH_CONFIG": str(folder / "lockstitch.toml"),
            "CRM_TOKEN": "a-token",
        }
        self._folder = folder
        self._connection = (
            f'[connections.crm]\nvendor = "hubspot"\nbase_url = "{portal.url}"\n'
            'credentials = { token = "env:CRM_TOKEN" }\n'
        )

    def __call__(
        self, *arguments: str, more: str = "", text: str | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command, with `more` in the configuration and `text` as its standard input."""
        Path(self.environment["LOCKSTITCH_CONFIG"]).write_text(self._connection + more)
        return lockstitch(*arguments, columns=200, environment=self.environment | environment, text=text)

    def sql(self, statement: str) -> None:
        """Run a statement in the database."""

        async def execute() -> None:
            connection = await asyncpg.connect(self.environment["LOCKSTITCH_DATABASE_URL"])
            await connection.execute(statement)
            await connection.close()

        asyncio.run(execute())

    def read_customers(self) -> None:
        """Read at `crm` through an API in this shell."""
        key = self("key", "create", f"key-{free_port()}", "--scope", "customers:read").stdout.strip()
        port = free_port()
        own = {name: value for name, value in os.environ.items() if not name.startswith(("LOCKSTITCH_", "OTEL_"))}
        api = Process(
            ["app.cli", "serve"],
            environment=own | self.environment | {"LOCKSTITCH_PORT": str(port), "LOCKSTITCH_PROBE_PORT": "0"},
            log=self._folder / "api.log",
            url=f"http://127.0.0.1:{port}",
            health="/health/ready",
        )
        api.start()
        with Caller(api.url, key) as caller:
            assert caller.get("/v1/customers?connection=crm").status_code == 200
        api.stop()


def findings_of(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, str]]:
    """The findings by what they are about."""
    assert "Traceback" not in done.stderr, done.stderr
    return {f"{one['about']}: {one['found']}": one for one in json.loads(done.stdout)["findings"]}


def the(findings: Mapping[str, dict[str, str]], *words: str) -> dict[str, str]:
    """The one finding that has these words."""
    (one,) = [one for text, one in findings.items() if all(word in text for word in words)]
    return one


def static_connection(name: str, url: str, reference: str) -> str:
    """The configuration of a connection with a token."""
    return (
        f'\n[connections.{name}]\nvendor = "hubspot"\nbase_url = "{url}"\ncredentials = {{ token = "{reference}" }}\n'
    )


def app_connection(name: str, url: str, secret: str) -> str:
    """The configuration of a connection that a person authorises."""
    return (
        f'\n[connections.{name}]\nvendor = "hubspot"\nbase_url = "{url}"\n'
        f'credentials = {{ client_id = "env:APP_ID", client_secret = "env:{secret}" }}\n'
    )
