"""One Spark for all tests of this folder that run in a process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from hailstream.settings import Settings
from hailstream.spark.context import open_context

if TYPE_CHECKING:
    from pyspark import SparkContext


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkContext]:
    settings = Settings(home=tmp_path_factory.mktemp("spark"), spark_memory="1g", spark_partitions=2)
    with open_context("tests", settings) as context:
        yield context
