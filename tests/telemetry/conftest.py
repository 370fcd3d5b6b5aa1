"""Spans of a test, kept in memory."""

from tests.fixtures import opened
from tests.telemetry.recording import recording

spans = opened(recording)
"""What is traced during this test."""
