"""Released revisions must not change: a change is refused with what to do instead."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mappings import lock, release
from mappings.registry import VENDORS, active, is_released, mapping_of
from tests.required import required

ROOT = Path(__file__).resolve().parents[2]
NAME = "hubspot.customer@r1"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The files that HubSpot's released revisions consist of, to be changed."""
    for folder in ("mappings/hubspot", "tests/mappings/hubspot/fixtures"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path


def released() -> dict[str, lock.Released]:
    return {name: one for name, one in lock.released().items() if name.startswith("hubspot.")}


def test_nothing_that_is_released_has_changed() -> None:
    assert {NAME, "hubspot.customer@r2", "shopify.order@r1", "zendesk.comment@r1"} <= lock.released().keys()
    assert release.complaints(lock.released()) == []
    assert release.render(lock.released()) == release.LOCK.read_text("utf-8")


def test_an_edited_released_module_is_refused(copy: Path) -> None:
    assert release.complaints(released(), copy) == []
    module = copy / "mappings/hubspot/customer_r1.py"
    module.write_text(module.read_text("utf-8").replace('kind="person"', 'kind="unknown"'), "utf-8")

    (sentence,) = release.complaints(released(), copy)

    assert sentence == (
        f"{NAME} is released and must not change: mappings/hubspot/customer_r1.py was changed."
        " Restore it, and make the change in r3 of hubspot.customer"
        " (docs/vendor-reference.md, A new revision)."
    )


@pytest.mark.parametrize(
    "line",
    [
        "from mappings.acme import order_parts_r1",
        "from mappings.acme.order_parts_r1 import PART",
        "import mappings.acme.order_parts_r1 as parts",
        "from . import order_parts_r1",
        "from .order_parts_r1 import PART",
        "from ..acme import order_parts_r1",
    ],
)
def test_a_part_belongs_to_its_revision_however_it_is_imported(tmp_path: Path, line: str) -> None:
    module = ModuleType("mappings.acme.order_r1")
    module.__package__, module.__file__ = "mappings.acme", str(tmp_path / "order_r1.py")
    Path(module.__file__).write_text(f"def read():\n    {line}\n", "utf-8")

    assert "mappings.acme.order_parts_r1" in set(release.imported(module))


def test_a_revision_is_released_after_the_one_that_it_builds_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(release, "LOCK", tmp_path / "released.lock")

    assert release.main(["hubspot.customer@r2"]) == 1
    assert capsys.readouterr().err == "hubspot.customer@r2 builds on hubspot.customer@r1: release that first.\n"
    assert not release.LOCK.exists()
    assert release.main(["hubspot.customer"]) == 0


def test_another_meaning_of_a_golden_record_is_seen(copy: Path) -> None:
    golden = copy / "tests/mappings/hubspot/fixtures/customer-full.r2.out.json"
    golden.write_text(golden.read_text("utf-8").replace("Head of Seams", "Head of Hems"), "utf-8")

    (sentence,) = release.complaints(released(), copy)

    assert "hubspot.customer@r2" in sentence
    assert "it maps the golden record customer-full to another result" in sentence


def test_an_unversioned_table_cannot_change_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    def shouted(properties: Mapping[str, Any]) -> dict[str, str]:
        return {name: value.upper() for name, value in properties.items() if isinstance(value, str)}

    monkeypatch.setattr("mappings.hubspot.bodies.sent", shouted)

    sentences = " ".join(release.complaints(released()))

    assert f"{NAME} is released" in sentences
    assert "it sends another value for first_name of the golden record customer-full" in sentences


def test_a_canonical_field_more_and_a_golden_record_more_are_no_change(copy: Path) -> None:
    fixtures = copy / "tests/mappings/hubspot/fixtures"
    golden = fixtures / "customer-full.out.json"
    golden.write_text(golden.read_text("utf-8").replace('"notes": null,', '"notes": null, "pronouns": null,'), "utf-8")
    for end in ("in", "out"):
        shutil.copy(fixtures / f"customer-bare.{end}.json", fixtures / f"customer-bald.{end}.json")

    assert release.complaints(released(), copy) == []


def test_a_changed_wire_struct_and_a_lost_revision_are_seen() -> None:
    one = lock.released()[NAME]
    other = lock.Released(
        modules=one.modules, wire={**one.wire, "ContactRecord": "0"}, golden=one.golden, writes=one.writes
    )

    changed, lost = release.complaints({NAME: other, "hubspot.customer@r9": one})

    assert "the wire Struct ContactRecord was changed" in changed
    assert lost.startswith("hubspot.customer@r9 is released and may be in use, but no vendor lists it")


def without(text: str, name: str) -> str:
    """The lock without the entry of a revision, taken out as with an editor."""
    tables = text.split("\n\n")
    kept = [table for table in tables if not table.startswith(f'["{name}".')]
    assert len(kept) < len(tables)
    return "\n\n".join(kept)


@pytest.mark.parametrize("name", [NAME, "hubspot.customer@r2", "zendesk.ticket@r1"])
def test_a_removed_lock_entry_is_detected(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    shorter = without(release.LOCK.read_text("utf-8"), name)
    assert name not in lock.read(shorter)
    monkeypatch.setattr(release, "LOCK", tmp_path / "released.lock")
    release.LOCK.write_text(shorter, "utf-8")

    assert release.main(["--check"]) == 1
    assert "mappings/released.lock was changed by hand or merged" in capsys.readouterr().err
    assert release.main([name]) == 1
    assert "mappings/released.lock was changed by hand or merged" in capsys.readouterr().err
    assert release.LOCK.read_text("utf-8") == shorter


def test_a_lock_without_its_last_line_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = release.LOCK.read_text("utf-8")
    monkeypatch.setattr(release, "LOCK", tmp_path / "released.lock")
    for change in (text.rpartition("# ")[0], f"{text}# more\n"):
        release.LOCK.write_text(change, "utf-8")
        assert release.main(["--check"]) == 1
        assert "mappings/released.lock was changed by hand or merged" in capsys.readouterr().err
    release.LOCK.write_bytes(text.replace("\n", "\r\n").encode())
    assert release.main(["--check"]) == 0


def test_without_a_lock_nothing_is_released(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(lock, "files", lambda package: tmp_path)
    assert lock.released.__wrapped__() == {}


def test_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert release.main(["--check"]) == 0
    assert release.main(["--list"]) == 0
    assert "hubspot.customer@r2              released" in capsys.readouterr().out
    assert release.main([]) == 2
    assert release.main(["hubspot.invoice"]) == 2
    assert "Unknown revision hubspot.invoice" in capsys.readouterr().err


def test_the_newest_released_revision_is_active_by_default() -> None:
    for vendor in VENDORS.values():
        for mapping in vendor.mappings:
            chosen = required(active(vendor, mapping.object))
            assert is_released(chosen) >= is_released(mapping)
    assert active(VENDORS["hubspot"], "customer") is mapping_of(VENDORS["hubspot"], "customer", 2)
