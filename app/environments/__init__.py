"""Environments: make a copied database the own one of another environment."""
