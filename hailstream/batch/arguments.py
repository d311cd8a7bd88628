"""The command line of batch jobs: what they all take, and how they end."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from hailstream.errors import HailstreamError

_ENVIRONMENT = """\
environment: every HAILSTREAM_ setting (`hailstream settings` lists them); those that matter here are
  HAILSTREAM_NAMESPACE, _ARCHIVE, _CLICKHOUSE_URL, _KAFKA_BOOTSTRAP, _HORIZON, _MAX_DISORDER, _GENERATION,
  _SPARK_MEMORY, _SPARK_PARTITIONS. Arguments win over the environment.
"""


def job_parser(name: str, description: str) -> argparse.ArgumentParser:
    """A parser with what every batch job takes."""
    parser = argparse.ArgumentParser(
        prog=f"hailstream batch {name}",
        description=description,
        epilog=_ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--namespace", help="prefix of topics, database and folders")
    parser.add_argument("--horizon", help="declared end of a replay, ISO time in UTC")
    return parser


def moment(text: str) -> datetime:
    """An ISO time; UTC where it names no zone.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; give one such as 2024-01-17T08:00:00Z") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def run_batch(
    parser: argparse.ArgumentParser,
    job: Callable[[argparse.Namespace], int],
    arguments: Sequence[str] | None,
) -> int:
    """Do the job; an error becomes a message on standard error and an exit code."""
    try:
        return job(parser.parse_args(arguments))
    except HailstreamError as error:
        print(f"error: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)
        return error.exit_code
