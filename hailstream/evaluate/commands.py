"""``hailstream evaluate``: how good alerts and forecasts are."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

    from hailstream.settings import Settings

DEFAULT_SEEDS = "11,12,13"
#: Long enough that rides can be open for two hours, and fares have an hour to be compared with.
DEFAULT_MINUTES = 300.0
DEFAULT_RATE = 20.0
_WIDTH = 116  # of the table; a pipe has 80

Seeds = Annotated[str | None, typer.Option(help=f"of simulated cities [default: {DEFAULT_SEEDS}]")]
Minutes = Annotated[float | None, typer.Option(help=f"length of each in event time [default: {DEFAULT_MINUTES:g}]")]
Rate = Annotated[float | None, typer.Option(help=f"events per second of event time [default: {DEFAULT_RATE:g}]")]
Data = Annotated[list[str] | None, typer.Option(help="trip files instead, held against queries; may be given again")]
OfTable = Annotated[bool, typer.Option("--table", help="the alerts in ClickHouse instead; needs --ledger")]
Ledger = Annotated[Path | None, typer.Option(help="of the simulation that was replayed")]
Namespace = Annotated[str | None, typer.Option("--namespace", "-n", help="whose table")]
Examples = Annotated[int, typer.Option(min=0, help="of what was missed and what was false, by rule")]


def register(app: typer.Typer) -> None:
    """Add the group ``evaluate`` to the command line."""
    from hailstream.forecast.evaluate import evaluate_forecast

    group = typer.Typer(help="How good alerts and forecasts are.", no_args_is_help=True)
    group.command("alerts")(alerts)
    group.command("forecast")(evaluate_forecast)
    app.add_typer(group, name="evaluate")


def alerts(
    seeds: Seeds = None,
    minutes: Minutes = None,
    rate: Rate = None,
    data: Data = None,
    table: OfTable = False,
    ledger: Ledger = None,
    namespace: Namespace = None,
    examples: Examples = 5,
) -> None:
    """Precision and recall of each rule on simulated faults. Ends with 1 where one misses its target.

    With --table: of the alerts that a job wrote, against the ledger of the replay. With
    --data: on real files, alert by alert against a plain query. Thresholds are the settings'.
    """
    from hailstream.errors import HailstreamError
    from hailstream.settings import load_settings

    simulated = {"--seeds": seeds, "--minutes": minutes, "--rate": rate}
    of_table = {"--ledger": ledger, "--namespace": namespace}
    if data and table:
        raise HailstreamError("--data and --table are two evaluations", hint="give one of them", exit_code=2)
    unused = (simulated if data or table else {}) | ({} if table else of_table)
    if given := [name for name, value in unused.items() if value is not None]:
        what = "--data" if data else "--table" if table else "simulated cities"
        raise HailstreamError(f"{given[0]} means nothing with {what}", hint="leave it out", exit_code=2)
    if table and ledger is None:
        raise HailstreamError(
            "--table needs the ledger of what was replayed",
            hint="--ledger FILE: the simulator's ledger.csv, or the file of sim:...ledger=FILE",
            exit_code=2,
        )
    settings = load_settings(namespace=namespace)
    if data:
        met = _of_files(data, settings, examples)
    elif ledger is not None:
        met = _of_table(ledger, settings, examples)
    else:
        met = _of_cities(seeds or DEFAULT_SEEDS, minutes, rate, settings, examples)
    if not met:
        raise typer.Exit(1)


def _of_files(data: list[str], settings: Settings, examples: int) -> bool:
    from rich.console import Console

    from hailstream.evaluate.files import evaluate_files
    from hailstream.evaluate.report import print_files

    with Console(stderr=True).status("reading") as status:
        proof = evaluate_files(data, settings.thresholds(), lambda count: status.update(f"{count:,} events told"))
    print_files(proof, _wide(), examples=examples)
    return proof.differing == 0


def _of_table(ledger: Path, settings: Settings, examples: int) -> bool:
    from hailstream.evaluate.alerts import evaluate_table
    from hailstream.evaluate.report import print_scores

    labels, scores = evaluate_table(settings, ledger)
    print_scores(scores, labels.details, _wide(), examples=examples)
    return all(score.met for score in scores)


def _of_cities(seeds: str, minutes: float | None, rate: float | None, settings: Settings, examples: int) -> bool:
    from rich.console import Console

    from hailstream.evaluate.alerts import Run, evaluate_seed, parse_seeds
    from hailstream.evaluate.report import print_scores
    from hailstream.evaluate.score import total

    length, pace = DEFAULT_MINUTES if minutes is None else minutes, DEFAULT_RATE if rate is None else rate
    runs: list[Run] = []
    with Console(stderr=True).status("simulating") as status:
        for seed in parse_seeds(seeds):
            say = partial(_say, status, seed)
            runs.append(evaluate_seed(seed, length, pace, settings.thresholds(), say))
    scores = total(run.scores for run in runs)
    details = {key: text for run in runs for key, text in run.labels.details.items()}
    console = _wide()
    print_scores(scores, details, console, examples=examples)
    events = ", ".join(f"{run.seed}: {run.events:,} events" for run in runs)
    console.print(f"seeds {events}", markup=False, highlight=False, soft_wrap=True)
    return all(score.met for score in scores)


def _say(status: Status, seed: int, told: int) -> None:
    status.update(f"seed {seed}: {told:,} events told")


def _wide() -> Console:
    """A console that the tables fit into, in a pipe too."""
    from rich.console import Console

    console = Console()
    return console if console.width >= _WIDTH else Console(width=_WIDTH)
