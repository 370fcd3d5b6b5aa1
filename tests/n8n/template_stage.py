"""Every template that something starts, imported as it is in the repository and published in one running n8n."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from lockstitch_dev import Dev, free_port, running_dev
from n8n_cli import CREDENTIAL_NAME, CREDENTIAL_TYPE, SECRET_NAME, FreshN8n, Workflow
from n8n_editor import Editor
from n8n_front import Chat, Door, chat_room, door_to
from n8n_server import ServingN8n, serving

from app.dev.folder import CONFIG_FILE

TEMPLATES = Path(__file__).parents[2] / "n8n-workflows"
ELSEWHERE = ("manual", "schedule--dead-letter-alarm", "schedule--reconciliation-report")
"""Those that other files of tests/n8n run."""
OPERATOR = "Lockstitch operator key"
EVERY_SECONDS = 8
CLAIM_SECONDS = 40
"""How long a failed workflow claims its error before there is a ticket: longer than *Open ticket* waits."""
# One subscription for each webhook: path, types, connection.
SUBSCRIBED = {
    "webhook--customer-changed-to-crm": ("lockstitch-customer-changed", ["customer.*"], "shopify"),
    "webhook--new-ticket-enriched": ("lockstitch-new-ticket", ["ticket.created"], "zendesk"),
}
CALLS = {"webhook--new-ticket-enriched": "sub--verified-event"}
"""The sub-workflow that holds the secret of a webhook."""
CALLER: Workflow = {
    "id": "callerOfTheWait",
    "name": "Waits for the operation that it is sent",
    "nodes": [
        {
            "id": "call",
            "name": "Call",
            "type": "n8n-nodes-base.webhook",
            "typeVersion": 2.1,
            "position": [0, 0],
            "webhookId": "wait-for-it",
            "parameters": {"httpMethod": "POST", "path": "wait-for-it", "responseMode": "lastNode", "options": {}},
        },
        {
            "id": "wait",
            "name": "Wait for the operation",
            "type": "n8n-nodes-base.executeWorkflow",
            "typeVersion": 1.2,
            "position": [220, 0],
            "parameters": {
                "workflowId": {"__rl": True, "value": "lsSubWaitOperation", "mode": "id"},
                "mode": "each",
                "options": {"waitForSubWorkflow": True},
            },
        },
    ],
    "connections": {"Call": {"main": [[{"node": "Wait for the operation", "type": "main", "index": 0}]]}},
    "settings": {"executionOrder": "v1"},
    "active": False,
}
"""What the note of `sub--wait-for-operation` says a caller does."""
PULLED = """
[connections.salesforce.pull]
customers = { every = "2s" }
"""


class Stage:
    """Lockstitch, n8n with the templates, the door to n8n, that from its error workflow to Lockstitch, and a chat."""

    def __init__(self, dev: Dev, cli: FreshN8n, port: int, door: Door, lockstitch: Door, chat: Chat) -> None:
        self.dev, self.cli, self.door, self.lockstitch, self.chat = dev, cli, door, lockstitch, chat
        self.imported = ""
        self.ids: dict[str, str] = {}
        self._port = port
        self._running: ExitStack | None = None
        self.n8n: ServingN8n

    def start(self) -> None:
        """Start n8n."""
        self._running = ExitStack()
        self.n8n = self._running.enter_context(serving(self.cli, self._port))

    def stop(self) -> None:
        """End n8n."""
        if self._running is not None:
            self._running.close()
            self._running = None

    def publish(self) -> None:
        """Publish all, first those that others call."""
        with Editor(self.n8n.url) as editor:
            for name in sorted(self.ids, key=lambda name: (not name.startswith(("sub", "error")), name)):
                editor.publish(self.ids[name])


@contextmanager
def all_templates() -> Iterator[Stage]:
    """Start everything, with all templates published but those that are tested elsewhere."""
    with ExitStack() as stack:
        port, front, emulators = free_port(), free_port(), free_port()
        door = stack.enter_context(door_to(f"http://127.0.0.1:{port}", front))
        chat = stack.enter_context(chat_room())
        cli = stack.enter_context(FreshN8n(Path(sys.argv[1]), free_port(), port))
        cli.environment["WEBHOOK_URL"] = f"{door.url}/"
        config = cli.home / "lockstitch.toml"
        config.write_text(
            CONFIG_FILE.format(emulators=f"http://127.0.0.1:{emulators}").replace('"30s"', '"2s"') + PULLED
        )
        dev = stack.enter_context(
            running_dev(
                LOCKSTITCH_CONFIG=str(config),
                LOCKSTITCH_EMULATORS_PORT=str(emulators),
                LOCKSTITCH_EGRESS_ALLOW=f"127.0.0.1/32:{front}",
                # The second step is minutes by default. A subscription that fails for the whole ladder is disabled.
                LOCKSTITCH_DELIVERY_LADDER=",".join(["3"] * 10 + ["20"] * 20),
                LOCKSTITCH_SETTLE_MARGIN="2",
            )
        )
        lockstitch = stack.enter_context(door_to(dev.api, free_port()))
        stage = Stage(dev, cli, port, door, lockstitch, chat)
        _import(stage)
        stage.start()
        stack.callback(stage.stop)
        stage.publish()
        yield stage


def _import(stage: Stage) -> None:
    """Import credentials and templates, in one call each."""
    credentials = [
        _header(CREDENTIAL_NAME, stage.dev.key),
        _header(OPERATOR, stage.dev.ops_key),
        _credential("Lockstitch account", "lockstitchApi", {"baseUrl": stage.dev.api, "apiKey": stage.dev.key}),
        *(_secret(stage, name) for name in SUBSCRIBED),
    ]
    _cli(stage, "credentials", credentials)
    folder = stage.cli.home / "templates"
    folder.mkdir()
    adapted: dict[str, Workflow] = {"caller": CALLER}
    for path in sorted(TEMPLATES.glob("*.json")):
        if not path.stem.startswith(ELSEWHERE):
            adapted[path.stem] = _adapted(stage, path.stem, json.loads(path.read_bytes()))
    for name, workflow in adapted.items():
        (folder / f"{name}.json").write_text(json.dumps(workflow))
    stage.ids = {name: str(workflow["id"]) for name, workflow in adapted.items()}
    stage.imported = _run(stage, "import:workflow", "--separate", f"--input={folder}")


def _adapted(stage: Stage, name: str, workflow: Workflow) -> Workflow:
    """The template with what its note asks the builder to set; its schedule is every few seconds."""
    text = json.dumps(workflow).replace("https://chat.example.com/incoming-webhook", stage.chat.url)
    api = stage.dev.api
    if name == "error--open-ticket":
        api, text = stage.lockstitch.url, text.replace("ttl: 600", f"ttl: {CLAIM_SECONDS}")
    adapted: Workflow = json.loads(text.replace('"http://127.0.0.1:8080"', json.dumps(api)))
    if name == "schedule--nightly-copy":  # another source than that of the other nightly template
        adapted = json.loads(json.dumps(adapted).replace('"salesforce"', '"freshdesk"'))
    for node in adapted["nodes"]:
        if node["type"] == "n8n-nodes-base.scheduleTrigger":
            node["parameters"]["rule"] = {"interval": [{"field": "seconds", "secondsInterval": EVERY_SECONDS}]}
        for kind in node.get("credentials", {}).values():
            if kind["name"] == SECRET_NAME:
                kind["name"] = f"{SECRET_NAME} of {name}"
    return adapted


def _header(name: str, key: str) -> dict[str, Any]:
    return _credential(name, CREDENTIAL_TYPE, {"name": "Authorization", "value": f"Bearer {key}"})


def _secret(stage: Stage, name: str) -> dict[str, Any]:
    """Subscribe a webhook; the secret under the name that the node asks for."""
    path, events, connection = SUBSCRIBED[name]
    wanted = {"target_url": f"{stage.door.url}/webhook/{path}", "events": events, "connection": connection}
    secret = stage.dev.create("/v1/subscriptions", wanted)["secret"]
    data = {"hmacSecret": f'={{{{ "{secret}".slice(6).base64Decode() }}}}'}
    return _credential(f"{SECRET_NAME} of {CALLS.get(name, name)}", "crypto", data)


def _credential(name: str, kind: str, data: Mapping[str, str]) -> dict[str, Any]:
    return {"id": re.sub(r"\W", "", name)[-30:], "name": name, "type": kind, "data": data}


def _cli(stage: Stage, kind: str, things: list[dict[str, Any]]) -> None:
    file = stage.cli.home / "import.json"
    file.write_text(json.dumps(things))
    _run(stage, f"import:{kind}", f"--input={file}")
    file.unlink()


def _run(stage: Stage, *arguments: str) -> str:
    done = subprocess.run(
        stage.cli.command(*arguments),
        env=stage.cli.environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=True,
    )
    return done.stdout + done.stderr
