"""What a failed task said reaches whoever started the job."""

from __future__ import annotations

from hailstream.spark.context import failed

TRACE = """An exception was thrown from the Python worker. Please see the stack trace below.
Traceback (most recent call last):
  File "clickhouse.py", line 127, in reachable
hailstream.errors.HailstreamError: ClickHouse at http://127.0.0.1:1 cannot be reached: [Errno 111] Connection refused
org.apache.spark.SparkException: Job aborted due to stage failure
"""


def test_an_error_of_ours_is_told_before_those_of_the_engine() -> None:
    assert failed(TRACE).message.startswith("a task of Spark failed: ClickHouse at http://127.0.0.1:1 cannot be")


def test_any_other_is_told_by_its_last_sentence() -> None:
    assert failed("Traceback\nValueError: a\norg.x.SparkException: b").message == "a task of Spark failed: b"
    assert failed("no trace").message == "a task of Spark failed: no trace"
