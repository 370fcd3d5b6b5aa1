"""What the process that `tests.forked` forks from does last: it reads the public authorities and the released mappings,
which takes 20 ms each, and imports every vendor; and nothing that it has imported is ever scanned for garbage, which
would copy its memory into each fork."""

import gc

from app.egress.tls import tls_context
from mappings.lock import released
from mappings.registry import VENDORS

tls_context(from_environment=False)
tuple(VENDORS.values())
released()
gc.collect()
gc.freeze()
