"""What consumers really send and expect, held against the schemas: a change that breaks one of them fails here.

The consumers that we know whole are the OpenAPI document, whose examples people copy, and the n8n templates. A
template's body is JSON, or an expression over what the node before it gives: an answer or an event as the API gives it.
Node.js evaluates the expression. Tests of templates are skipped where there is no Node.js.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from jsonschema import Draft202012Validator

from app.copies.copy import CopyRequest
from canonical.customer import CustomerPatch
from canonical.order_patch import OrderPatch
from canonical.output_only import strip_output
from canonical.released import FOLDER as RELEASED
from canonical.schema import FOLDER as PRESENT
from canonical.schema import ROOTS
from canonical.ticket import TicketPatch
from tests.openapi.whole_api import DOCUMENT

ROOT: Final = Path(__file__).parents[2]
NODE: Final = shutil.which("node")
FILE_OF: Final = {struct.__name__: name for name, struct in ROOTS.items()}
TEMPLATES: Final = sorted((ROOT / "n8n-workflows").glob("*.json"))
WRITES: Final[dict[str, tuple[str, type[msgspec.Struct]]]] = {
    "customers": ("customer-write", CustomerPatch),
    "orders": ("order-write", OrderPatch),
    "tickets": ("ticket-write", TicketPatch),
}
RECORDS: Final = re.compile(rf"/v1/({'|'.join(WRITES)})(/.+/copies)?$")

Template = dict[str, Any]


def schemas(name: str) -> Iterator[dict[str, Any]]:
    """The schema as it is, and as it was released: a consumer of either has to be right."""
    for file in (PRESENT / f"{name}.json", RELEASED / f"{name}.v1.json"):
        yield msgspec.json.decode(file.read_bytes(), type=dict[str, Any])


def assert_fits(name: str, body: Any) -> None:
    for schema in schemas(name):
        Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(body)


# ------------------------------------------------------------------- the OpenAPI document


def examples() -> Iterator[Any]:
    """Every example of a canonical resource or of a write of one, as (schema's file, example)."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            contents = [("body", operation.get("requestBody", {}).get("content", {}))]
            contents += [(status, response.get("content", {})) for status, response in operation["responses"].items()]
            for place, content in contents:
                for kind, media in content.items():
                    title = media["schema"].get("$ref", "").rpartition("/")[2]
                    for file, example in single_examples(title, media):
                        yield pytest.param(file, example, id=f"{method} {path} {place} {kind}")


def single_examples(title: str, media: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    examples = [media["example"]] if "example" in media else []
    if title in FILE_OF:
        yield from ((FILE_OF[title], example) for example in examples)
    elif title.removesuffix("List") in FILE_OF:
        yield from ((FILE_OF[title.removesuffix("List")], one) for example in examples for one in example["data"])


EXAMPLES: Final = list(examples())


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_an_example_of_the_openapi_document_fits(name: str, example: Any) -> None:
    assert_fits(name, example)


def test_the_document_has_an_example_of_every_object() -> None:
    assert {parameter.values[0] for parameter in EXAMPLES} == set(ROOTS)


# -------------------------------------------------------------------------- the templates


def example_of(path: str) -> Any:
    return DOCUMENT["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["example"]


# What reaches a template from outside: the answer of its reading call, the event that starts it.
GIVEN: Final[dict[str, Any]] = {
    "Find order": example_of("/v1/orders/{id}"),
    "Findings": example_of("/ops/reconciliations"),
    "Changed customers": {"id": "evt_1", "type": "customer.updated", "data": example_of("/v1/customers/{id}")},
    "Lockstitch event": {
        "body_text": json.dumps({"type": "customer.updated", "data": example_of("/v1/customers/{id}")}),
        "headers": {},
    },
}


def writes() -> Iterator[Any]:
    """Every node of a template that writes or copies a record, as (template, node)."""
    for path in TEMPLATES:
        template = json.loads(path.read_bytes())
        for node in template["nodes"]:
            parameters = node["parameters"]
            if node["type"].endswith(".httpRequest") and parameters.get("method", "GET") in ("POST", "PATCH", "PUT"):
                if RECORDS.search(parameters["url"]) is None:
                    continue
                yield pytest.param(template, node, id=f"{path.stem}, {node['name']}")


def before(template: Template, name: str) -> dict[str, Any]:
    """The nearest node before this one that makes something: runs code, calls, or is the start."""
    for source, ports in template["connections"].items():
        if any(link["node"] == name for links in ports["main"] for link in links):
            node: dict[str, Any] = next(one for one in template["nodes"] if one["name"] == source)
            makes = node["type"].endswith((".code", ".httpRequest")) or source in GIVEN
            return node if makes or not _has_before(template, source) else before(template, source)
    raise AssertionError(f"nothing leads to {name}")


def _has_before(template: Template, name: str) -> bool:
    return any(
        link["node"] == name for one in template["connections"].values() for links in one["main"] for link in links
    )


def items(node: dict[str, Any]) -> list[Any]:
    """What a node gives, one after the other."""
    if node["name"] in GIVEN:
        return [GIVEN[node["name"]]]
    if not node["type"].endswith(".code"):
        return [{}]
    return evaluate(f"(() => {{ {node['parameters']['jsCode']}\n }})().map((one) => one.json)", {})


def body_of(template: Template, node: dict[str, Any], item: Any) -> Any:
    """The body that a node sends for an item."""
    (run,) = (one for one in template["nodes"] if one["name"] == "Run")
    written: str = node["parameters"]["jsonBody"]
    values = {one["name"]: str(one["value"]) for one in run["parameters"]["assignments"]["assignments"]}
    for name, value in values.items():
        written = written.replace(f"{{{{ $('Run').first().json.{name} }}}}", value)
    if written.startswith('={"'):  # JSON with values of *Run* in it
        return json.loads(written[1:])
    expression = re.fullmatch(r"=\{\{(.+)\}\}", written, re.DOTALL)
    return json.loads(written if expression is None else evaluate(expression[1], item, values))


def evaluate(expression: str, item: Any, run: dict[str, str] | None = None) -> Any:
    """The value of a JavaScript expression over `$json`, and over the values of *Run*."""
    names = f"const $json = {json.dumps(item)}; const $ = () => ({{ first: () => ({{ json: {json.dumps(run)} }}) }});"
    program = f"{names} process.stdout.write(JSON.stringify({expression}));"
    assert NODE is not None
    done = subprocess.run([NODE, "-e", program], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.skipif(NODE is None, reason="Node.js runs the code of the templates")
@pytest.mark.parametrize(("template", "node"), list(writes()))
def test_what_a_template_sends_fits(template: Template, node: dict[str, Any]) -> None:
    resource = RECORDS.search(node["parameters"]["url"])
    assert resource is not None
    bodies = [body_of(template, node, item) for item in items(before(template, node["name"]))]

    assert bodies
    assert all(bodies)
    if resource[2]:
        assert all(msgspec.convert(body, CopyRequest) for body in bodies)
        return
    name, patch = WRITES[resource[1]]
    for body in bodies:
        sent, _ = strip_output(body, patch)  # a record is sent as it was read, and a write ignores what is output-only
        assert_fits(name, sent)


def test_there_are_templates_that_write_each_object() -> None:
    urls = [parameter.values[1]["parameters"]["url"].rpartition("/")[2] for parameter in writes()]

    assert set(urls) == {*WRITES, "copies"}
