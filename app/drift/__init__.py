"""Drift: what a vendor's records say that they never said before."""
