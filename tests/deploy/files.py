"""What the files for deployment say, as data."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
KUBERNETES: Final = ROOT / "deploy" / "kubernetes"
SYSTEMD: Final = ROOT / "deploy" / "systemd"


def compose() -> dict[str, Any]:
    """`docker-compose.yml`, with the default of each `${NAME:-default}`."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    return yaml.safe_load(re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text))


def manifests() -> Iterator[dict[str, Any]]:
    """Every document of the manifests."""
    for file in sorted(KUBERNETES.glob("*.yml")):
        yield from yaml.safe_load_all(file.read_text(encoding="utf-8"))


def pod_templates() -> Mapping[str, dict[str, Any]]:
    """The pod templates of the manifests, by the name of what makes the pods."""
    return {
        one["metadata"]["name"]: one["spec"]["template"] for one in manifests() if "template" in one.get("spec", {})
    }


def unit(name: str) -> list[tuple[str, str]]:
    """The settings of a systemd unit with its drop-in, as often as each is set."""
    texts = [(SYSTEMD / one).read_text(encoding="utf-8") for one in (name, "lockstitch-.service.d/shared.conf")]
    return [
        (key, value)
        for line in "\n".join(texts).splitlines()
        for key, separator, value in [line.partition("=")]
        if separator and not line.startswith("#")
    ]


def steps() -> Iterator[tuple[str, str]]:
    """Each instruction of the Dockerfile and its arguments."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            instruction, _, arguments = line.partition(" ")
            yield instruction, arguments.strip()


def build_context() -> set[str]:
    """What `.dockerignore` leaves in the build context: it excludes all and names exceptions."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines
    return {line.removeprefix("!") for line in lines if line.startswith("!")}
