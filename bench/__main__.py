"""``python -m bench``: measure, and write the figures down."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from bench.catalog import Benchmark, benchmarks
from bench.context import Context
from bench.figures import Figure, summarise
from bench.machine import describe
from bench.report import Result, as_json, markdown, table
from bench.sampler import Sampler
from bench.skip import Skipped
from bench.stack import processes_of, temporary_stack
from hailstream.errors import HailstreamError
from hailstream.settings import load_settings

RESULTS = Path(__file__).with_name("results")


def main() -> int:
    """0 when everything was measured, whether or not targets were met; 1 when something failed."""
    known = {benchmark.name: benchmark for benchmark in benchmarks()}
    given = _arguments(known)
    # Ended by a signal, the stack goes down too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console()
    machine = describe() | {"events": f"{given.events:,}", "runs": str(given.runs)}
    for name, value in machine.items():
        console.print(f"{name}: {value}", highlight=False)
    chosen = [known[name] for name in given.only] if given.only else list(known.values())
    kept = load_settings().home_dir
    results = []
    try:
        with temporary_stack(kept) as settings, Sampler(lambda: processes_of(settings.home_dir)) as sampler:
            context = Context(settings, given.events, sampler, _sayer(console), kept / "bench")
            for benchmark in chosen:
                results.append(_measure(benchmark, context, 1 if benchmark.once else given.runs))
                console.print(table(results[-1], os.cpu_count() or 1))
    except HailstreamError as error:
        console.print(f"error: {error.message}", style="red", markup=False)
        if error.hint:
            console.print(f"hint: {error.hint}", markup=False)
        return error.exit_code
    except KeyboardInterrupt:
        console.print("interrupted: figures of unfinished benchmarks are lost")
    if results:
        _write(machine, results, given.json, console)
    return 1 if any(result.failed for result in results) else 0


def _measure(benchmark: Benchmark, context: Context, runs: int) -> Result:
    """All runs of a benchmark; what was measured before a failure counts."""
    figures: list[list[Figure]] = []
    failed = ""
    try:
        for number in range(runs):
            context.say(f"{benchmark.name}, run {number + 1} of {runs}")
            figures.append([])
            for figure in benchmark.run(context):
                context.say(f"{figure.case}: {figure.value:,.0f} {figure.unit}")
                figures[-1].append(figure)
    except HailstreamError as error:
        failed = error.message[:1500]
    except Skipped as reason:
        failed = f"skipped: {reason}"
    description = (benchmark.run.__doc__ or "").strip().splitlines()[0]
    return Result(benchmark.name, benchmark.title, description, summarise(figures), failed)


def _write(machine: dict[str, str], results: list[Result], json: Path | None, console: Console) -> None:
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{datetime.now(UTC):%Y%m%d-%H%M%S}.md"
    path.write_text(markdown(machine, results, os.cpu_count() or 1))
    path.with_suffix(".json").write_text(as_json(machine, results))
    if json is not None:
        json.write_text(as_json(machine, results))
    console.print(f"written: {path} and {path.with_suffix('.json').name}", soft_wrap=True, highlight=False)


def _sayer(console: Console) -> Callable[[str], None]:
    began = time.monotonic()

    def say(what: str) -> None:
        console.print(f"[dim]{time.monotonic() - began:6.0f} s[/]  {what}", highlight=False)

    return say


def _arguments(known: dict[str, Benchmark]) -> argparse.Namespace:
    listed = "\n".join(f"  {benchmark.name:10} {benchmark.title}" for benchmark in known.values())
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure how fast Hailstream is on this machine.",
        epilog=f"benchmarks:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--runs", type=_positive, default=3, help="of each benchmark but the long ones (default 3)")
    parser.add_argument("--events", type=_positive, default=3_000_000, help="in the filled topics (default 3000000)")
    parser.add_argument("--only", action="append", choices=tuple(known), metavar="NAME", help="may be given again")
    parser.add_argument("--json", type=Path, metavar="PATH", help="also write the figures there")
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


if __name__ == "__main__":
    sys.exit(main())
