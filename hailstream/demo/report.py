"""What the demo says at the end: in, out, proof."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from hailstream.clickhouse import reachable
from hailstream.demo.city import print_city
from hailstream.demo.history import History
from hailstream.demo.run import DemoResult
from hailstream.settings import Settings


def print_result(result: DemoResult, settings: Settings, console: Console) -> None:
    """Tables of what went in and came out, the proof, and where to look next."""
    console.print(result.replay.table())
    console.print(_proof_table(result))
    if result.history is not None:
        console.print(_history_table(result.history))
    _print_busiest(settings, console)
    print_city(settings, console)
    proof = result.proof
    console.print(
        f"log: {proof.records:,} records = {sum(result.replay.sent.values()):,} sent + "
        f"{result.replay.heartbeats:,} heartbeats; unreadable {proof.unreadable:,}, "
        f"in the dead letters {proof.rejected:,}; job restarts {result.restarts}",
        highlight=False,
        soft_wrap=True,
    )
    examples = [(metric.metric, row) for metric in proof.metrics for row in metric.examples]
    for name, row in [*examples, *((answers.table, row) for answers in result.answers for row in answers.examples)]:
        console.print(f"{name}: {row}", style="red", markup=False, highlight=False)
    if result.history is not None:
        _print_history(result.history, console)
    if result.ok:
        console.print(f"[bold green]proof: {result.differing} differing rows[/]  [dim]{result.seconds:.0f} s in all[/]")
    else:
        console.print(f"[bold red]proof failed: {result.differing} differing rows[/]")


def _proof_table(result: DemoResult) -> Table:
    # Narrow enough for 80 columns.
    table = Table(
        title="ClickHouse against a recount of the log in DuckDB",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for heading in ("metric", "events", "counted", "late", "twice", "rows", "missing", "extra", "wrong"):
        table.add_column(heading, justify="left" if heading == "metric" else "right")
    for m in result.proof.metrics:
        a = m.accounts
        numbers = (a.decoded, a.counted, a.late, a.duplicate, m.rows, m.missing, m.extra, m.different)
        table.add_row(m.metric, *(f"{number:,}" for number in numbers))
    for p in result.answers:
        differences = (p.rows, p.missing, p.extra, p.different)
        table.add_row(p.table, "", "", "", "", *(f"{number:,}" for number in differences))
    return table


def _history_table(history: History) -> Table:
    table = Table(title="ClickHouse against the archive in Spark", title_justify="left", box=SIMPLE_HEAD)
    for heading in ("table", "rows", "differing", "of late events", "corrected"):
        table.add_column(heading, justify="left" if heading == "table" else "right")
    for found in history.found:
        numbers = (found.rows, found.differing, history.expected.get(found.table.name, 0), found.corrected)
        table.add_row(found.table.name, *(f"{number:,}" for number in numbers))
    return table


def _print_history(history: History, console: Console) -> None:
    console.print(
        f"history: {sum(found.corrected for found in history.found):,} rows that late events belong to were corrected; "
        f"{history.wrong} differ from a recount of the log with nothing late",
        highlight=False,
        soft_wrap=True,
    )
    for found in history.found:
        others = {kind: group for kind, group in found.kinds.items() if kind[1] != "late rows"}
        for (kind, reason), group in others.items():
            console.print(f"{found.table.name}: {group.rows:,} rows {kind}, {reason}", style="red", highlight=False)


def _print_busiest(settings: Settings, console: Console) -> None:
    query = """
        SELECT zone_id, trips, window_start_local FROM zone_counts
        ORDER BY trips DESC, window_start, zone_id LIMIT 1"""
    with reachable(settings, database=settings.database) as client:
        rows = client.query(query).result_rows
    if rows:
        from hailstream.domain.zones import zone_name

        zone, trips, start = rows[0]
        console.print(
            f"busiest: {zone_name(zone)} with {trips} trips in 5 minutes from {start:%Y-%m-%d %H:%M} New York time",
            highlight=False,
        )
