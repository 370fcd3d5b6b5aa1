"""The package of the n8n community node, read from its files: no npm is needed."""

import json
import re
from pathlib import Path
from typing import Any

from app import VERSION

ROOT = Path(__file__).parents[2]
NODE = ROOT / "n8n-node"
HOSTS = re.compile(r"registry\.|npmjs|_authToken")


def package() -> dict[str, Any]:
    return json.loads((NODE / "package.json").read_bytes())


def test_the_node_has_the_version_of_the_project() -> None:
    lock = json.loads((NODE / "package-lock.json").read_bytes())

    assert package()["version"] == lock["version"] == VERSION


def test_the_node_has_no_runtime_dependencies() -> None:
    assert "dependencies" not in package()
    assert package()["peerDependencies"] == {"n8n-workflow": "*"}


def test_the_node_names_no_registry() -> None:
    lock = (NODE / "package-lock.json").read_text("utf-8")
    workflow = (ROOT / ".github/workflows/publish-n8n-node.yml").read_text("utf-8")

    assert '"resolved"' not in lock
    assert not HOSTS.search(lock + workflow + (NODE / ".npmrc").read_text("utf-8"))
    assert "npm publish --provenance" in workflow


def test_everything_that_n8n_loads_has_a_source() -> None:
    loaded = [*package()["n8n"]["nodes"], *package()["n8n"]["credentials"]]

    sources = [NODE / path.removeprefix("dist/").replace(".js", ".ts") for path in loaded]
    assert all(source.exists() for source in sources)
