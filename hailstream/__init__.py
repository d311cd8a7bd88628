"""Taxi events in; zone demand, revenue and alerts out; a history that proves it."""

__version__ = "0.1.0"
