"""``hailstream fetch``."""

from __future__ import annotations

from pathlib import Path

import typer


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""

    @app.command()
    def fetch(
        kind: str = typer.Argument(help="yellow or green trips, or weather.", metavar="yellow|green|weather"),
        months: list[str] = typer.Argument(help="Months to get.", metavar="YYYY-MM..."),
        into: Path | None = typer.Option(
            None, help="Folder for the files.", show_default="trips or weather in the home folder"
        ),
        base_url: str | None = typer.Option(
            None, envvar="HAILSTREAM_TRIP_DATA_URL", help="Another address of the files.", show_default="TLC, NCEI"
        ),
        force: bool = typer.Option(False, help="Download again what is there."),
        station: list[str] = typer.Option([], help="Of weather: JFK, LGA, EWR or NYC.", show_default="all of them"),
    ) -> None:
        """Download official monthly trip files, or hourly weather; a trip file goes on where a download broke off."""
        if kind == "weather":
            _weather(months, into, base_url, station)
            return
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

        from hailstream.replay.fetch import BASE_URL
        from hailstream.replay.fetch import fetch as fetch_month
        from hailstream.settings import load_settings

        folder = into or load_settings().home_dir / "trips"
        console = Console()
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        for month in months:
            with Progress(*columns, console=console, transient=True) as bar:
                task = bar.add_task(f"{kind} {month}", total=None)
                fetched = fetch_month(
                    kind,
                    month,
                    folder,
                    base_url=base_url or BASE_URL,
                    force=force,
                    progress=lambda done, total, bar=bar, task=task: bar.update(task, completed=done, total=total),  # type: ignore[misc]
                )
            what = f"{fetched.downloaded / 1e6:.1f} MB downloaded" if fetched.downloaded else "was there already"
            console.print(f"{fetched.path}: {fetched.rows:,} trips, {what}", highlight=False, soft_wrap=True)


def _weather(months: list[str], into: Path | None, base_url: str | None, stations: list[str]) -> None:
    from rich.console import Console

    from hailstream.settings import load_settings
    from hailstream.weather.fetch import BASE_URL, STATIONS, fetch_weather

    folder = into or load_settings().home_dir / "weather"
    console = Console()
    for month in months:
        with console.status(f"weather {month}"):
            fetched = fetch_weather(month, folder, stations=stations or list(STATIONS), base_url=base_url or BASE_URL)
        hours = ", ".join(f"{count:,} hours of {station}" for station, count in fetched.hours.items())
        console.print(f"{fetched.path}: {hours}", highlight=False, soft_wrap=True)
