"""Processor time by kind of process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from bench.sampler import Sampler
from bench.spark.run import looks_of
from bench.stack import kind_of
from bench.state import figures
from hailstream.errors import HailstreamError
from tests.stack import wait_until


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("java -cp /x/jars/kafka/* kafka.Kafka server.properties", "Kafka"),
        ("python -m hailstream.local.taskmanager /h java x.TaskManagerRunner --configDir /c", "Flink TaskManager"),
        ("python -m pyflink.fn_execution.beam.beam_boot --id=1-1", "Python workers"),
        ("python -m hailstream.cli load redis --metrics-port 1", "redis loader"),
        ("python -m supervisor.supervisord -c x", "other"),
    ],
)
def test_processes_are_known_by_their_command_line(command: str, kind: str) -> None:
    assert kind_of(command.split()) == kind


def test_time_of_a_process_that_ended_is_kept() -> None:
    burn = "import time\nwhile time.process_time() < 1: pass"
    child = subprocess.Popen([sys.executable, "-c", burn])
    began = time.monotonic()
    with Sampler(lambda: {"child": [psutil.Process(child.pid)] if child.poll() is None else []}) as sampler:
        child.wait()
        ended = time.monotonic()
        wait_until(lambda: sampler.used(began, time.monotonic()).get("child", 0) > 0, 5, "no sample was taken")
        used = sampler.used(began, ended)["child"]
    # The last quarter of a second may be missing, and the first two tenths.
    assert 0.3 < used <= 1.2
    assert sampler.peak["child"] > 0


def test_progress_of_spark_is_the_sum_of_its_queries_at_the_end_of_each_batch() -> None:
    def batch(second: int, took_ms: int, rows: int) -> dict[str, object]:
        moment = f"2024-01-01T00:00:{second:02}.000Z"
        return {"timestamp": moment, "durationMs": {"triggerExecution": took_ms}, "numInputRows": rows}

    found = looks_of([batch(0, 4_000, 100), batch(4, 1_000, 50), batch(0, 2_500, 10)])
    assert [look.done for look in found] == [10, 110, 160]
    assert [round(look.at - found[0].at, 3) for look in found] == [0, 1.5, 2.5]


def test_state_that_grows_with_the_log_misses_its_target_and_flat_state_meets_it() -> None:
    flat, growing = ([(n, 1_000 + n * slope) for n in range(100)] for slope in (0, 100))
    last = [list(figures(checkpoints, 100))[-1] for checkpoints in (flat, growing)]
    assert [figure.target is not None and figure.target.met(figure.value) for figure in last] == [True, False]


def test_too_few_checkpoints_prove_nothing_about_state() -> None:
    with pytest.raises(HailstreamError, match="too few checkpoints"):
        list(figures([(1, 10), (99, 10)], 100))


def test_spark_is_started_without_what_the_projects_own_environment_sets(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from bench.spark.install import SparkHome

    monkeypatch.setenv("PYTHONPATH", "/ours")
    monkeypatch.setenv("SPARK_HOME", "/another")
    environment = SparkHome(tmp_path / "python", (), tmp_path / "jdk").environment()
    assert "PYTHONPATH" not in environment
    assert "SPARK_HOME" not in environment
    assert environment["JAVA_HOME"] == str(tmp_path / "jdk")
    assert environment["PATH"] == os.environ["PATH"]
