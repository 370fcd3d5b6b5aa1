"""One e-mail address, one number and one required name, as vendors store them."""

import pytest
from msgspec import UNSET

from canonical.customer import CustomerPatch
from canonical.parts import AddressPatch, Loss
from mappings.kit import patches
from mappings.kit.contact_points import email_address, one_email, one_phone
from mappings.kit.names import required_name
from mappings.spec import Notes


def test_an_address_is_folded_with_a_loss_at_its_place() -> None:
    loss: list[Loss] = []

    assert email_address("Ann@Example.COM", "/author/email", loss) == "ann@example.com"
    assert [(one.path, one.kind) for one in loss] == [("/author/email", "coerced")]
    assert email_address("ann@example.com", "/x", loss) == "ann@example.com"
    assert email_address("", "/x", loss) is None
    assert len(loss) == 1


def test_one_email_is_primary_and_keeps_its_status() -> None:
    (email,) = one_email("a@b.example", [], status="bounced", status_raw="bad")

    assert (email.address, email.is_primary, email.status, email.status_raw) == ("a@b.example", True, "bounced", "bad")
    assert one_email(None, []) == ()


def test_one_phone_is_read_in_the_country_of_the_record() -> None:
    (phone,) = one_phone("030 123456", "DE")

    assert (phone.e164, phone.raw, phone.is_primary) == ("+4930123456", "030 123456", True)
    assert one_phone("") == ()


@pytest.mark.parametrize(
    ("name", "is_new", "written", "refused", "lost"),
    [
        ("Ann", True, "Ann", [], []),
        (" ", False, UNSET, ["/display_name"], []),
        (None, False, UNSET, ["/display_name"], []),
        (UNSET, False, UNSET, [], []),
        (None, True, UNSET, [], ["/display_name"]),
        (UNSET, True, UNSET, [], ["/display_name"]),
    ],
)
def test_a_required_name(name: object, is_new: bool, written: object, refused: list[str], lost: list[str]) -> None:
    notes = Notes()

    assert required_name(CustomerPatch(display_name=name), "Deskbell", notes, is_new=is_new) == written  # type: ignore[arg-type]
    assert [one.pointer for one in notes.refused] == refused
    assert [(one.path, one.kind) for one in notes.loss] == [(path, "defaulted") for path in lost]


def test_members_without_a_place_and_odd_countries_are_refused() -> None:
    notes = Notes()
    address = AddressPatch(name="Ann", line1="Street 1", country_code="de")

    patches.refuse_members(address, ("name", "company"), "/addresses/0", "lines only", notes)

    assert patches.country_code(address, "/addresses/0", notes) == "de"
    assert [(one.pointer, one.kind) for one in notes.refused] == [
        ("/addresses/0/name", "unsupported"),
        ("/addresses/0/country_code", "invalid"),
    ]


def test_a_read_only_revision_refuses_each_field_that_is_sent() -> None:
    draft = patches.read_only("read only")(CustomerPatch(first_name="Ann", notes=None), None, None)

    assert [(one.pointer, one.kind) for one in draft.refused] == [
        ("/first_name", "unsupported"),
        ("/notes", "unsupported"),
    ]
