"""What a record reads after it was written: as it was sent, or the answer to the write says what was lost. A change or
upsert that comes again changes nothing, so the vendor is sent nothing."""

from collections.abc import Callable, Collection, Iterator
from itertools import chain
from typing import Final

import pytest
from msgspec import Struct

from canonical.ticket import CommentPatch
from mappings.registry import VENDORS, active
from tests.contract.callers import Caller, pointers
from tests.contract.facade import Facade
from tests.contract.field_values import fields
from tests.contract.own_facade import own_key
from tests.contract.samples import Body, word
from tests.contract.vendor_samples import SAMPLES, all_vendors
from tests.contract.write_and_read import (
    Changer,
    Commenter,
    Finding,
    Upserter,
    Writer,
    base_of_changes,
    resolved_fields,
    values_of_field,
    whole_bodies,
)
from tests.contract.written_fields import DEFINED, FIELDS, LINE_FIELD

COMMENTED: Final = [
    name
    for name, one in SAMPLES.items()
    if one.object == "ticket" and active(VENDORS[one.vendor], "comment") is not None
]
SETTING: Final = """
[[connections.{vendor}.custom_fields.{object}s]]
key = "{key}"
vendor_field = "{field}"
"""


def settings() -> str:
    """The configuration of the custom fields, of records and of the lines of orders."""
    text = ""
    for name, field in FIELDS.items():
        one = SAMPLES[name]
        text += SETTING.format(vendor=one.vendor, object=one.object, key="written", field=field)
        if one.object == "order" and VENDORS[one.vendor].line_fields:
            text += SETTING.format(vendor=one.vendor, object=one.object, key="line_written", field=LINE_FIELD)
    return text


@pytest.fixture(scope="module")
def running_facade(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Facade]:
    """A Lockstitch of this module, connected to every vendor."""
    with all_vendors(tmp_path_factory.mktemp("written"), module_database_url, more=settings()) as facade:
        for vendor, defined in DEFINED.items():
            for collection, field in defined:
                facade.vendors.place(vendor, collection, field)
        yield facade


full_key = own_key()


@pytest.mark.parametrize("name", SAMPLES)
def test_a_new_record_reads_as_it_was_sent(caller: Caller, name: str) -> None:
    sample = SAMPLES[name]
    check(Writer(caller, sample), sample.mapping.patch, sample.body, resolved_fields(name))


@pytest.mark.parametrize("name", SAMPLES)
def test_a_change_reads_as_it_was_sent(caller: Caller, name: str) -> None:
    sample = SAMPLES[name]
    check(Changer(caller, sample), sample.mapping.patch, base_of_changes(sample), resolved_fields(name))


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, one in SAMPLES.items() for key in one.upsert_keys])
def test_an_upsert_reads_as_it_was_sent(caller: Caller, name: str, key: str) -> None:
    sample = SAMPLES[name]
    writer = Upserter(caller, sample, key)
    findings = [one for body in whole_bodies(sample.mapping.patch, sample.body) for one in writer.findings(body)]
    assert not findings, "\n".join(map(str, findings[:20]))


@pytest.mark.parametrize("name", COMMENTED)
def test_a_comment_reads_as_it_was_sent(caller: Caller, name: str) -> None:
    base = {"body_text": "A new mug is on its way."}
    check(Commenter(caller, SAMPLES[name]), CommentPatch, lambda mark: base, fields(CommentPatch).keys())


@pytest.mark.parametrize("name", [name for name, one in SAMPLES.items() if one.mapping.longest])
def test_a_text_that_is_too_long_is_refused_with_its_limit(caller: Caller, name: str) -> None:
    """One of the most characters is accepted: the limit is the vendor's."""
    sample = SAMPLES[name]
    for path, most in sample.mapping.longest.items():
        for length, status in ((most, 201), (most + 1, 422)):
            body = sample.body(word())
            pointer = put(body, path.split("/"), "x" * length)
            answer = caller.write("POST", f"{sample.collection()}&loss=any", body, headers={"prefer": "wait=30"})
            assert answer.status_code == status, (path, length, answer.text[:500])
        assert pointers(answer) == [pointer]
        assert f"at most {most} characters" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("vendor", "names", "most", "pointer"),
    [
        ("freshdesk", {"display_name": "{}"}, 255, "/display_name"),
        ("freshdesk", {"first_name": "{}", "last_name": "Lee"}, 251, "/first_name"),
        ("freshdesk", {"display_name": "Ann Lee", "first_name": "x" * 300}, None, None),
        ("salesforce", {"display_name": "Ann {}"}, 80, "/display_name"),
        ("salesforce", {"first_name": "{}", "last_name": "Lee"}, 40, "/first_name"),
        ("salesforce", {"first_name": "{}"}, 80, "/first_name"),
        ("salesforce", {"company_name": "{}"}, 80, "/company_name"),
        ("shopify", {"last_name": "{}"}, 255, "/last_name"),
        ("stripe", {"first_name": "Ann", "last_name": "{}"}, 252, "/last_name"),
    ],
)
def test_a_name_that_is_too_long_is_refused_at_the_field_that_it_comes_from(
    caller: Caller, vendor: str, names: Body, most: int | None, pointer: str | None
) -> None:
    """Only a name that is written: joined, split, or instead of another one."""
    base = SAMPLES[f"{vendor} customer"].body(word()) | dict.fromkeys(("display_name", "first_name", "last_name"))
    for length, status in ((most or 0, 201), *([(most + 1, 422)] if most else [])):
        body = base | {name: text and text.format("x" * length) for name, text in names.items()}
        answer = caller.write(
            "POST", f"/v1/customers?connection={vendor}&loss=any", body, headers={"prefer": "wait=30"}
        )
        assert answer.status_code == status, (length, answer.text[:500])
        if status == 422:
            assert pointers(answer) == [pointer]


def put(body: Body, path: list[str], text: str) -> str:
    """Put a text into a body, and return its pointer."""
    name, *inner = path
    if name == "tags":
        body[name] = [text]
        return "/tags/0"
    if not inner:
        body[name] = text
        return f"/{name}"
    if name in ("addresses", "line_items"):
        item = (body.get(name) or [{"line1": "Uferweg 3"}])[0]
        body[name] = [item | {inner[0]: text}]
        return f"/{name}/0/{inner[0]}"
    body[name] = {"line1": "Uferweg 3", inner[0]: text}
    return f"/{name}/{inner[0]}"


def check(writer: Writer, patch: type[Struct], base: Callable[[str], Body], each: Collection[str]) -> None:
    """Send bodies with every field, each value of the fields in `each`, and alone what has not been written by then:
    the first value that the vendor takes. Nothing may read otherwise than it was sent without an announcement."""
    findings = list[Finding]()
    values = (values_of_field(patch, base, name) for name in fields(patch) if name in each)
    for body in chain(whole_bodies(patch, base), *values):
        findings += writer.findings(body)
    for name in fields(patch).keys() - writer.written:
        for body in values_of_field(patch, base, name):
            findings += writer.findings(body)
            if name in writer.written:
                break
    assert not findings, "\n".join(map(str, findings[:20]))
    assert fields(patch).keys() <= writer.written, fields(patch).keys() - writer.written


def test_an_overdue_ticket_is_created_without_its_due_time(caller: Caller) -> None:
    one = SAMPLES["freshdesk ticket"]
    body = one.body(word()) | {"due_at": "2026-05-04T09:30:00Z"}

    refused = caller.write("POST", f"{one.collection()}&loss=none", body)
    made = caller.create(one.collection(), body)

    assert pointers(refused) == ["/due_at"], refused.text
    assert [(loss["path"], loss["kind"]) for loss in made["meta"]["loss"]] == [("/due_at", "dropped")]
    assert made["due_at"] > made["created_at"]
