"""The table environment of a job, with every engine setting we rely on and why."""

from __future__ import annotations

from pyflink.common import Configuration
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.table import EnvironmentSettings, StreamTableEnvironment, TableEnvironment

from hailstream.flink.streams import Streams
from hailstream.settings import Settings


def engine_settings(settings: Settings, job_name: str) -> dict[str, str]:
    """Flink's configuration of a job, by Flink's own names."""
    config = {
        "pipeline.name": job_name,
        # Rows are handed from operator to operator, not copied: none of ours keeps or changes its input.
        "pipeline.object-reuse": "true",
        # A row and the watermark behind it cross five exchanges; at 100 ms each, Flink's
        # default, a window would be half a second old before anybody saw it.
        "execution.buffer-timeout.interval": f"{round(settings.buffer_timeout * 1000)} ms",
        "pipeline.auto-watermark-interval": f"{round(settings.buffer_timeout * 2000)} ms",
        "parallelism.default": str(settings.parallelism),
        "table.local-time-zone": "UTC",
        # Operators get ids that survive a restart from the compiled plan, and only from there.
        "table.exec.uid.generation": "PLAN_ONLY",
        # A silent partition holds its windows open: completeness before progress.
        "table.exec.source.idle-timeout": "0 ms",
        "table.exec.state.ttl": "0 ms",
        "execution.checkpointing.interval": f"{round(settings.checkpoint_interval * 1000)} ms",
        "execution.checkpointing.mode": "EXACTLY_ONCE",
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        # Packets and lists of them go straight to the window that needs them: put
        # together before the exchange they would outgrow the operators' buffers.
        "table.optimizer.agg-phase-strategy": "ONE_PHASE",
        "state.backend.type": settings.state_backend,
        # Python functions are given many rows at a time, and none waits longer than this.
        "python.fn-execution.bundle.size": "10000",
        "python.fn-execution.bundle.time": str(round(settings.bundle_time * 1000)),
        "python.fn-execution.arrow.batch.size": "10000",
        # Pages of a fold's state go over one by one, and are not kept a second time.
        "python.map-state.write-cache-size": "1",
        "python.map-state.read-cache-size": "1",
    }
    if settings.checkpoint_dir is not None:
        config["execution.checkpointing.dir"] = settings.checkpoint_dir
    return config


def create_environment(settings: Settings, job_name: str) -> TableEnvironment:
    """A streaming table environment, configured for ``job_name``."""
    table_env = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    for name, value in engine_settings(settings, job_name).items():
        table_env.get_config().set(name, value)
    return table_env


def create_streams(settings: Settings, job_name: str) -> Streams:
    """The same for a job that has parts which are not SQL."""
    # No compiled plan can hold them. One program in a process of its own gives
    # its operators the same ids each time.
    config = engine_settings(settings, job_name) | {"table.exec.uid.generation": "ALWAYS"}
    configuration = Configuration()
    for name, value in config.items():
        configuration.set_string(name, value)
    stream_env = StreamExecutionEnvironment.get_execution_environment(configuration)
    table_env = StreamTableEnvironment.create(stream_env, EnvironmentSettings.in_streaming_mode())
    for name, value in config.items():
        table_env.get_config().set(name, value)
    return Streams(stream_env, table_env)
