"""Zone counts and revenue in one graph, read from filled topics; each stage; and others doing the same work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.context import Context
from bench.eventlog import Faults
from bench.figures import Figure, Target
from bench.flinkjobs import run_city, run_file
from bench.skip import Skipped
from bench.spark.install import ensure_spark
from bench.spark.run import run_spark
from hailstream.errors import HailstreamError

JOBS = Path(__file__).with_name("jobs")
CITY = "job city"
STAGES = {
    "scan": "scan",
    "decode": "+ decode, validate, zone",
    "late": "+ late rule, dead letters",
    "duplicates": "+ duplicates",
    "windows": "+ windows",
}


def stream(context: Context) -> Iterator[Figure]:
    """The whole job over readable events, beside Flink without protection and Spark."""
    log = context.log()
    context.warm_up(lambda: run_city(context, log))
    context.say("job city")
    yield run_city(context, log).figure(CITY, Target(150_000))
    context.say("Flink's own Avro format, no protection")
    run = run_file(context, log, JOBS / "unprotected.py", "unprotected")
    yield run.figure("Flink, avro-confluent, no protection", note="ends at the first unreadable message")
    context.say("Spark Structured Streaming")
    try:
        yield run_spark(log, ensure_spark(context.kept / "spark"))
    except Skipped as reason:
        context.say(f"skipped: {reason}")


def bad_messages(context: Context) -> Iterator[Figure]:
    """The whole job over unreadable messages: their cost is their own, and none restarts it."""
    context.warm_up(lambda: run_city(context, context.log()))
    yield run_city(context, context.log()).figure("all readable", Target(150_000))
    yield run_city(context, context.log(Faults.ONE_PERCENT_BAD)).figure("1 % unreadable", Target(100_000))
    # Fewer: each of them is a dead letter.
    all_bad = context.log(Faults.ALL_BAD, max(context.events // 10, 1))
    run = run_city(context, all_bad)
    if run.restarts:
        raise HailstreamError(f"the job restarted {run.restarts} times over unreadable messages")
    yield run.figure("100 % unreadable", note="no restart")


def stages(context: Context) -> Iterator[Figure]:
    """The job cut off behind each stage; what a stage costs is the difference to the one before."""
    log = context.log()
    context.warm_up(lambda: run_city(context, log))
    for stage, title in STAGES.items():
        context.say(f"cut behind {stage}")
        yield run_file(context, log, JOBS / "cut.py", f"cut_{stage}", stage).figure(title)
    context.say("job city")
    yield run_city(context, log).figure("+ sinks, exactly once (job city)")
