"""Check that every vendor folder uses the same file names, so that knowledge of one vendor applies to all."""

import re
from pathlib import Path
from typing import Final

from mappings.checks.result import Result
from mappings.registry import AnyVendor

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
    "stock",  # how many of each item are available
    "events",  # hints of what changed, from a list of events
    "enums",  # the vendor's words and the canonical ones
    "bodies",  # body builders that objects share
    "field_values|addresses|contact_points|locales|money",  # values as the vendor spells them, both ways
    "people",  # the people of a ticket, both ways
    "custom_fields|metadata",  # where the caller's key, the marker and custom fields are kept
    "documents|search",  # query languages
    "account|choices|errors|tokens|unwrap|webhooks",
)
NEEDED: Final = ("__init__", "account", "errors", "unwrap")


def files_named(vendor: AnyVendor, root: Path) -> Result:
    """Check that the folder has only files of the usual names, and those that every vendor needs."""
    folder = f"mappings/{vendor.name}"
    files = sorted(path.stem for path in (root / folder).glob("*.py"))
    odd = [one for one in files if not any(re.fullmatch(pattern, one) for pattern in NAMES)]
    failures = [f"{folder}/{one}.py is no usual name: see NAMES in mappings/checks/file_names.py" for one in odd]
    failures += [f"there is no {folder}/{one}.py" for one in NEEDED if one not in files]
    return Result(cases=len(files), failures=tuple(failures), nothing=f"there is no {folder}")
