"""When a figure cannot be had here."""

from __future__ import annotations


class Skipped(Exception):
    """A benchmark, or a part of one, that cannot run on this machine; the message says why."""
