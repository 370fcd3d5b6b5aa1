"""Tables: each list at 80 columns as a golden file, ids whole, and one line a row through a pipe."""

import importlib
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
from msgspec import Struct, UnsetType

from app.cli import (
    COMMANDS,
    approvals,
    connections,
    dead_letters,
    key,
    links,
    mapping,
    operations,
    person,
    queue,
    runs,
    status,
    subscriptions,
)
from app.cli.commands import TABLES
from app.cli.tables import print_facts, print_table, print_text
from app.writes.models import OperationView
from canonical.schema import field_texts

GOLDEN: Final = Path(__file__).parent / "tables"
AT: Final = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)
ID: Final = "op_0198f0a2b7c47d3c9a51f2e80b6c4d17"

VIEWS: Final[dict[str, Callable[[Any], str | None]]] = {
    "approvals show": approvals.show,
    "connections show": connections.show,
    "dead-letters show": dead_letters.show,
    "key usage": key.usage,
    "links show": links.show,
    "mapping list": mapping.print_mappings,
    "mapping show": mapping.show,
    "operations show": operations.show,
    "person export": person.export,
    "person status": person.status,
    "queue": queue.show,
    "runs show": runs.print_steps,
    "status": status.show,
    "subscriptions show": subscriptions.show,
}
"""What commands print about one view, and tables of several columns that are no list."""

for _commands in COMMANDS.values():
    for _place, _ in _commands.values():
        importlib.import_module(f"app.cli.{_place.split(':')[0]}")


def sample(kind: Any, name: str = "") -> Any:
    """Return a value of a type: a Struct from the examples of its fields."""
    if get_origin(kind) is Annotated:
        return sample(get_args(kind)[0], name)
    if get_origin(kind) in (Union, UnionType):
        return sample(next(one for one in get_args(kind) if one not in (NoneType, UnsetType)), name)
    if get_origin(kind) is Literal:
        return get_args(kind)[0]
    if isinstance(kind, type) and issubclass(kind, Struct):
        return filled(kind)
    if get_origin(kind) in (list, tuple, Sequence):
        return [sample(get_args(kind)[0], name)]
    if get_origin(kind) is dict or kind is dict:
        return {}
    simple = {str: f"{name}_{ID[3:]}" if name == "id" else name, int: 3, float: 41.5, bool: False, datetime: AT}
    return simple.get(kind, msgspec.Raw(b'{"reason":"changed"}') if kind is msgspec.Raw else name)


def filled(struct: type[Struct]) -> Any:
    texts, hints = field_texts(struct), get_type_hints(struct, include_extras=True)
    values = {}
    for field in msgspec.structs.fields(struct):
        example = texts[field.name].example if field.name in texts else None
        if example is None or bytes(example) == b"null" or hints[field.name] is msgspec.Raw:
            values[field.name] = sample(hints[field.name], field.name)
        else:
            values[field.name] = msgspec.convert(msgspec.json.decode(example), hints[field.name])
    return struct(**values)


def rendered(capsys: pytest.CaptureFixture[str], name: str) -> str:
    columns, row = TABLES[name]
    (kind,) = (one for key, one in get_type_hints(row).items() if key != "return")
    print_table(columns, [sample(kind)] * 2, row)
    return capsys.readouterr().out


def printed(capsys: pytest.CaptureFixture[str], name: str) -> str:
    (kind, *_) = get_type_hints(VIEWS[name]).values()
    sentence = VIEWS[name](sample(kind))
    return capsys.readouterr().out + (f"{sentence}\n" if sentence else "")


def test_every_table_has_a_golden_file_and_no_other() -> None:
    files = {f"{name.replace(' ', '-')}.txt" for name in (*TABLES, *VIEWS)}
    assert files == {one.name for one in GOLDEN.iterdir()}


@pytest.mark.parametrize("name", sorted((*TABLES, *VIEWS)))
def test_a_table_holds_at_80_columns(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text, file = (rendered if name in TABLES else printed)(capsys, name), GOLDEN / f"{name.replace(' ', '-')}.txt"
    if "LOCKSTITCH_WRITE_GOLDEN" in os.environ:
        file.write_text(text)

    assert text == file.read_text()
    # A command stays whole, so that it can be copied.
    assert max(len(line) for line in text.splitlines() if "lockstitch " not in line) <= 80


@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_row_is_one_line_through_a_pipe(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)

    assert len(rendered(capsys, name).splitlines()) == 3


def test_ids_stay_whole_beside_long_texts(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    print_table(("id", "other", "why"), [(ID, ID.replace("op_", "dl_"), "a long sentence " * 9)], lambda row: row)

    out = capsys.readouterr().out
    assert ID in out
    assert "dl_" + ID[3:] in out
    assert max(map(len, out.splitlines())) <= 80


def test_wide_signs_count_twice_and_control_characters_do_not_reach_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")

    print_table(("name", "id"), [("漢字", "1"), ("abcd", "2"), ("a\x1b[31m\u202e", "3")], lambda row: row)
    print_facts(("at", AT), ("none", None), ("names", ("a", "b")), ("rows", 1234567))
    print_text("one two three four five six seven")

    assert capsys.readouterr().out.splitlines() == [
        *("name     id", "漢字     1", "abcd     2", "a\ufffd[31m\ufffd  3"),
        *("at     2026-05-01 09:30", "names  a, b", "rows   1,234,567", "one two three four five six", "seven"),
    ]


def test_each_part_of_a_connection_is_a_line_of_its_own(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    lines = [line.strip() for line in printed(capsys, "connections show").splitlines()]
    assert "budgets           88 of 100 per 10 s" in lines
    assert "refused webhooks  count: 3" in lines
    assert "reason: mismatch" in lines
    (freshness,) = (line for line in lines if line.startswith("freshness"))
    assert freshness.split(maxsplit=1)[1].startswith("customer 3 min, limit 15 min, the last pull failed: ")


def test_a_comment_is_listed_once() -> None:
    view = msgspec.structs.replace(filled(OperationView), action="comment", object="comment")
    assert operations.list_row(view)[2].splitlines()[0] == "comment"
