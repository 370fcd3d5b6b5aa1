"""Exports of legacy systems: uploaded files with a header and one row for each record.

There is no API to call and nothing is signed, so the manifest has only a name. The `Layout` of each connection defines
how rows are read.
"""

from typing import Final

from mappings.spec import Manifest

VENDOR: Final = Manifest(name="csv", title="CSV export", docs="https://www.rfc-editor.org/rfc/rfc4180")
