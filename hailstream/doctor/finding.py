"""What a check finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from hailstream.settings import Settings


class Status(StrEnum):
    """OK: nothing to do. WARNING: it works, with a limit. ERROR: something will not work."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """The answer of a check.

    Attributes:
        check: what was looked at, in a word or two.
        found: what is the case, with figures and places.
        action: what to do about it; a command where there is one. Empty if all is well.
    """

    check: str
    status: Status
    found: str
    action: str = ""


def ok(check: str, found: str) -> Finding:
    return Finding(check, Status.OK, found)


def warning(check: str, found: str, action: str) -> Finding:
    return Finding(check, Status.WARNING, found, action)


def error(check: str, found: str, action: str) -> Finding:
    return Finding(check, Status.ERROR, found, action)


#: A check looks, changes nothing, and may raise: then the raising is the finding.
Check = Callable[[Settings], Iterable[Finding]]
