"""CSV exports of legacy systems: uploaded files with a header and one row per record.

There is no API to call and no webhook to verify, so the manifest has only a name. The `Layout` of each connection
defines the mapping.
"""

from typing import Final

from mappings.manifest import Manifest

VENDOR: Final = Manifest(name="csv", title="CSV export", docs="https://www.rfc-editor.org/rfc/rfc4180")
