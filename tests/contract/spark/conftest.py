"""One Spark session for all tests of this folder that run in a process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hailstream.settings import Settings
from hailstream.spark.session import open_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where tests run side by side, one process has those of Spark: a session more costs more than it gains."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.xdist_group("spark"))


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    settings = Settings(home=tmp_path_factory.mktemp("spark"), spark_memory="1g", spark_partitions=2)
    with open_session("tests", settings) as session:
        yield session
