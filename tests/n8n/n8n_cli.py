"""A real n8n driven through its own command line, each time with a database of its own."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

Item = dict[str, Any]
Workflow = dict[str, Any]

CREDENTIAL_NAME = "Lockstitch API key"
CREDENTIAL_TYPE = "httpHeaderAuth"
NODE_CREDENTIAL_NAME = "Lockstitch account"
SECRET_NAME = "Lockstitch webhook secret"
COMMAND_TIMEOUT_S = 180


def package_name(package: Path) -> str:
    """The name in a package.json."""
    return json.loads((package / "package.json").read_bytes())["name"]


class N8nRefused(RuntimeError):
    """n8n did not do what was asked of it: an import that took nothing in, an execution without a result."""


class Execution:
    """What one headless run of a workflow left behind: its end and the items that each node put out."""

    def __init__(self, result: dict[str, Any]) -> None:
        """`result` is the object that `n8n execute --rawOutput` prints."""
        self._data = result["data"]["resultData"]
        self.status = result.get("status")
        failure = self._data.get("error") or {}
        self.error = str(failure.get("message") or "")
        self.advice = str(failure.get("description") or "")
        self.succeeded = result.get("status") == "success" and "error" not in self._data

    def items(self, node: str) -> list[Item]:
        """Every item that the node put out, over all its outputs and runs; empty when the node never ran."""
        return [
            item["json"]
            for run in self._data["runData"].get(node, [])
            for output in run.get("data", {}).get("main", [])
            for item in output or []
        ]

    def last_items(self) -> list[Item]:
        """What the node that ran last put out."""
        return self.items(self._data.get("lastNodeExecuted", ""))


class FreshN8n:
    """One n8n with an empty database, gone with the `with` block. Execution ids begin at 1, as after a new install."""

    def __init__(self, cache: Path, broker_port: int, port: int) -> None:
        """`cache` is the folder that tests/n8n/setup printed; `broker_port` a free port for n8n's own use, `port` where
        it listens when it serves, and under which it believes that it can be called."""
        self._program = cache / "n8n/node_modules/n8n/bin/n8n"
        self._node = cache / "node"
        self.home = Path(tempfile.mkdtemp(prefix="lockstitch-n8n-"))
        self._install(Path(os.environ["LOCKSTITCH_N8N_NODE"]))
        self.environment = {
            **os.environ,
            "PATH": f"{self._node.resolve().parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "N8N_USER_FOLDER": str(self.home),
            "N8N_ENCRYPTION_KEY": "for-this-test-database-only",
            "N8N_RUNNERS_BROKER_PORT": str(broker_port),
            "N8N_LISTEN_ADDRESS": "127.0.0.1",
            "N8N_PORT": str(port),
            "WEBHOOK_URL": f"http://127.0.0.1:{port}/",
            "N8N_LOG_LEVEL": "info",  # a failed execution prints its result through the log alone
            "DB_TYPE": "sqlite",
            "GENERIC_TIMEZONE": "UTC",
            "NO_COLOR": "1",
            "N8N_SECURE_COOKIE": "false",  # the editor is visited over plain HTTP
            # Nothing leaves this machine, neither usage figures nor look-ups of versions and templates.
            "N8N_DIAGNOSTICS_ENABLED": "false",
            "N8N_VERSION_NOTIFICATIONS_ENABLED": "false",
            "N8N_TEMPLATES_ENABLED": "false",
            "N8N_PERSONALIZATION_ENABLED": "false",
            "N8N_DISABLED_MODULES": "mcp-registry",
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        shutil.rmtree(self.home, ignore_errors=True)

    def _install(self, package: Path) -> None:
        """Put a community node where n8n's own installer puts it."""
        shutil.copytree(package, self.home / ".n8n/nodes/node_modules" / package_name(package))

    def add_node_credential(self, base_url: str, api_key: str, name: str = NODE_CREDENTIAL_NAME) -> None:
        """Store the credential of the community node."""
        self.store_credential(name, "lockstitchApi", {"baseUrl": base_url, "apiKey": api_key})

    def add_credential(self, api_key: str, name: str = CREDENTIAL_NAME) -> None:
        """Store a header credential under the name that a template asks for; a second call replaces the key."""
        self.store_credential(name, CREDENTIAL_TYPE, {"name": "Authorization", "value": f"Bearer {api_key}"})

    def add_hmac_secret(self, secret: str, name: str = SECRET_NAME) -> None:
        """Store what a subscription is signed with, as the note in the template says."""
        self.store_credential(name, "crypto", {"hmacSecret": f'={{{{ "{secret}".slice(6).base64Decode() }}}}'})

    def store_credential(self, name: str, kind: str, data: dict[str, str]) -> None:
        identity = "".join(filter(str.isalnum, name))[:16]
        self._import("credentials", [{"id": identity, "name": name, "type": kind, "data": data}])

    def add_workflow(self, workflow: Workflow) -> None:
        """Import one workflow, as a builder does with a template's file. The credential has to be there first."""
        self._import("workflow", [workflow])

    def publish(self, workflow_id: str) -> None:
        """Switch a workflow on; it counts when n8n starts the next time."""
        done = self._run("publish:workflow", f"--id={workflow_id}")
        if done.returncode != 0:
            raise N8nRefused(done.stdout[-1500:] + done.stderr[-1500:])

    def command(self, *arguments: str) -> list[str | Path]:
        """The command line of n8n with these arguments."""
        return [self._node, self._program, *arguments]

    def begin(self, workflow_id: str, broker_port: int) -> None:
        """Run the workflow from its manual trigger until it ends or waits, while another n8n serves; it needs
        another port for its own use."""
        self._run("execute", f"--id={workflow_id}", N8N_RUNNERS_BROKER_PORT=str(broker_port))

    def execute(self, workflow_id: str) -> Execution:
        """Run the workflow from its manual trigger to its end. Raises `N8nRefused` when it never started."""
        output = self._run("execute", f"--id={workflow_id}", "--rawOutput").stdout
        decoder = json.JSONDecoder()
        for brace in re.finditer(r"^\{", output, re.MULTILINE):  # log lines stand around the result
            try:
                result, _ = decoder.raw_decode(output, brace.start())
            except ValueError:
                continue
            if "resultData" in result.get("data", {}):
                return Execution(result)
        raise N8nRefused(output[-1500:])

    def _import(self, kind: str, things: list[dict[str, Any]]) -> None:
        file = self.home / "import.json"
        file.write_text(json.dumps(things), encoding="utf-8")
        done = self._run(f"import:{kind}", f"--input={file}")
        file.unlink()
        # It exits 0 on some errors too, so what counts is what it says.
        taken_in = f"Successfully imported 1 {kind.removesuffix('s')}" in done.stdout
        if done.returncode != 0 or not taken_in:
            raise N8nRefused(done.stdout[-1500:] + done.stderr[-1500:])

    def _run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            env=self.environment | environment,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
