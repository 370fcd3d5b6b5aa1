"""Exports of legacy systems: a file with a header and a row a record, uploaded, and read as its configuration says.

There is nothing to call and nothing that is signed, so that its manifest says no more than its name; what it means
stands in the `Layout` of each connection.
"""

from typing import Final

from mappings.spec import Manifest

VENDOR: Final = Manifest(name="csv", title="CSV export", docs="https://www.rfc-editor.org/rfc/rfc4180")
