"""Errors that a person can act on."""

from __future__ import annotations

from typing import Final

#: Begins the line of a traceback that has the hint.
HINT: Final = "hint: "


class HailstreamError(Exception):
    """A failure the user can do something about.

    The command line prints ``message`` and, below it, ``hint``; the process
    exits with ``exit_code``. Anything else that escapes is a bug and shows
    its traceback.

    Args:
        message: what is wrong, and where (file, line, topic, setting, ...).
        hint: what to do about it.
        exit_code: 1 the work was refused or failed, 2 wrong usage.
    """

    def __init__(self, message: str, *, hint: str = "", exit_code: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code
        if hint:
            # Where only a traceback arrives, as from a worker on another machine, it brings the hint along.
            self.add_note(f"{HINT}{hint}")
