"""Drift: vendor records that no longer match the mapping or the learned baseline."""
