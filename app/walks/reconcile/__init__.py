"""Reconcile: compare what a vendor lists with what was last seen of it."""
