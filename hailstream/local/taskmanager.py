"""Start a TaskManager after ending the Python workers that a killed one left.

``python -m hailstream.local.taskmanager HOME JAVA ARGUMENT...`` becomes the
given command: same process, same process group. Most workers notice that
their TaskManager is gone and end; some hang on for ever, with all their memory.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

import psutil

from hailstream.local.processes import of_stack

WORKER = "pyflink.fn_execution"


def end_workers(home: Path) -> int:
    """Kill every Python worker of the stack of ``home``: before its TaskManager runs they are orphans.

    Returns:
        how many there were.
    """
    count = 0
    for process in of_stack(home):
        with suppress(psutil.Error):
            if any(WORKER in argument for argument in process.cmdline()):
                process.kill()
                count += 1
    return count


def main(arguments: list[str]) -> None:
    home, *command = arguments
    if count := end_workers(Path(home)):
        print(f"ended {count} Python workers of an earlier TaskManager", flush=True)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
