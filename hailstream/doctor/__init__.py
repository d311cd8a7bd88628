"""Checks of this machine: each finding says what was found and what to do about it."""

from hailstream.doctor.checkup import check_up
from hailstream.doctor.finding import Finding, Status

__all__ = ["Finding", "Status", "check_up"]
