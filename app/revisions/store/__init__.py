"""Mapping routes and trials in PostgreSQL."""
