"""Outgoing requests: the transport, and the SSRF guard for URLs that callers name."""
