"""The embedded cluster's configuration."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailstream.local.flink_config import Memory, as_yaml, configuration
from hailstream.settings import Settings


@given(total=st.integers(1024, 65_536))
def test_the_parts_of_the_memory_add_up_to_the_whole_and_none_is_starved(total: int) -> None:
    memory = Memory.of(total)
    assert memory.total == total
    assert memory.heap >= memory.framework_heap + 128
    assert memory.managed >= 128
    assert memory.network >= 64


def test_java_gets_exactly_the_memory_that_flink_is_told_of() -> None:
    settings = Settings(taskmanager_memory=2048)
    values = configuration(settings, Path("/data"), Path("/checkout"))
    options = Memory.of(2048).java_options()

    def mb(key: str) -> int:
        return int(str(values[f"taskmanager.memory.{key}"]).removesuffix("m"))

    assert f"-Xmx{mb('framework.heap.size') + mb('task.heap.size')}m" in options
    direct = mb("framework.off-heap.size") + mb("task.off-heap.size") + mb("network.max")
    assert f"-XX:MaxDirectMemorySize={direct}m" in options
    assert mb("network.min") == mb("network.max"), "Flink refuses a range here"


def test_a_setting_moves_the_checkpoints_and_without_it_they_are_in_the_data_folder() -> None:
    def folder(settings: Settings) -> object:
        return configuration(settings, Path("/data folder"), Path("/checkout"))["execution.checkpointing.dir"]

    assert folder(Settings(checkpoint_dir="s3://bucket/x")) == "s3://bucket/x"
    assert folder(Settings(checkpoint_dir=None)) == "file:///data%20folder/checkpoints"


@pytest.mark.parametrize("key", ["rest.bind-address", "jobmanager.bind-host", "taskmanager.bind-host"])
def test_the_cluster_listens_on_loopback_only(key: str) -> None:
    assert configuration(Settings(), Path("/data"), Path("/checkout"))[key] == "127.0.0.1"


def test_values_are_written_as_yaml_scalars() -> None:
    text = as_yaml({"a.b": "4 s", "c": 3, "d": False, "e": 'quote " colon: hash #'})
    assert text == 'a.b: "4 s"\nc: 3\nd: false\ne: "quote \\" colon: hash #"\n'
