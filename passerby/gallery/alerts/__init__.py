"""Alerts: persons to be told of when a camera sees them, with few false alarms, by contract."""
