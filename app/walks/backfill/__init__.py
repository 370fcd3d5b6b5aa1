"""Backfill: read everything that exists already, with progress, a rate and a way to stop."""
