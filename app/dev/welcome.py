"""What `lockstitch dev` prints when everything is ready."""

from collections.abc import Mapping
from pathlib import Path

WELCOME = """
Lockstitch is ready ({seconds:.1f} s). Ctrl-C ends it; the data stays.

  API         {api}  (browse it at {api}/schema)
  Emulators   {emulators}  (freshdesk, hubspot, salesforce, shopify, stripe, woocommerce, zendesk)
  Database    {database}
  Key         {key}
  Operators   {ops_key}
  Folder      {folder}  (logs/ has one file for each process, dev.json all of the above)

Create a customer in HubSpot; the same call a second time is recognised and replayed:

  curl -i {api}/v1/customers \\
    -H 'Authorization: Bearer {key}' \\
    -H 'Content-Type: application/json' \\
    -H 'Idempotency-Key: first-customer' \\
    -d '{{"first_name": "Ada", "last_name": "Byron", "emails": [{{"address": "ada@example.com"}}]}}'

See what HubSpot's look-alike holds by now:

  curl '{emulators}/_emulator/records?vendor=hubspot&object=contacts'
"""


def welcome(facts: Mapping[str, object], database: str, folder: Path, seconds: float) -> str:
    """Where everything is and how to try it. `facts` is the content of `dev.json`; `database` may be shown."""
    return WELCOME.format(database=database, folder=folder, seconds=seconds, **facts)
