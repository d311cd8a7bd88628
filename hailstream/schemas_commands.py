"""``hailstream schemas check | register | diff``."""

from __future__ import annotations

from pathlib import Path

import typer

_HELP = "The Avro schemas of all topics: check their evolution, register them, compare them with the registry."


def register(app: typer.Typer) -> None:
    """Add the ``schemas`` group to the command line."""
    group = typer.Typer(help=_HELP, no_args_is_help=True)
    group.command("check")(check)
    group.command("register")(register_all)
    group.command("diff")(diff)
    app.add_typer(group, name="schemas")


def check(
    previous: Path = typer.Option(None, help="Folder of the previous versions. [default: schemas/previous]"),
) -> None:
    """Check, without a server, that each schema reads what its previous version wrote."""
    from rich.console import Console
    from rich.table import Table

    from hailstream.errors import HailstreamError
    from hailstream.schemas import PREVIOUS_DIR, load_all, load_previous
    from hailstream.schemas_evolution import incompatibilities

    table = Table("schema", "previous version", "result")
    bad = []
    for topic, schema in load_all().items():
        before = load_previous(topic, folder=previous or PREVIOUS_DIR)
        if before is None:
            table.add_row(schema.name, "none", "new")
            continue
        problems = incompatibilities(schema, before)
        bad += [f"{schema.name}: {problem}" for problem in problems]
        state = "equal" if before.definition == schema.definition else "changed"
        table.add_row(schema.name, state, "; ".join(map(str, problems)) or "compatible")
    Console().print(table)
    if bad:
        raise HailstreamError(
            f"{len(bad)} incompatible changes: " + "; ".join(bad),
            hint="give a new field a default; to change a field's meaning, add a field of another name",
        )


def register_all(
    namespace: str = typer.Option(None, help="Whose subjects."),
    wait: float = typer.Option(60.0, min=0, help="Seconds to wait for a registry that is away."),
) -> None:
    """Register every topic's schema, with BACKWARD compatibility; harmless when it is there."""
    from rich.console import Console
    from rich.table import Table

    from hailstream.schemas_registry import COMPATIBILITY, register_schemas
    from hailstream.settings import load_settings

    settings = load_settings(namespace=namespace)
    table = Table("subject", "id", "compatibility")
    for topic, schema_id in register_schemas(settings, wait=wait, say=_say).items():
        table.add_row(topic.subject(settings.namespace), str(schema_id), COMPATIBILITY)
    Console().print(table)


def diff(
    namespace: str = typer.Option(None, help="Whose subjects."),
    wait: float = typer.Option(60.0, min=0, help="Seconds to wait for a registry that is away."),
) -> None:
    """Compare the schema files with the newest ones in the registry; exit code 1 when they differ."""
    from rich.console import Console
    from rich.table import Table

    from hailstream.schemas_registry import Registry
    from hailstream.settings import load_settings
    from hailstream.topics import ALL_TOPICS

    registry = Registry(load_settings(namespace=namespace), wait=wait, say=_say)
    table = Table("subject", "version", "state", "file against registry")
    found = [registry.diff(topic) for topic in ALL_TOPICS]
    for subject in found:
        table.add_row(subject.subject, str(subject.version or "-"), subject.state, "\n".join(subject.details))
    Console().print(table)
    if any(subject.state != "equal" for subject in found):
        raise typer.Exit(1)


def _say(message: str) -> None:
    typer.echo(message, err=True)
