"""Runs a Make blueprint as Make's documentation describes its modules: mapping, filters, routes, HTTP, errors."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable
from typing import Any

import httpx

_TOKEN = re.compile(r"""\{\{(.*?)\}\}""")
_ARGUMENT = re.compile(r"""((?:[^;()"]|"[^"]*"|\([^()]*(?:\([^()]*\)[^()]*)*\))+)""")
_CALL = re.compile(r"(\w+)\((.*)\)")
_COMPARE: dict[str, Callable[[str, str], bool]] = {
    "text:contain": lambda left, right: right in left,
    "text:notequal": lambda left, right: left != right,
    "number:equal": lambda left, right: float(left) == float(right),
    "number:notequal": lambda left, right: float(left) != float(right),
}


class MakeError(Exception):
    """A module failed. `data` is what it got, as Make parsed it."""

    def __init__(self, status: int, data: Any) -> None:
        super().__init__(f"{status}: {data}")
        self.status, self.data = status, data


class Scenario:
    """One execution. `outputs` holds what each module gave, by its number; `sleep` gets the seconds to wait."""

    def __init__(self, blueprint: dict[str, Any], sleep: Callable[[float], None]) -> None:
        self._flow = blueprint["flow"]
        self._sleep = sleep
        self.outputs: dict[int, Any] = {}

    def run(self, headers: dict[str, str], body: str) -> None:
        """Run for one delivery. Raises MakeError where a module failed and no route handles it."""
        webhook, *rest = self._flow
        named = [{"name": name.lower(), "value": value} for name, value in headers.items()]
        self.outputs[webhook["id"]] = {"__IMTHEADERS__": named, "value": body}
        self._run(rest)

    def run_from(self, number: int) -> None:
        """Run from a module of the main route on, with the outputs that are there."""
        self._run([module for module in self._flow if module["id"] >= number])

    def _run(self, flow: list[dict[str, Any]]) -> None:
        for module in flow:
            if not self._passes(module.get("filter")):
                return
            if module["module"] == "builtin:BasicRouter":
                for route in module["routes"]:
                    self._run(route["flow"])
                return
            mapper = self._mapped(module["mapper"])
            self.outputs[module["id"]] = getattr(self, "_" + module["module"].replace(":", "_"))(mapper)

    def _passes(self, condition: dict[str, Any] | None) -> bool:
        if condition is None:
            return True
        ((one,),) = condition["conditions"]
        return _COMPARE[one["o"]](str(self._mapped(one["a"])), str(self._mapped(one["b"])))

    def _mapped(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._mapped(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._mapped(inner) for inner in value]
        if not isinstance(value, str):
            return value
        return _TOKEN.sub(lambda token: str(self._value(token[1])), value)

    def _value(self, expression: str) -> Any:
        expression = expression.strip()
        if expression.startswith('"'):
            return expression[1:-1]
        if expression.isdigit():
            return int(expression)
        call = _CALL.fullmatch(expression)
        if call is not None:
            arguments = [self._value(one) for one in _ARGUMENT.findall(call[2])]
            return _FUNCTIONS[call[1]](*arguments)
        number, *path = expression.split(".")
        value = self.outputs[int(number)]
        for name in path:
            value = value[name]
        return value

    def _util_SetVariables(self, mapper: Any) -> Any:  # noqa: N802 - named by Make
        return {one["name"]: one["value"] for one in mapper["variables"]}

    def _util_SetVariable2(self, mapper: Any) -> Any:  # noqa: N802 - named by Make
        return {mapper["name"]: mapper["value"]}

    def _util_FunctionSleep(self, mapper: Any) -> Any:  # noqa: N802 - named by Make
        self._sleep(mapper["duration"])
        return {}

    def _json_ParseJSON(self, mapper: Any) -> Any:  # noqa: N802 - named by Make
        return json.loads(mapper["json"])

    def _http_MakeRequest(self, mapper: Any) -> Any:  # noqa: N802 - named by Make
        headers = {one["name"]: one["value"] for one in mapper["headers"]}
        content = None
        if mapper.get("contentType") == "json":
            headers["Content-Type"] = "application/json"
            content = mapper["jsonStringBodyContent"]
        answer = httpx.request(
            mapper["method"], mapper["url"], headers=headers, content=content, timeout=mapper["timeout"]
        )
        # Parsed by this type alone.
        parsed = answer.headers["content-type"] == "application/json" and mapper["parseResponse"]
        data = answer.json() if parsed else answer.text
        if answer.is_error and mapper["stopOnHttpError"]:
            raise MakeError(answer.status_code, data)
        return {"statusCode": answer.status_code, "data": data}


def _get(array: list[Any], position: int) -> Any:
    return array[position - 1] if len(array) >= position else ""


def _map(array: list[dict[str, Any]], key: str, by: str, wanted: str) -> list[Any]:
    return [one[key] for one in array if one[by] == wanted]


def _sha256(text: str, encoding: str, key: str) -> str:
    assert encoding == "base64"
    return base64.b64encode(hmac.digest(key.encode(), text.encode(), hashlib.sha256)).decode()


_FUNCTIONS: dict[str, Callable[..., Any]] = {"get": _get, "map": _map, "sha256": _sha256}
