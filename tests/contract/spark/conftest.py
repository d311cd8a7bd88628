"""One Spark session for all tests of this folder that run in a process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from hailstream.settings import Settings
from hailstream.spark.session import open_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

INTERPRETED = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    settings = Settings(home=tmp_path_factory.mktemp("spark"), spark_memory="1g", spark_partitions=2)
    with open_session("tests", settings) as session:
        # Of some hundred rows a query takes longer to be compiled than to be interpreted.
        for name, value in INTERPRETED.items():
            session.conf.set(name, value)
        yield session
