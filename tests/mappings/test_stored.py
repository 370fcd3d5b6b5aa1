"""What a vendor changes in a text is sent as it stores it, and announced."""

from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.customer import CustomerPatch
from canonical.order_patch import OrderPatch
from mappings.salesforce.field_values import STORES
from mappings.stored import as_stored

BLANKED: Final = {
    "first_name": " Ann ",
    "last_name": "Lee",
    "external_id": " key ",
    "tags": [" vip "],
    "addresses": [{"line1": "\t1 Quay", "city": "Bristol "}, {"line1": "2 Quay"}],
    "custom_fields": [{"key": "tier", "value": " gold "}],
}


def test_texts_are_sent_as_they_are_stored() -> None:
    patch, loss = as_stored(msgspec.convert(BLANKED, CustomerPatch), STORES)
    stored: dict[str, Any] = msgspec.to_builtins(patch)
    assert {name: stored[name] for name in ("first_name", "last_name", "external_id", "tags")} == {
        "first_name": "Ann",
        "last_name": "Lee",
        "external_id": " key ",
        "tags": (" vip ",),
    }
    assert [(one["line1"], one["city"]) for one in stored["addresses"]] == [("1 Quay", "Bristol"), ("2 Quay", None)]
    assert [one.path for one in loss] == ["/first_name", "/addresses/0/line1", "/addresses/0/city"]
    assert {one.kind for one in loss} == {"coerced"}


@pytest.mark.parametrize("patch", [CustomerPatch(), OrderPatch(number="7"), CustomerPatch(first_name=None)])
def test_a_patch_without_such_texts_stays_the_same_object(patch: Any) -> None:
    assert as_stored(patch, STORES) == (patch, ())
    assert as_stored(patch, {})[0] is patch


@given(text=st.text(alphabet=st.sampled_from(["a", " ", "\u00a0", "\n"])))
def test_what_is_stored_is_stored_unchanged(text: str) -> None:
    once, _ = as_stored(CustomerPatch(notes=text), STORES)
    assert as_stored(once, STORES) == (once, ())
