"""What a builder does in n8n's editor, through the HTTP interface that the editor itself uses."""

from typing import Any, Self

import httpx
from n8n_cli import N8nRefused, Workflow

OWNER = {"email": "owner@example.com", "firstName": "Ada", "lastName": "Owner", "password": "Only4ThisDatabase"}
TIMEOUT_S = 60


class Editor:
    """The editor of a running n8n with an empty database: its first visitor becomes its owner."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=f"{url}/rest", headers={"browser-id": "editor"}, timeout=TIMEOUT_S)
        self._ask("POST", "/owner/setup", OWNER)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def import_file(self, workflow: Workflow) -> str:
        """Import a template and save it; the id that n8n gives it."""
        # The editor's page turns the tags of a file into the ids of its own.
        named = {name: value for name, value in workflow.items() if name != "tags"}
        return str(self._ask("POST", "/workflows", named)["id"])

    def add_credential(self, name: str, kind: str, data: dict[str, str]) -> dict[str, str]:
        """Store a credential; how a node refers to it."""
        made = self._ask("POST", "/credentials", {"name": name, "type": kind, "data": data})
        return {"id": made["id"], "name": made["name"]}

    def open(self, workflow_id: str) -> Workflow:
        """The workflow as it was saved last."""
        found: Workflow = self._ask("GET", f"/workflows/{workflow_id}")
        return found

    def save(self, workflow: Workflow) -> None:
        """Save the nodes of a workflow that was opened; what is published stays as it is."""
        changed = {name: workflow[name] for name in ("nodes", "connections", "versionId")}
        self._ask("PATCH", f"/workflows/{workflow['id']}", changed)

    def publish(self, workflow_id: str) -> None:
        """Publish what was saved last. Raises `N8nRefused` with what n8n misses."""
        version = self.open(workflow_id)["versionId"]
        self._ask("POST", f"/workflows/{workflow_id}/activate", {"versionId": version})

    def unpublish(self, workflow_id: str) -> None:
        """Switch a workflow off."""
        self._ask("POST", f"/workflows/{workflow_id}/deactivate", {})

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(method, path, json=body)
        if answer.is_error:
            raise N8nRefused(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()["data"]
