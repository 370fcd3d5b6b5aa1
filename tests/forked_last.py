"""What the process that `tests.forked` forks from does last: it reads the public authorities, the released mappings,
the plugins of Pydantic and the signatures of the API, which takes 20 to 50 ms each, and imports every vendor; and
nothing that it has imported is ever scanned for garbage, which would copy its memory into each fork."""

import gc

from litestar.handlers import HTTPRouteHandler
from pydantic import TypeAdapter

from app.api import routes
from app.egress.tls import tls_context
from mappings.lock import released
from mappings.registry import VENDORS

for from_environment in (False, True):
    tls_context(from_environment=from_environment)
TypeAdapter(int)
for route in routes():
    if isinstance(route, HTTPRouteHandler):
        assert route.parsed_fn_signature
tuple(VENDORS.values())
released()
gc.collect()
gc.freeze()
