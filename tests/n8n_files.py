"""The n8n templates as files, and what a reader of one asks: its nodes, links, calls and headers."""

import re
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parents[1] / "n8n-workflows"
TEMPLATES: Final = sorted(FOLDER.glob("*.json"))
LOCKSTITCH: Final = "n8n-nodes-lockstitch"
Template = dict[str, Any]


def nodes_of(template: Template, kind: str) -> list[dict[str, Any]]:
    return [node for node in template["nodes"] if node["type"] == f"n8n-nodes-base.{kind}"]


def trigger_of(template: Template) -> str:
    """The node that starts it, which stands first among the others that are no notes."""
    return next(node["name"] for node in template["nodes"] if re.search(r"Trigger$|\.webhook$", node["type"]))


def is_started_by_an_event(template: Template) -> bool:
    return bool(nodes_of(template, "webhook"))


def is_scheduled(template: Template) -> bool:
    return bool(nodes_of(template, "scheduleTrigger"))


def links_of(template: Template) -> list[tuple[str, int, str]]:
    """Every connection as (from, output, to)."""
    return [
        (source, output, link["node"])
        for source, ports in template["connections"].items()
        for output, links in enumerate(ports["main"])
        for link in links
    ]


def nodes_before(template: Template, name: str) -> set[str]:
    """Every node from which this one is reached."""
    sources: set[str] = set()
    wanted = {name}
    while wanted:
        wanted = {source for source, _, target in links_of(template) if target in wanted} - sources
        sources |= wanted
    return sources


def writes_of(template: Template) -> list[dict[str, Any]]:
    """The HTTP Request nodes that write through Lockstitch."""
    return [call for call in calls_of(template) if call["parameters"]["method"] != "GET"]


def calls_of(template: Template) -> list[dict[str, Any]]:
    """The HTTP Request nodes that call Lockstitch, not the chat."""
    return [call for call in nodes_of(template, "httpRequest") if "base_url" in call["parameters"]["url"]]


def headers_of(node: dict[str, Any]) -> dict[str, str]:
    headers = node["parameters"]["headerParameters"]["parameters"]
    return {header["name"]: header["value"] for header in headers}


def assigned(node: dict[str, Any]) -> dict[str, Any]:
    assignments = node["parameters"]["assignments"]["assignments"]
    return {assignment["name"]: assignment["value"] for assignment in assignments}
