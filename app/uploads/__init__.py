"""Uploads: CSV exports of legacy systems, ingested row by row."""
