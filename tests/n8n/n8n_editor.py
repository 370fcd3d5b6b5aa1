"""What a builder does in n8n's editor, through the HTTP interface that the editor itself uses."""

import json
from typing import Any, Self
from urllib.parse import quote

import httpx
from n8n_cli import N8nRefused, Workflow

OWNER = {"email": "owner@example.com", "firstName": "Ada", "lastName": "Owner", "password": "Only4ThisDatabase"}
TIMEOUT_S = 60


class Editor:
    """The editor of a running n8n. The first visitor of an empty database becomes its owner, who can come again."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = httpx.Client(base_url=f"{url}/rest", headers={"browser-id": "editor"}, timeout=TIMEOUT_S)
        if self._http.post("/owner/setup", json=OWNER).is_error:
            self._ask("POST", "/login", {"emailOrLdapLoginId": OWNER["email"], "password": OWNER["password"]})

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
        return self._ask("GET", f"/workflows/{workflow_id}")

    def save(self, workflow: Workflow) -> None:
        """Save the nodes of a workflow that was opened; what is published stays as it is."""
        changed = {name: workflow[name] for name in ("nodes", "connections", "versionId")}
        self._ask("PATCH", f"/workflows/{workflow['id']}", changed)

    def publish(self, workflow_id: str) -> None:
        """Publish what was saved last. Raises `N8nRefused` with what n8n misses."""
        version = self.open(workflow_id)["versionId"]
        self._ask("POST", f"/workflows/{workflow_id}/activate", {"versionId": version})

    def options(self, node: str, method: str, parameters: dict[str, Any], credentials: dict[str, Any]) -> list[Any]:
        """What a drop-down of a node shows; `node` is its type."""
        return self._dynamic("options", node, method, parameters, credentials)

    def columns(self, node: str, method: str, parameters: dict[str, Any], credentials: dict[str, Any]) -> list[Any]:
        """The fields that a node offers to fill in."""
        return self._dynamic("resource-mapper-fields", node, method, parameters, credentials)["fields"]

    def _dynamic(self, what: str, node: str, method: str, parameters: Any, credentials: Any) -> Any:
        request = {
            "path": "",
            "nodeTypeAndVersion": {"name": node, "version": 1},
            "currentNodeParameters": parameters,
            "methodName": method,
            "credentials": credentials,
        }
        return self._ask("POST", f"/dynamic-node-parameters/{what}", request)

    def node_types(self, package: str) -> dict[str, Any]:
        """The nodes of a package that the editor offers, by the rest of their names."""
        offered = self._http.get(f"{self._url}/types/nodes.json").raise_for_status().json()
        return {one["name"].removeprefix(f"{package}."): one for one in offered if one["name"].startswith(package)}

    def test_credential(self, reference: dict[str, str], kind: str) -> str:
        """What n8n says when the button *Test* of a stored credential is pressed: `OK` or `Error`."""
        stored = self._ask("GET", f"/credentials/{reference['id']}?includeData=true")
        tested = {"credentials": {name: stored[name] for name in ("id", "name", "data")} | {"type": kind}}
        return str(self._ask("POST", "/credentials/test", tested)["status"])

    def retry(self, execution_id: str) -> None:
        """Press *Retry* of a failed execution."""
        self._ask("POST", f"/executions/{execution_id}/retry", {"loadWorkflow": True})

    def failed(self, workflow_id: str) -> list[str]:
        """The ids of the failed executions of a workflow, newest first."""
        query = json.dumps({"workflowId": workflow_id, "status": ["error"]})
        return [one["id"] for one in self._ask("GET", f"/executions?filter={quote(query)}")["results"]]

    def unpublish(self, workflow_id: str) -> None:
        """Switch a workflow off."""
        self._ask("POST", f"/workflows/{workflow_id}/deactivate", {})

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(method, path, json=body)
        if answer.is_error:
            raise N8nRefused(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()["data"]
