"""Environments: adopt a copied database, and rename an installation."""
