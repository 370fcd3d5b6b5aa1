"""Webhooks in: verify, record, ingest."""
