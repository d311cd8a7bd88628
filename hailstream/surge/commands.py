"""``hailstream surge``: policies of the surge price, and a preview of what they do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from hailstream.surge.policies import Listing, PolicyLog

Scope = Annotated[str, typer.Argument(help="city, borough:Queens, zone:93")]
Namespace = Annotated[str | None, typer.Option(help="whose policies")]
Enabled = Annotated[bool | None, typer.Option("--enabled/--disabled", help="off: 1.0 at once")]
Sensitivity = Annotated[float | None, typer.Option(help="multiplier per unit of ratio above the threshold")]
Threshold = Annotated[float | None, typer.Option(help="ratio up to which the price is 1.0")]
HalfLife = Annotated[float | None, typer.Option("--half-life-minutes", help="of the smoothing of the ratio")]
Hysteresis = Annotated[float | None, typer.Option(help="distance from its target at which the price stays")]
Cap = Annotated[float | None, typer.Option(help="highest multiplier")]
MaxChange = Annotated[float | None, typer.Option(help="most that the multiplier moves in a minute")]
MinSamples = Annotated[int | None, typer.Option(help="fewer starts in five minutes: no surge")]


def register(app: typer.Typer) -> None:
    """Add the group ``surge`` to the command line."""
    group = typer.Typer(help="Policies of the surge price, and what they do.", no_args_is_help=True)
    policy = typer.Typer(help="Set, list and remove policies; running jobs follow.", no_args_is_help=True)
    policy.command("set")(set_)
    policy.command("list")(list_policies)
    policy.command("remove")(remove)
    group.add_typer(policy, name="policy")
    group.command("preview")(preview)
    app.add_typer(group, name="surge")


def set_(
    scope: Scope,
    enabled: Enabled = None,
    sensitivity: Sensitivity = None,
    threshold: Threshold = None,
    half_life_minutes: HalfLife = None,
    hysteresis: Hysteresis = None,
    cap: Cap = None,
    max_change: MaxChange = None,
    min_samples: MinSamples = None,
    namespace: Namespace = None,
) -> None:
    """Set parameters for a scope; the others keep their value there, or have the default."""
    given = _given(locals())
    from hailstream.domain.surge.policy import PARAMETERS
    from hailstream.surge.policies import set_policy

    before, policy = set_policy(_policy_log(namespace), scope, given)
    for name in PARAMETERS:
        old, new = getattr(before, name), getattr(policy, name)
        typer.echo(f"{name:18} {new}" + (f"  (was {old})" if old != new else ""))
    typer.echo(f"{policy.label} is set")


def list_policies(
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False, namespace: Namespace = None
) -> None:
    """List the policies, the widest scope first, and messages on their topic that are none."""
    from hailstream.surge.policies import listing

    found = listing(_policy_log(namespace))
    if as_json:
        refused = [
            {"key": key.decode(errors="replace"), "offset": message.offset, "error": error.message}
            for key, (message, error) in found.refused.items()
        ]
        policies = [policy.model_dump() for policy in found.policies]
        typer.echo(json.dumps({"policies": policies, "refused": refused}, indent=2))
    else:
        _print_listing(found)


def remove(scope: Scope, namespace: Namespace = None) -> None:
    """Take the policy of a scope away; the next wider one holds."""
    from hailstream.surge.policies import remove_policy

    remove_policy(_policy_log(namespace), scope)
    typer.echo(f"{scope}: removed")


def preview(
    out: Annotated[Path, typer.Option(help="picture to write: .svg or .png")],
    policy_file: Annotated[Path | None, typer.Option(help="JSON of one policy, instead of parameters")] = None,
    seed: Annotated[int, typer.Option(min=0, help="of the simulated evening")] = 1,
    enabled: Enabled = None,
    sensitivity: Sensitivity = None,
    threshold: Threshold = None,
    half_life_minutes: HalfLife = None,
    hysteresis: Hysteresis = None,
    cap: Cap = None,
    max_change: MaxChange = None,
    min_samples: MinSamples = None,
) -> None:
    """Draw a simulated evening in which a stadium empties, priced by a policy."""
    given = _given(locals())
    from hailstream.domain.surge.policies import Policies
    from hailstream.surge.evening import simulate
    from hailstream.surge.picture import check_target, save_picture
    from hailstream.surge.preview import evening_table, policy_for_preview

    policy = policy_for_preview(policy_file, given)
    check_target(out)
    evening = simulate(Policies().with_(policy), seed)
    save_picture(evening, policy, out)
    from rich.console import Console

    Console().print(evening_table(evening))
    typer.echo(f"picture: {out}")


def _policy_log(namespace: str | None) -> PolicyLog:
    from hailstream.control_log import ControlLog
    from hailstream.settings import load_settings
    from hailstream.topics import SURGE_POLICIES

    return ControlLog(load_settings(namespace=namespace), SURGE_POLICIES)


def _given(values: dict[str, Any]) -> dict[str, Any]:
    """The parameters that were given on the command line, out of all arguments."""
    from hailstream.domain.surge.policy import PARAMETERS

    return {name: values[name] for name in PARAMETERS if values[name] is not None}


def _print_listing(found: Listing) -> None:
    from rich.console import Console
    from rich.table import Table

    from hailstream.domain.surge.policies import DEFAULT
    from hailstream.domain.surge.policy import PARAMETERS

    table = Table("scope", "revision", "parameters; for a scope those that are not the default's")
    table.columns[0].no_wrap = True
    for policy in (DEFAULT, *found.policies):
        told = [name for name in PARAMETERS if policy is DEFAULT or getattr(policy, name) != getattr(DEFAULT, name)]
        parameters = ", ".join(f"{name} {getattr(policy, name)}" for name in told)
        table.add_row(policy.scope, str(policy.revision or ""), parameters)
    console = Console()
    console.print(table)
    for key, (message, error) in found.refused.items():
        where = f"refused: key {key.decode(errors='replace')!r}, offset {message.offset}: "
        console.print(where + error.message, style="red", markup=False, highlight=False)
