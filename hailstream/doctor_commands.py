"""``hailstream doctor``: what this machine has, what it lacks, what to do."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("doctor", rich_help_panel="Help")(doctor)


def doctor(as_json: bool = typer.Option(False, "--json", help="Print JSON instead of a table.")) -> None:
    """Check Python, Java, packages, ports, disk, memory and servers. Exits with 1 on an error, 0 with warnings."""
    import json
    from collections import Counter
    from dataclasses import asdict

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from hailstream.doctor import Status, check_up

    findings = []
    with Console(stderr=True).status("looking around ...") as spinner:
        for finding in check_up():
            findings.append(finding)
            spinner.update(f"{finding.check} looked at ...")
    has_error = any(finding.status is Status.ERROR for finding in findings)

    if as_json:
        typer.echo(json.dumps({"ok": not has_error, "findings": [asdict(f) for f in findings]}, indent=2))
    else:
        styles = {Status.OK: "green", Status.WARNING: "yellow", Status.ERROR: "bold red"}
        table = Table("", "check", "found", "what to do")
        for finding in findings:
            status = Text(finding.status, styles[finding.status])
            # Text, not markup: what was found may hold brackets.
            table.add_row(status, finding.check, Text(finding.found), Text(finding.action))
        counts = Counter(finding.status for finding in findings)
        console = Console()
        console.print(table)
        console.print(", ".join(f"{counts[status]} {status}" for status in Status))
    if has_error:
        raise typer.Exit(1)
