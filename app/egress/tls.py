"""The TLS contexts of outgoing requests. Each trusts the public authorities."""

import os
import ssl
from functools import lru_cache

import httpx


def tls_context(*, from_environment: bool) -> ssl.SSLContext:
    """Return the context that verifies servers. `from_environment`: SSL_CERT_FILE or SSL_CERT_DIR, if set, replace the
    public authorities. All connections of the process share it: reading the authorities takes 20 ms."""
    if not from_environment:
        return _read(None, None)
    return _read(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@lru_cache(maxsize=4)
def _read(file: str | None, folder: str | None) -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=bool(file or folder))
