"""``hailstream evaluate forecast``: the live forecast against others on trips that happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from hailstream.domain.forecast.history import History
    from hailstream.forecast.scores import Coverage, Group
    from hailstream.forecast.trial import Trial

#: Of a table so much is taken.
_MOST_WEEKS = 104

Files = Annotated[
    list[str],
    typer.Argument(metavar="FILES...", help="trip files of some weeks, globs, sim:... or table:demand_features"),
]
TrainUntil = Annotated[str | None, typer.Option(help="where testing begins, New York; unset: after 70 % of the time")]
Busiest = Annotated[int, typer.Option(min=1, max=265, help="zones of the second table, which has library models too")]
Models = Annotated[str, typer.Option(help="of statsforecast: ces, theta, ets, mstl (slow), or none")]
EveryQuarters = Annotated[int, typer.Option(min=1, help="forecast at each so many quarter hours, for slow models")]


def evaluate_forecast(
    files: Files,
    train_until: TrainUntil = None,
    busiest: Busiest = 20,
    models: Models = "ces,theta",
    every_quarters: EveryQuarters = 1,
) -> None:
    """Compare forecasts on trip files. Ends with 1 where ours does not beat the same time last week."""
    from rich.console import Console

    from hailstream.domain.clock import parse_time
    from hailstream.domain.forecast.learn import learn
    from hailstream.domain.forecast.profile import Profile
    from hailstream.forecast.contenders import naive, ours, seasonal_naive
    from hailstream.forecast.library import chosen, installed, library_model
    from hailstream.forecast.scores import judge
    from hailstream.forecast.trial import cut

    names = chosen(models)
    moment = parse_time(train_until) if train_until is not None else None
    console = Console()
    with Console(stderr=True).status("reading the trips") as status:
        trial = cut(_history(files), moment, every_quarters)
        status.update("learning and forecasting")
        profile = learn(trial.train)
        contenders = [ours(trial, profile), ours(trial, Profile.empty(), "ours without a profile")]
        contenders += [naive(trial), seasonal_naive(trial)]
        top = trial.busiest(busiest)
        if names and not installed():
            console.print("statsforecast is not installed: pip install 'hailstream\\[evaluate]' adds its models here")
            names = []
        for name in names:
            status.update(f"forecasting by {name}")
            contenders.append(library_model(trial, name, top))
    everything = judge(trial, f"all {len(trial.history.zones)} zones", contenders[0].rows, contenders)
    few = judge(trial, f"the {len(top)} busiest zones", top, contenders)
    _print(console, trial, [everything, few])
    if not all(held for group in (everything, few) for held in group.beaten().values()):
        raise typer.Exit(1)


def _history(files: list[str]) -> History:
    from hailstream.forecast.files import history_of_files
    from hailstream.forecast.source import Source
    from hailstream.forecast.table import read_history
    from hailstream.settings import load_settings

    tables = {f"table:{source}": source for source in Source}
    if len(files) == 1 and files[0] in tables:
        return read_history(load_settings(), _MOST_WEEKS, tables[files[0]])
    return history_of_files(files)


def _print(console: Console, trial: Trial, groups: list[Group]) -> None:
    from hailstream.domain.clock import to_wall_clock

    begin, split, end = (
        f"{to_wall_clock(trial.moment(column)):%Y-%m-%d %H:%M}"
        for column in (0, trial.split, trial.history.counts.shape[1])
    )
    console.print(
        f"{trial.history.counts.sum():,} starts; learned from {begin} to {split} (New York), tested until {end}: "
        f"forecasts at {len(trial.origins):,} quarter hours",
        highlight=False,
    )
    for group in groups:
        console.print(_table(group))
    for group in groups:
        console.print(_coverage_table(group))
    for group in groups:
        for line in _verdicts(group):
            console.print(line, highlight=False)


def _table(group: Group) -> Table:
    from rich.table import Table

    from hailstream.domain.forecast.forecast import HORIZONS

    table = Table("model", *(f"WAPE {minutes} min" for minutes in HORIZONS), title=group.name, title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    best = {minutes: min(errors[minutes] for errors in group.wape.values()) for minutes in HORIZONS}
    for model, errors in group.wape.items():
        shown = (f"[bold]{e:.3f}[/]" if e == best[minutes] else f"{e:.3f}" for minutes, e in errors.items())
        table.add_row(model, *shown)
    table.add_section()
    table.add_row("chance alone, were ours the true means", *(f"{group.chance[minutes]:.3f}" for minutes in HORIZONS))
    return table


def _coverage_table(group: Group) -> Table:
    from rich.table import Table

    from hailstream.domain.forecast.interval import COVERAGE
    from hailstream.forecast.scores import LARGE

    title = f"{group.name}: our interval, meant to hold {COVERAGE:.0%} at least"
    table = Table("minutes", "forecasts", "number", "held", "below", "above", title=title, title_justify="left")
    for column in table.columns[2:]:
        column.justify = "right"
    for minutes, (whole, large) in group.coverage.items():
        for label, coverage in (("all", whole), (f"of {LARGE:.0f} starts or more", large)):
            table.add_row(str(minutes), label, *_shares(coverage))
    return table


def _shares(coverage: Coverage | None) -> list[str]:
    if coverage is None:
        return ["0", "-", "-", "-"]
    return [f"{coverage.windows:,}", *(f"{share:.1%}" for share in (coverage.held, coverage.below, coverage.above))]


def _verdicts(group: Group) -> list[str]:
    from hailstream.forecast.contenders import OURS, SEASONAL_NAIVE

    lines = []
    for minutes, beaten in group.beaten().items():
        mine, theirs = group.wape[OURS][minutes], group.wape[SEASONAL_NAIVE][minutes]
        verdict = "[green]beats[/]" if beaten else "[bold red]does not beat[/]"
        lines.append(
            f"{group.name}, {minutes} min: ours {verdict} the seasonal naive one: WAPE {mine:.3f} against {theirs:.3f}"
        )
    return lines
