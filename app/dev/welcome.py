"""What `lockstitch dev` prints when everything is ready."""

from collections.abc import Mapping
from pathlib import Path

WELCOME = """
Lockstitch is ready ({seconds:.1f} s). Press Ctrl-C to stop it; the data is kept.

  API         {api}  (browse it at {api}/schema)
  Console     {api}/console  (sign in with the operators' key)
  Emulators   {emulators}  (freshdesk, hubspot, salesforce, shopify, stripe, woocommerce, zendesk)
  Database    {database}
  Key         {key}
  Operators   {ops_key}
  Folder      {folder}  (logs/ has one file per process; dev.json has all of the above)

Create a customer in HubSpot. Repeat the same call, and the recorded answer is replayed:

  curl -i {api}/v1/customers \\
    -H 'Authorization: Bearer {key}' \\
    -H 'Content-Type: application/json' \\
    -H 'Idempotency-Key: first-customer' \\
    -d '{{"first_name": "Ada", "last_name": "Byron", "emails": [{{"address": "ada@example.com"}}]}}'

List the records in the HubSpot emulator:

  curl '{emulators}/_emulator/records?vendor=hubspot&object=contacts'
"""


def welcome(facts: Mapping[str, object], database: str, folder: Path, seconds: float) -> str:
    """Return the text. `facts` is the content of `dev.json`; `database` must contain no password."""
    return WELCOME.format(database=database, folder=folder, seconds=seconds, **facts)
