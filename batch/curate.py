"""Make tables for analysts from the archive: clean, compute, check, publish; whole months of New York, or nothing.

spark-submit batch/curate.py [--help]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from hailstream.batch.arguments import job_parser, run_batch
from hailstream.batch.runs import batch_run
from hailstream.curate.calendar import first_hour, moment, next_month
from hailstream.curate.report import report_path, write_report
from hailstream.curate.run import Curator
from hailstream.curate.summary import print_curated
from hailstream.settings import load_settings
from hailstream.spark.context import open_context
from hailstream.weather.hourly import STATION, read_weather


def curate(arguments: argparse.Namespace) -> int:
    """Archive → staging → tables → checks → publication; the exit code."""
    settings = load_settings(namespace=arguments.namespace, horizon=arguments.horizon)
    weather = read_weather(arguments.weather, arguments.station)
    report = report_path(arguments.report) if arguments.report else None
    for line in weather.told:
        print(line, file=sys.stderr)
    with batch_run("curate", settings) as run, open_context("curate", settings) as spark:
        curator = Curator(
            spark,
            settings,
            weather,
            say=lambda line: print(line, file=sys.stderr),
            features=not arguments.no_features,
        )
        try:
            done = curator.curate(arguments.begin, arguments.end, run)
        finally:
            # Where a check failed it is wanted most.
            if curator.done is not None:
                run.detail = curator.done.as_detail()
                if report is not None and curator.done.checks:
                    write_report(report, settings, curator.done, run.number)
        run.rows_in, run.rows_out = done.raw_rows, sum(done.changed.values())
        run.range_begin = moment(first_hour(done.months[0]))
        run.range_end = moment(first_hour(next_month(done.months[-1])))
    print_curated(done, run.number)
    return 0


def parser() -> argparse.ArgumentParser:
    """The arguments."""
    found = job_parser("curate", __doc__ or "")
    found.add_argument("--from", dest="begin", type=day, help="a New York day; its whole month is computed")
    found.add_argument("--to", dest="end", type=day, help="a New York day, not computed any more; default: the end")
    found.add_argument(
        "--weather",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="hourly weather, CSV, of `hailstream fetch weather`; may be repeated",
    )
    found.add_argument("--station", default=STATION, help=f"of the weather files; default: {STATION}")
    found.add_argument(
        "--no-features", action="store_true", help="leave out demand_features, most of the rows and of the work"
    )
    found.add_argument("--report", type=Path, metavar="PATH", help="write the daily report, HTML, there")
    return found


def day(text: str) -> date:
    """A day as ISO writes it.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day; give one such as 2024-01-17") from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, run, answer errors with a message; the exit code."""
    return run_batch(parser(), curate, arguments)


if __name__ == "__main__":
    sys.exit(main())
