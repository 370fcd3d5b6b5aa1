"""Every vendor folder uses the same file names, so that what is known of one vendor is found in all."""

import re
from typing import Final

import pytest

from mappings.registry import VENDORS
from mappings.release import ROOT

OBJECT: Final = "(customer|order|ticket|comment)"
NAMES: Final = (
    "__init__",  # the manifest
    r"wire_\w+",  # Structs as the vendor sends and accepts them, by API version
    rf"{OBJECT}(_\w+)?_r\d+",  # one revision of a mapping, and its parts
    r"(\w+_)?webhook_r\d+|subscriptions_r\d+",
    r"endpoints(_\w+)?",  # how each object is reached
    "requests",  # request builders that objects share
    rf"paging(_{OBJECT})?",
    "related",  # further reads that complete records
    "enums",  # the vendor's words and the canonical ones
    "bodies",  # body builders that objects share
    "field_values|addresses|contact_points|locales|money",  # values as the vendor spells them, both ways
    "people",  # the people of a ticket, both ways
    "custom_fields|metadata",  # where the caller's key, the marker and custom fields are kept
    "documents|search",  # query languages
    "account|choices|errors|tokens|unwrap|webhooks",
)


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_vendor_uses_the_file_names_of_all(vendor: str) -> None:
    files = {path.stem for path in (ROOT / "mappings" / vendor).glob("*.py")}

    assert {name for name in files if not any(re.fullmatch(pattern, name) for pattern in NAMES)} == set()
    assert files >= {"__init__", "account", "errors", "unwrap"}
