"""Checks of data between its layers: what they found, and whether that lets it be published."""
