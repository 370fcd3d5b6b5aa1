"""Credentials: encryption keys and their rotation."""
