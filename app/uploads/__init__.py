"""Exports of legacy systems, row by row."""
