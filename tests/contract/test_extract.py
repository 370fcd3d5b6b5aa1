"""Extracts: a warehouse gets each record once, as a file that is whole or not there, and goes on where it stopped."""

import json
import stat
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow  # type: ignore[import-untyped]
import pyarrow.parquet  # type: ignore[import-untyped]
import pytest

from app.cli.extract import import_pyarrow, whole_file
from app.errors import Complaint
from tests.commands import exits
from tests.contract.callers import Caller
from tests.contract.facade import Facade
from tests.contract.samples import customer, order


def extracted(facade: Facade, *arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in exits(facade.lockstitch("extract", *arguments)).stdout.splitlines()]


def test_records_are_extracted_and_the_next_extract_goes_on(facade: Facade, caller: Caller, tmp_path: Path) -> None:
    made = [caller.create("/v1/customers", customer("hubspot")) for _ in range(3)]
    rows = extracted(facade, "customer", "--connection", "hubspot")
    assert rows == sorted(rows, key=lambda row: row["remote_id"])
    by_id = {row["id"]: row for row in rows}
    for record in made:
        row = by_id[record["id"]]
        assert (row["connection"], row["remote_id"]) == ("hubspot", record["meta"]["remote_id"])
        assert (row["emails"], row["last_name"]) == (record["emails"], record["last_name"])
        assert (row["schema_version"], row["version"], row["deleted"]) == ("v1", 1, False)
        assert row["mapping_revision"] == record["meta"]["mapping"]["revision"]

    file = tmp_path / "customers.parquet"
    done = exits(facade.lockstitch("extract", "customer", "--format", "parquet", "-o", str(file)))
    since = done.stdout.strip()
    assert done.stderr.endswith(f"To continue: --since {since}\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    caller.write("PATCH", f"/v1/customers/{made[0]['id']}", {"job_title": "Potter"})
    fresh = extracted(facade, "customer", "--connection", "hubspot", "--since", since)
    assert [row["job_title"] for row in fresh if row["id"] == made[0]["id"]] == ["Potter"]
    assert not {row["id"] for row in fresh} & {record["id"] for record in made[1:]}
    ended = {row["id"] for row in extracted(facade, "customer", "--until", since)}
    assert {record["id"] for record in made} - ended == {made[0]["id"]}


def test_parquet_has_the_same_columns_with_their_types(facade: Facade, caller: Caller, tmp_path: Path) -> None:
    made = caller.create("/v1/orders", order())
    file = tmp_path / "orders.parquet"
    exits(facade.lockstitch("extract", "order", "--connection", "shopify", "--format", "parquet", "-o", str(file)))
    table = pyarrow.parquet.read_table(file)
    instant = pyarrow.timestamp("us", tz="UTC")
    for name, kind in (
        ("seen_at", instant),
        ("placed_at", instant),
        ("version", pyarrow.int64()),
        ("is_test", pyarrow.bool_()),
        ("status", pyarrow.string()),
        ("line_items", pyarrow.string()),
    ):
        assert table.schema.field(name).type == kind
    (row,) = [row for row in table.to_pylist() if row["id"] == made["id"]]
    assert json.loads(row["totals"]) == made["totals"]
    assert json.loads(row["line_items"])[0]["name"] == made["line_items"][0]["name"]
    assert row["cancelled_at"] is None
    assert row["created_at"] == datetime.fromisoformat(made["created_at"]).astimezone(UTC)
    (line,) = [row for row in extracted(facade, "order", "--connection", "shopify") if row["id"] == made["id"]]
    assert list(line) == table.schema.names
    assert line["totals"] == made["totals"]


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (("invoice",), 2, 'Invalid value "invoice" for OBJECT'),
        (("order", "--connection", "shop"), 1, "There is no connection shop."),
        (("order", "--format", "parquet"), 2, "--format parquet needs a file: name it with -o."),
        (("order", "--since", "yesterday"), 2, "--since yesterday: must be a time"),
    ],
)
def test_a_wrong_extract_explains_itself(facade: Facade, arguments: tuple[str, ...], code: int, complaint: str) -> None:
    done = facade.lockstitch("extract", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert complaint in done.stderr


def test_an_extract_that_fails_leaves_the_former_file(tmp_path: Path) -> None:
    file = tmp_path / "customers.jsonl"
    file.write_text("former\n")

    def fail() -> None:
        with whole_file(file) as writing:
            writing.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert file.read_text() == "former\n"
    assert list(tmp_path.iterdir()) == [file]
    with pytest.raises(Complaint, match="cannot be written"), whole_file(tmp_path / "nowhere" / "file"):
        pass


def test_without_pyarrow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(Complaint, match=r"pip install 'lockstitch\[extract\]'"):
        import_pyarrow()
