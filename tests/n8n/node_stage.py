"""A running Lockstitch, and a running n8n with the community node in it, each able to call the other."""

import itertools
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from lockstitch_dev import Dev, free_port, running_dev
from n8n_cli import Execution, FreshN8n, Workflow
from n8n_editor import Editor
from n8n_server import ServingN8n, serving
from real_events import eventually

LOCKSTITCH = "n8n-nodes-lockstitch.lockstitch"
CREDENTIAL = "lockstitchApi"
ANSWER_WITHIN_S = 120
Node = dict[str, Any]


class Stage:
    """Workflows that use the node, made in the editor and started by their webhook."""

    def __init__(self, dev: Dev, n8n: ServingN8n, editor: Editor) -> None:
        self.dev = dev
        self.n8n = n8n
        self.editor = editor
        self.credential = self.add_account(dev.api, dev.key)

    def add_account(self, base_url: str, key: str) -> dict[str, str]:
        """Store a credential of the node; how a node refers to it."""
        return self.editor.add_credential("Lockstitch account", CREDENTIAL, {"baseUrl": base_url, "apiKey": key})

    def publish(self, name: str, *nodes: Node) -> str:
        """Publish a workflow of these nodes, one after the other; its id."""
        workflow = self.editor.import_file(chain(name, self.credential, nodes))
        self.editor.publish(workflow)
        return workflow

    def publish_called(self, name: str, *nodes: Node) -> "Called":
        """Publish a workflow of these nodes behind a webhook and a node `Items` that puts out the records it got."""
        return Called(self.n8n, name, self.publish(name, webhook(name), SPLIT, *nodes))


class Called:
    """A published workflow that is started by a call."""

    def __init__(self, n8n: ServingN8n, path: str, workflow: str) -> None:
        self.id = workflow
        self._n8n = n8n
        self._path = path

    def play(self, *records: dict[str, Any]) -> Execution:
        """Run it with these records as items, to its end."""
        before = len(self._n8n.executions(self.id))
        eventually(lambda: self._call(records) != 404)  # its URL is there a moment after it was published
        return self._n8n.wait_for(self.id, lambda executions: len(executions) > before)[-1]

    def _call(self, records: tuple[dict[str, Any], ...]) -> int:
        url = f"{self._n8n.url}/webhook/{self._path}"
        return httpx.post(url, json={"items": records}, timeout=ANSWER_WITHIN_S).status_code


@contextmanager
def staged(**environment: str) -> Iterator[Stage]:
    """Start both, with this added to Lockstitch's environment, and end them."""
    port = free_port()
    allow = {"LOCKSTITCH_EGRESS_ALLOW": f"127.0.0.1/32:{port}"}
    with (
        running_dev(**(allow | environment)) as dev,
        FreshN8n(Path(sys.argv[1]), free_port(), port) as cli,
        serving(cli, port) as n8n,
        Editor(n8n.url) as editor,
    ):
        yield Stage(dev, n8n, editor)


SPLIT: Node = {
    "name": "Items",
    "type": "n8n-nodes-base.splitOut",
    "typeVersion": 1,
    "parameters": {"fieldToSplitOut": "body.items", "options": {}},
}


def webhook(path: str) -> Node:
    """A trigger that answers when the workflow has ended."""
    parameters = {"httpMethod": "POST", "path": path, "responseMode": "lastNode", "options": {}}
    return {"name": "Call", "type": "n8n-nodes-base.webhook", "typeVersion": 2.1, "parameters": parameters}


def lockstitch(name: str = "Lockstitch", *, kind: str = LOCKSTITCH, **parameters: Any) -> Node:
    """The community node."""
    return {"name": name, "type": kind, "typeVersion": 1, "parameters": parameters}


def upsert_customer(**options: Any) -> Node:
    """Create or update a customer at HubSpot with what the item has, found by e-mail."""
    fields = {"email": "={{ $json.email }}", "last_name": "={{ $json.name }}"}
    return lockstitch(
        resource="customer",
        operation="upsert",
        connection="hubspot",
        upsertOn="email",
        source="fields",
        fields={"mappingMode": "defineBelow", "value": fields, "schema": []},
        options=options,
    )


def create_ticket(name: str = "Lockstitch", **options: Any) -> Node:
    """Create a ticket at Zendesk with the subject and requester of the item."""
    body = '={{ { "subject": $json.subject, "description": "Text", "requester": { "email": $json.email } } }}'
    parameters = {"resource": "ticket", "operation": "create", "connection": "zendesk", "source": "json"}
    return lockstitch(name, **parameters, json=body, options=options)


def chain(name: str, credential: dict[str, str], nodes: tuple[Node, ...]) -> Workflow:
    """A workflow of these nodes one after the other; each that needs the credential and has none gets it."""
    placed = [
        {"credentials": {CREDENTIAL: credential} if "lockstitch" in node["type"] else {}}
        | node
        | {"id": f"{name}-{place}", "webhookId": f"{name}-{place}", "position": [220 * place, 0]}
        for place, node in enumerate(nodes)
    ]
    names = [node["name"] for node in nodes]
    return {
        "name": name,
        "nodes": placed,
        "connections": {
            name: {"main": [[{"node": after, "type": "main", "index": 0}]]} for name, after in itertools.pairwise(names)
        },
        "settings": {"executionOrder": "v1"},
    }


def naming(text: str) -> Callable[[list[Execution]], list[Execution]]:
    """What picks the executions whose trigger put out this text."""
    return lambda executions: [one for one in executions if text in json.dumps(one.items("Trigger"))]
