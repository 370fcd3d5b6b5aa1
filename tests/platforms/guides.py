"""The guides for Zapier and Make as data: their steps, and the commands and code between them."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLE_API = "https://lockstitch.example.com"
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_STEP = re.compile(r"\[(\d+)\] (.+)")


class Step(Struct, frozen=True):
    """A module or a step with its settings, by the names that the platform shows."""

    number: int
    kind: str
    settings: dict[str, str]

    def group(self, word: str) -> dict[str, str]:
        """The settings that begin with a word: `Header Accept` is `Accept` of `Header`."""
        return {
            name.removeprefix(f"{word} "): value for name, value in self.settings.items() if name.startswith(f"{word} ")
        }


def fences(page: str, language: str) -> list[str]:
    """The code blocks of a page in a language."""
    return [text for kind, text in _FENCE.findall((DOCS / page).read_text("utf-8")) if kind == language]


def steps(page: str) -> dict[int, Step]:
    """The steps of a guide by their numbers."""
    by_number = {}
    for block in fences(page, "text"):
        first, *lines = block.splitlines()
        match = _STEP.fullmatch(first)
        assert match is not None, first
        pairs = dict(line.split(": ", 1) for line in lines)
        by_number[int(match[1])] = Step(int(match[1]), match[2], pairs)
    return by_number


def make_blueprint(page: str, name: str) -> dict[str, Any]:
    """The blueprint of the scenario that the guide for Make builds."""
    modules = {number: _module(step) for number, step in steps(page).items()}
    router = next(number for number, module in modules.items() if module["module"] == "builtin:BasicRouter")
    after = [modules[number] for number in sorted(modules) if number > router]
    second = next(index for index, module in enumerate(after) if index and "filter" in module)
    modules[router]["routes"] = [{"flow": after[:second]}, {"flow": after[second:]}]
    flow = [modules[number] for number in sorted(modules) if number <= router]
    for row, route in enumerate([flow, after[:second], after[second:]]):
        for column, module in enumerate(route):
            place = {"x": 300 * (column + (len(flow) if row else 0)), "y": 300 * (row - 1) if row else 0}
            module["metadata"] = {"designer": place}
    scenario = {
        "roundtrips": 1,
        "maxErrors": 3,
        "autoCommit": True,
        "autoCommitTriggerLast": True,
        "sequential": False,
        "confidential": False,
        "dataloss": False,
        "dlq": True,
        "freshVariables": False,
    }
    metadata = {"instant": True, "version": 1, "scenario": scenario, "designer": {"orphans": []}}
    return {"name": name, "flow": flow, "metadata": metadata}


def _module(step: Step) -> dict[str, Any]:
    kind, version, parameters, mapper = _MODULES[step.kind](step)
    module: dict[str, Any] = {"id": step.number, "module": kind, "version": version}
    if "Filter" in step.settings:
        left, operator, right = step.settings["Filter"].split(" | ")
        condition = {"a": left, "b": right, "o": _OPERATORS[operator, "statusCode" in left]}
        module["filter"] = {"name": step.settings["Filter name"], "conditions": [[condition]]}
    module |= {"parameters": parameters, "mapper": mapper}
    if "Error handler" in step.settings:
        _, *settings = step.settings["Error handler"].split(" | ")
        _, attempts, interval = (setting.split(": ")[1] for setting in settings)
        handler = {"retry": True, "count": attempts, "interval": interval}
        directive = {"id": 50 + step.number, "module": "builtin:Break", "version": 1, "parameters": {}}
        module["onerror"] = [directive | {"mapper": handler, "metadata": {"designer": {"x": 0, "y": 300}}}]
    return module


def _http(step: Step) -> tuple[str, int, Any, Any]:
    settings = step.settings
    mapper: dict[str, Any] = {
        "url": settings["URL"],
        "method": settings["Method"].lower(),
        "headers": [{"name": name, "value": value} for name, value in step.group("Header").items()],
        "timeout": int(settings["Timeout"]),
        "shareCookies": False,
        "parseResponse": settings["Parse response"] == "Yes",
        "allowRedirects": True,
        "stopOnHttpError": settings["Return error if HTTP request fails"] == "Yes",
        "requestCompressedContent": True,
    }
    if "Body content" in settings:
        mapper |= {
            "contentType": "json",
            "inputMethod": "jsonString",
            "jsonStringBodyContent": settings["Body content"],
        }
    assert settings["Authentication type"] == "No authentication"
    return "http:MakeRequest", 4, {"tlsType": "", "authenticationType": "noAuth"}, mapper


def _variables(step: Step) -> tuple[str, int, Any, Any]:
    variables = [{"name": name, "value": value} for name, value in step.group("Variable").items()]
    return "util:SetVariables", 1, {}, {"scope": "roundtrip", "variables": variables}


def _variable(step: Step) -> tuple[str, int, Any, Any]:
    ((name, value),) = step.group("Variable").items()
    return "util:SetVariable2", 1, {}, {"name": name, "scope": "roundtrip", "value": value}


_MODULES: dict[str, Callable[[Step], tuple[str, int, Any, Any]]] = {
    "Webhooks > Custom webhook": lambda step: ("gateway:CustomWebHook", 1, {"hook": None, "maxResults": 1}, {}),
    "Tools > Set multiple variables": _variables,
    "Tools > Set variable": _variable,
    "JSON > Parse JSON": lambda step: ("json:ParseJSON", 1, {"type": ""}, {"json": step.settings["JSON string"]}),
    "HTTP > Make a request": _http,
    "Flow control > Router": lambda step: ("builtin:BasicRouter", 1, {}, None),
    "Tools > Sleep": lambda step: ("util:FunctionSleep", 1, {}, {"duration": int(step.settings["Delay"])}),
}
"""The modules that the guide uses, by the names that Make shows: their names in blueprints, and their versions."""
_OPERATORS = {
    ("Contains", False): "text:contain",
    ("Not equal to", False): "text:notequal",
    ("Equal to", True): "number:equal",
    ("Not equal to", True): "number:notequal",
}
