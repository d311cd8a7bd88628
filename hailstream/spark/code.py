"""The project's own code, for workers on other machines."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import hailstream
from hailstream.schemas import SCHEMAS_DIR

if TYPE_CHECKING:
    from pyspark import SparkContext


@contextmanager
def code_sent(spark: SparkContext) -> Iterator[None]:
    """Workers have the package and its schemas as they are here, as long as this lasts; those of a local Spark do.

    They get folders, as they lie here: files beside the code are read by their paths, which in a zip on the
    module path (``spark-submit --py-files``) are none.
    """
    if spark.master.startswith("local"):
        yield
        return
    with tempfile.TemporaryDirectory(prefix="hailstream-code-") as temporary:
        for folder in (Path(hailstream.__file__).parent, SCHEMAS_DIR):
            packed = Path(temporary) / f"{folder.name}.zip"
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
                for path in sorted(folder.rglob("*")):
                    if path.is_file() and path.parent.name != "__pycache__":
                        file.write(path, path.relative_to(folder))
            # Unpacked under the folder's name in a worker's folder of files, which is on its module path.
            spark.addArchive(f"{packed}#{folder.name}")
        yield
