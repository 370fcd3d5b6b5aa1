"""Vendors' own samples and specifications: they may lie next to the project, and are not part of it."""

import os
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
SHARED: Final = Path(os.environ.get("LOCKSTITCH_SHARED") or ROOT.parent / "shared")


def sample_names(vendor: str) -> list[str]:
    """What is at hand of a vendor's, as `<kind>/<name>.json`; nothing without the folder."""
    folder = SHARED / "vendor-samples" / vendor
    return sorted(str(path.relative_to(folder)) for path in folder.glob("*/*.json"))
