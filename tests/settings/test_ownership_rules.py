"""`[ownership.<objects>]`: what a field inherits from its object, and what is refused at the start."""

from pathlib import Path

import pytest

from app.settings.file import ConfigFile, read_config_file
from app.settings.reading import SettingsError

HEAD = (
    '[connections.crm]\nvendor = "hubspot"\n[connections.shop]\nvendor = "shopify"\n'
    '[systems_of_record]\ncustomers = "crm"\n'
)


def read(folder: Path, text: str) -> ConfigFile:
    file = folder / "lockstitch.toml"
    file.write_text(HEAD + text, encoding="utf-8")
    return read_config_file(file)


def test_without_a_table_the_system_of_record_owns_the_fields_and_nothing_is_checked(tmp_path: Path) -> None:
    ownership = read(tmp_path, "").ownership
    assert {one.owner for one in ownership["customer"].fields.values()} == {"crm"}
    assert {one.owner for one in ownership["order"].fields.values()} == {None}
    assert not ownership["customer"].is_checked


def test_a_field_inherits_what_it_does_not_say(tmp_path: Path) -> None:
    fields = (
        read(
            tmp_path,
            '[ownership.customers]\nwriters = ["key:n8n"]\nanyone_else = "skip"\nteam = "Sales"\n'
            '[ownership.customers.fields.phones]\nowner = "shop"\nanyone_else = "review"\n',
        )
        .ownership["customer"]
        .fields
    )
    assert (fields["phones"].owner, fields["phones"].anyone_else) == ("shop", "review")
    assert (fields["phones"].writers, fields["phones"].team) == (("key:n8n",), "Sales")
    assert (fields["emails"].owner, fields["emails"].anyone_else) == ("crm", "skip")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[ownership.invoices]\nowner = "crm"', "unknown object invoices"),
        ('[ownership.customers]\nowner = "erp"', "owner names 'erp', which is not a connection"),
        ('[ownership.customers]\nwriters = ["n8n"]\nanyone_else = "skip"', "writers names 'n8n': name a connection"),
        ('[ownership.customers]\nwriters = ["key:n8n"]', "need anyone_else"),
        ('[ownership.customers.fields.tags]\namong_writers = "newest"', "fields.tags: writers and among_writers need"),
        ('[ownership.customers]\nanyone_else = "ignore"', "Invalid enum value 'ignore'"),
        ("[ownership.customers]\nfreshness_seconds = 0", "freshness_seconds"),
        ('[ownership.customers]\nowners = "crm"', "unknown field `owners`"),
        ('[ownership.customers.fields.jobtitle]\nanyone_else = "skip"', "has no field 'jobtitle' of a customer"),
        ("[ownership.orders]\nfreshness_seconds = 900", "freshness_seconds needs an owner"),
        ('[ownership.orders]\nanyone_else = "reject"', "anyone_else needs an owner"),
    ],
)
def test_what_is_wrong_is_reported_with_its_place(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read(tmp_path, text)
    assert complaint in str(raised.value)
    assert "[ownership" in str(raised.value)


def test_the_strictest_field_of_a_connection_limits_the_age_of_its_data(tmp_path: Path) -> None:
    customers = read(
        tmp_path,
        "[ownership.customers]\nfreshness_seconds = 3600\n"
        "[ownership.customers.fields.emails]\nfreshness_seconds = 900\n"
        '[ownership.customers.fields.phones]\nowner = "shop"\nfreshness_seconds = 60\n',
    ).ownership["customer"]
    assert {name: customers.freshness_of(name) for name in ("crm", "shop", "desk")} == {
        "crm": 900,
        "shop": 60,
        "desk": None,
    }
