"""Alarms, figures, heartbeats, run entries and retention in PostgreSQL."""
