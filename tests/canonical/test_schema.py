"""The committed JSON Schemas say what the Structs say, explain every field, and judge as strictly as the decoder."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from referencing import Resource
from referencing.jsonschema import EMPTY_REGISTRY

from canonical.customer import Customer, Email
from canonical.order_patch import OrderPatch
from canonical.schema import FOLDER, ROOTS, field_texts, render, schema_of

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ROOTS)
def test_the_committed_file_is_what_the_structs_say(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_bytes() == render(name)


def test_there_is_no_schema_that_no_struct_stands_behind() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(ROOTS)


@pytest.mark.parametrize("name", ROOTS)
def test_it_is_a_schema_of_draft_2020_12_with_every_reference_inside(name: str) -> None:
    schema = schema_of(name)
    Draft202012Validator.check_schema(schema)
    registry = EMPTY_REGISTRY.with_resource(schema["$id"], Resource.from_contents(schema))
    resolver = registry.resolver(base_uri=schema["$id"])
    assert all(resolver.lookup(reference).contents for reference in _references(schema))


@pytest.mark.parametrize("name", ROOTS)
def test_every_field_has_a_sentence_and_every_leaf_an_example_that_fits(name: str) -> None:
    schema = schema_of(name)
    for title, members in _objects(schema):
        for field, member in members.items():
            sentence = member.get("description", "")
            assert len(sentence) > 5, f"{title}.{field} needs a sentence"
            assert sentence[0].isupper() or sentence[0] == "`", f"{title}.{field}: {sentence}"
            assert sentence.endswith("."), f"{title}.{field}: {sentence}"
            if "$ref" in str(member):
                continue
            assert member.get("examples"), f"{title}.{field} needs an example"
            for example in member["examples"]:
                Draft202012Validator(member, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(example)


WRITES_ONLY = {"ignored", "skipped", "operation_id", "correlation_id"}


@pytest.mark.parametrize("name", ["customer", "order", "ticket", "comment"])
def test_what_is_read_has_every_member_and_may_grow(name: str) -> None:
    schema = schema_of(name)
    optional = {schema["title"]: {"raw"}, "ResourceMeta": WRITES_ONLY | {"owners", "as_of"}, "Loss": {"place"}}
    for title, definition in [(schema["title"], schema), *schema["$defs"].items()]:
        assert set(definition["required"]) == set(definition["properties"]) - optional.get(title, set()), title
        assert "additionalProperties" not in definition


def test_what_is_written_refuses_what_it_does_not_know() -> None:
    for name in ("customer-write", "order-write", "ticket-write", "comment-write", "order-cancel"):
        schema = schema_of(name)
        assert [schema, *schema.get("$defs", {}).values()]
        assert all(
            definition["additionalProperties"] is False for definition in [schema, *schema.get("$defs", {}).values()]
        )


@pytest.mark.parametrize(
    "body",
    [
        {"currency": "EUR", "line_items": [{"name": "Mug", "quantity": "2", "unit_price": "19.90"}]},
        {"line_items": None, "tags": ["gift"], "customer": {"email": "ann@example.com"}},
        {"currency": "eur"},
        {"line_items": [{"name": "Mug", "quantity": 2}]},
        {"line_items": [{"name": "Mug"}]},
        {"status": None},
        {"status": "shipped"},
        {"totals": {}},
        {"is_test": "yes"},
        {"discounts": [{"amount": "+4.00"}]},
    ],
)
def test_schema_and_decoder_agree_on_what_may_be_written(body: dict[str, Any]) -> None:
    """The schema is a promise about the strict decoder: they accept and refuse the same bodies."""
    assert _fits_schema("order-write", body) == _decodes(body, OrderPatch)


def test_an_encoded_customer_fits_its_schema() -> None:
    customer = Customer(emails=(Email(address="ann@example.com", is_primary=True),))
    body = msgspec.json.decode(msgspec.json.encode(customer)) | {"id": "cus_1", "meta": _meta()}
    Draft202012Validator(schema_of("customer")).validate(body)
    with pytest.raises(ValidationError, match="'emails' is a required property"):
        Draft202012Validator(schema_of("customer")).validate({k: v for k, v in body.items() if k != "emails"})


def test_enums_stand_in_the_order_of_the_model() -> None:
    assert schema_of("ticket")["properties"]["priority"]["enum"] == [
        "low",
        "normal",
        "high",
        "urgent",
        "none",
        "unknown",
    ]


def test_a_patch_says_what_its_reading_struct_says_unless_it_says_more() -> None:
    schema = schema_of("order-write")
    assert schema["properties"]["number"]["description"] == schema_of("order")["properties"]["number"]["description"]
    assert field_texts(OrderPatch)["tags"].sentence.startswith("Labels of the order")


def test_check_names_the_file_that_differs_and_write_mends_it(tmp_path: Path) -> None:
    """On a copy of the package, so that the committed files are never touched."""
    shutil.copytree(ROOT / "canonical", tmp_path / "canonical", ignore=shutil.ignore_patterns("__pycache__"))
    target = tmp_path / "canonical" / "schemas" / "ticket.json"
    target.write_bytes(target.read_bytes().replace(b"urgent", b"hurried"))
    (target.parent / "invoice.json").write_text("{}")
    refused = _run(tmp_path, "--check")
    assert refused.returncode == 1
    assert "schemas/ticket.json is stale" in refused.stderr
    assert "schemas/invoice.json is stale" in refused.stderr
    assert _run(tmp_path, "--write").returncode == 0
    assert target.read_bytes() == render("ticket")
    assert _run(tmp_path, "--check").returncode == 0
    assert _run(tmp_path).returncode == 2


def _run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "canonical.schema", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


def _fits_schema(name: str, body: dict[str, Any]) -> bool:
    return bool(Draft202012Validator(schema_of(name)).is_valid(body))


def _decodes(body: dict[str, Any], into: type[msgspec.Struct]) -> bool:
    try:
        msgspec.json.decode(msgspec.json.encode(body), type=into)
    except msgspec.ValidationError:
        return False
    return True


def _meta() -> dict[str, Any]:
    return {
        "connection": "crm",
        "vendor": "hubspot",
        "remote_id": "1051",
        "remote_url": None,
        "remote_created_at": None,
        "remote_updated_at": None,
        "links": [],
        "mapping": {"name": "hubspot.customer", "revision": 1, "vendor_api": "v3"},
        "loss": [],
        "unsupported": ["tax_ids"],
    }


def _objects(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for definition in (schema, *schema.get("$defs", {}).values()):
        yield definition["title"], definition["properties"]


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for inner in part.values():
            yield from _references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _references(inner)
