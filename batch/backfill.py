"""Write monthly files of trips into the archive, as a replay would, and what they say into ClickHouse.

spark-submit batch/backfill.py FILES... [--help]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from hailstream.backfill.files import monthly_file, told, unpacked
from hailstream.backfill.plan import MonthOfFile, month, months_of, without_rivals
from hailstream.backfill.report import events_in, print_outcome
from hailstream.backfill.run import Backfiller, Outcome
from hailstream.backfill.scratch import scratch_folder
from hailstream.backfill.windows import JOB, WindowsOutcome, pending_months, write_windows
from hailstream.batch.arguments import job_parser, run_batch
from hailstream.batch.runs import BatchRun, batch_run
from hailstream.errors import HailstreamError
from hailstream.settings import Settings, load_settings
from hailstream.spark.context import open_context
from hailstream.spark.tasks import spread


def backfill(arguments: argparse.Namespace) -> int:
    """Files → months of the archive → windows and trips in ClickHouse; the exit code."""
    settings = load_settings(namespace=arguments.namespace, horizon=arguments.horizon)
    outcome, windows = Outcome(), WindowsOutcome()
    with batch_run(JOB, settings) as run, scratch_folder(settings) as scratch:
        try:
            wanted = _months(arguments, scratch, outcome)
            backfiller = Backfiller(settings, _say)
            backfiller.clean()
            changed = wanted if arguments.force else backfiller.changed(wanted, outcome)
            pending = not arguments.no_windows and (changed or pending_months(settings))
            if changed or pending:
                with open_context(JOB, settings) as spark:
                    backfiller.write(partial(spread, spark), changed, outcome)
                    if pending:
                        write_windows(spark, settings, run, windows, _say)
        except HailstreamError as error:
            raise _with_what_stands(error, settings, outcome, windows) from error
        finally:
            _record(run, outcome, windows)
    print_outcome(outcome, windows, run.number)
    return 1 if outcome.failed or windows.waiting else 0


def _months(arguments: argparse.Namespace, scratch: Path, outcome: Outcome) -> list[MonthOfFile]:
    """What is to be backfilled; what is wrong with a file is the outcome's, and others go on."""
    found: list[MonthOfFile] = []
    files = 0
    for source, path in unpacked(arguments.files, scratch):
        files += 1
        try:
            if isinstance(path, HailstreamError):
                raise path
            found += months_of(monthly_file(source, path), arguments.month)
        except HailstreamError as error:
            named = error if isinstance(path, HailstreamError) else told(error, path, source)
            outcome.failed.append(named.message)
            _say(f"{named.message} ({named.hint})" if named.hint else named.message)
    if arguments.month is not None and files != 1:
        raise HailstreamError(f"--month {arguments.month} is for one file, not for {files}", exit_code=2)
    return without_rivals(found)


def _with_what_stands(
    error: HailstreamError, settings: Settings, outcome: Outcome, windows: WindowsOutcome
) -> HailstreamError:
    """The error of a run that came to an end half-way, with what it has done and what is left."""
    if not outcome.archived:
        return error
    left = f"the archive in {settings.archive_address} has all months, their windows are not all written"
    done = f" ({len(windows.done):,} months are done)" if windows.done else ""
    return HailstreamError(
        f"{left}{done}: {error.message}", hint="the next run goes on there", exit_code=error.exit_code
    )


def _record(run: BatchRun, outcome: Outcome, windows: WindowsOutcome) -> None:
    """What the run has done, for ``batch_runs``."""
    published = outcome.published
    run.rows_in = sum(month.rows for month in published)
    run.rows_out = events_in(published)
    times = [time for month in published for parts in month.parts.values() for part in parts for time in part.times]
    if times:
        run.range_begin, run.range_end = (datetime.fromtimestamp(time / 1000, UTC) for time in (min(times), max(times)))
    run.detail |= {
        "published": {month.name: month.version for month in published},
        "rejects": {month.name: dict(month.rejects) for month in published if month.rejects},
        "same": outcome.same,
        "failed": outcome.failed,
        "tables": [result.as_detail() for result in windows.results],
    }


def parser() -> argparse.ArgumentParser:
    """The arguments."""
    found = job_parser(JOB, __doc__ or "")
    found.add_argument(
        "files",
        nargs="+",
        metavar="FILES",
        help="monthly files of yellow or green trips: Parquet, CSV, gz, tar; or globs",
    )
    found.add_argument("--month", type=month, help="of the file, where neither its name nor its rows tell: 2024-01")
    found.add_argument("--force", action="store_true", help="write months anew that have the same content already")
    found.add_argument("--no-windows", action="store_true", help="the archive alone; another run writes the windows")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, run, answer errors with a message; the exit code."""
    return run_batch(parser(), backfill, arguments)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
