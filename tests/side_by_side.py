"""Which tests run one after the other in one process, where several processes share the suite, and which come first."""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

SPARK = "tests/contract/spark/"
#: These start Sparks of their own.
ALONE = f"{SPARK}test_spark_submit.py"
#: The slowest first: what is short fills what they leave at the end.
_SLOWEST = (SPARK, "tests/servers/", "tests/contract/", "tests/")


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Tests of a file stay together, and those that share a Spark session: a second one would start cold."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return SPARK if file.startswith(SPARK) and file != ALONE else file


def slowest_first(items: list[pytest.Item]) -> None:
    """Sort by folder; within one the order stays, which is a random one."""
    items.sort(key=lambda item: next(n for n, folder in enumerate(_SLOWEST) if item.nodeid.startswith(folder)))


def scheduling(config: pytest.Config, log: Any) -> Scheduling:
    """What pytest-xdist asks for."""
    config.option.loadscopereorder = False
    return Scheduling(config, log)
