"""Requests to addresses that someone else names: the SSRF guard and the transport behind it."""
