"""Serves localstripe on a port of the loopback address, in memory alone. Runs in localstripe's own environment.

Three things are bent. By itself it listens at every address of the machine and keeps its state in a file that all runs
share. It speaks an API of some years ago: a member that can be expanded only since then is refused by it, where
Stripe expands it; here it is left out. And its customers lack `tax_exempt`.
"""

import sys
from importlib import import_module
from typing import Any

NEWER = frozenset({"payments", "data.payments"})


def serve(port: int) -> None:
    """Serve until stopped."""
    web: Any = import_module("aiohttp.web")
    resources: Any = import_module("localstripe.resources")
    server: Any = import_module("localstripe.server")
    export = resources.StripeObject._export

    def without_newer(self: Any, expand: Any = None) -> Any:
        known = [path for path in expand if path not in NEWER] if isinstance(expand, list) else expand
        return export(self, expand=known)

    create = resources.Customer.__init__

    def with_tax(self: Any, tax_exempt: str = "none", **fields: Any) -> None:
        create(self, **fields)
        self.tax_exempt = tax_exempt

    resources.StripeObject._export = without_newer
    resources.Customer.__init__ = with_tax
    resources.Store.dump_to_disk = lambda _: None
    web.run_app(server.app, host="127.0.0.1", port=port, print=None)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
