"""`hailstream up | down | status | logs`."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the commands of the embedded stack."""

    @app.command(rich_help_panel="Stack")
    def up(
        only: list[str] = typer.Option(
            [],
            "--only",
            help="Start only this service (may be given again): kafka, registry, redis, clickhouse, flink.",
        ),
    ) -> None:
        """Start the embedded stack and wait until every server answers. Harmless when it runs already."""
        from hailstream.local.display import Display
        from hailstream.local.stack import Stack
        from hailstream.settings import load_settings

        with Display() as display:
            Stack(load_settings()).up(only or None, display)

    @app.command(rich_help_panel="Stack")
    def down(
        purge: bool = typer.Option(
            False, "--purge", help="Also delete all data: topics, schemas, tables, checkpoints."
        ),
    ) -> None:
        """Stop the embedded stack; nothing of it is left running."""
        from rich.console import Console

        from hailstream.local.stack import Stack
        from hailstream.settings import load_settings

        console = Console(stderr=True)
        with console.status("stopping"):
            leftovers = Stack(load_settings()).down(purge=purge)
        also = f", {leftovers} orphaned processes ended" if leftovers else ""
        console.print(f"[green]✓[/] everything is stopped{also}" + ("; data deleted" if purge else ""))

    @app.command(rich_help_panel="Stack")
    def status(as_json: bool = typer.Option(False, "--json", help="One JSON array.")) -> None:
        """Show how every server is; exit code 1 when one has crashed or does not answer."""
        import json
        from dataclasses import asdict

        from hailstream.local.display import show_status
        from hailstream.local.stack import FAULTY, Stack
        from hailstream.settings import load_settings

        servers = Stack(load_settings()).status()
        if as_json:
            typer.echo(json.dumps([asdict(server) for server in servers], default=str, indent=2))
        else:
            show_status(servers)
        if any(server.state in FAULTY for server in servers):
            raise typer.Exit(1)

    @app.command(rich_help_panel="Stack")
    def logs(
        name: str = typer.Argument(help="A server as `status` names it."),
        follow: bool = typer.Option(False, "-f", "--follow", help="Go on as lines come, until Ctrl-C."),
        lines: int = typer.Option(50, "--lines", "-n", min=0, help="How many of the last lines."),
    ) -> None:
        """Print the log of a server."""
        from hailstream.local.log_files import tail
        from hailstream.local.stack import Stack
        from hailstream.settings import load_settings

        for line in tail(Stack(load_settings()).log_path(name), lines, follow=follow):
            typer.echo(line)
