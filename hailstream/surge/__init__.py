"""Surge for its operator: policies on their topic, and a preview of what they do."""
