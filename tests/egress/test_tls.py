"""The TLS contexts of outgoing requests."""

import certifi
import pytest

from app.egress.tls import tls_context


def test_authorities_are_read_once() -> None:
    assert tls_context(from_environment=True) is tls_context(from_environment=True)
    assert tls_context(from_environment=False).get_ca_certs()


def test_authorities_of_the_environment_are_for_those_who_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    public = tls_context(from_environment=False)
    monkeypatch.setenv("SSL_CERT_FILE", certifi.where())
    assert tls_context(from_environment=True) is not public
    assert tls_context(from_environment=False) is public
