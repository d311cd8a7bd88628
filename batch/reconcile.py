"""Recompute what the stream said of windows and trips from the archive, compare row by row, and correct it.

spark-submit batch/reconcile.py [--help]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from hailstream.batch.arguments import job_parser, moment, run_batch
from hailstream.batch.runs import batch_run
from hailstream.pages.page import check_page_target
from hailstream.reconcile.report import print_results
from hailstream.reconcile.run import Reconciler, chosen_tables
from hailstream.settings import load_settings
from hailstream.spark.context import open_context

#: Exit code for more drift than was allowed.
DRIFT = 3


def reconcile(arguments: argparse.Namespace) -> int:
    """Archive → rows → what differs from ClickHouse → corrected rows; the exit code."""
    settings = load_settings(namespace=arguments.namespace, horizon=arguments.horizon)
    tables = chosen_tables(arguments.table)
    if arguments.report is not None:
        check_page_target(arguments.report)
    with batch_run("reconcile", settings) as run, open_context("reconcile", settings) as spark:
        _say("Spark has started")
        reconciler = Reconciler(spark, settings, say=_say)
        results = []
        for table in tables:
            results.append(
                reconciler.reconcile(table, arguments.begin, arguments.end, None if arguments.dry_run else run)
            )
            run.rows_in += results[-1].events
            run.rows_out += results[-1].corrected
        run.range_begin = min(result.begin for result in results)
        run.range_end = max(result.end for result in results)
        run.detail = {"dry_run": arguments.dry_run, "tables": [result.as_detail() for result in results]}
    print_results(results, run.number)
    if arguments.report is not None:
        from hailstream.reconcile.page import write_page  # which draws: not worth the wait without

        write_page(arguments.report, results, settings, run=run.number, made=run.began_at, dry_run=arguments.dry_run)
    differing, rows = sum(result.differing for result in results), sum(result.rows for result in results)
    return DRIFT if arguments.limit is not None and differing > rows * arguments.limit / 100 else 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def parser() -> argparse.ArgumentParser:
    """The arguments."""
    found = job_parser("reconcile", __doc__ or "")
    found.add_argument("--from", dest="begin", type=moment, help="what ends after it; default: the first event")
    found.add_argument("--to", dest="end", type=moment, help="and no later than this; default: as far as all is final")
    found.add_argument(
        "--table", action="append", default=[], help="zone_counts, zone_revenue or trips; may be repeated; default: all"
    )
    found.add_argument("--dry-run", action="store_true", help="compare and correct nothing")
    found.add_argument("--report", type=Path, metavar="FILE", help="write what was found to a page, FILE.html")
    found.add_argument(
        "--limit", type=float, metavar="PERCENT", help=f"exit with {DRIFT} if more of the rows differ; default: never"
    )
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, run, answer errors with a message; the exit code."""
    return run_batch(parser(), reconcile, arguments)


if __name__ == "__main__":
    sys.exit(main())
