"""Callers' API keys."""
