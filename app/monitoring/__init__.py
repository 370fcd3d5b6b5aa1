"""Monitoring: health, metrics, alarms, runs, retention."""
