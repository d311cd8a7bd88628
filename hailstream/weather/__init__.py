"""Hourly weather: read from files, fetched, and what it does to demand."""
