"""The project's own code, for workers on other machines."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import hailstream

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@contextmanager
def code_sent(spark: SparkSession) -> Iterator[None]:
    """Workers have the package as it is here, with its data, as long as this lasts; those of a local Spark have it.

    By ``spark-submit --py-files`` the driver would read the packed one too, and miss the files beside the package.
    """
    if spark.sparkContext.master.startswith("local"):
        yield
        return
    package = Path(hailstream.__file__).parent
    with tempfile.TemporaryDirectory(prefix="hailstream-code-") as folder:
        packed = Path(folder) / "hailstream.zip"
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
            for path in sorted(package.rglob("*")):
                if path.is_file() and path.parent.name != "__pycache__":
                    file.write(path, path.relative_to(package.parent))
        spark.sparkContext.addPyFile(str(packed))
        yield
