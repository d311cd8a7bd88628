"""All settings as a person wants to see them: name, value, default, meaning; secrets masked."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from dotenv import dotenv_values
from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

from hailstream.settings import LOOPBACK, Settings

PREFIX = "HAILSTREAM_"
MASK = "********"
# user:password@ of an address
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+(?=@)")


@dataclass(frozen=True)
class Row:
    """One setting.

    Attributes:
        variable: its environment variable.
        value: in effect, or as given if it is wrong; a secret is masked.
        is_set: given by the environment or ``.env`` (else ``value`` is the default).
        problem: why the given value cannot be; empty if it can.
    """

    variable: str
    value: str
    default: str
    description: str
    is_set: bool
    problem: str = ""


def mask(value: object) -> str:
    """``value`` as text that may be shown: no secret, no credentials of an address."""
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return MASK if value.get_secret_value() else ""
    return _CREDENTIALS.sub(MASK, str(value))


def given_variables(env_file: Path = Path(".env")) -> dict[str, str]:
    """The ``HAILSTREAM_`` variables of the environment and, where unset there, of ``env_file``."""
    found: dict[str, str] = {}
    for source in (dotenv_values(env_file), os.environ):
        found |= {name.upper(): value for name, value in source.items() if value and name.upper().startswith(PREFIX)}
    return found


def unknown_variables(given: Iterable[str]) -> dict[str, str]:
    """Variables with our prefix that are no setting, each with the setting it resembles (or "")."""
    known = [_variable(name) for name in Settings.model_fields]
    unknown = sorted(set(given) - set(known) - {"HAILSTREAM_STACK"})  # the mark of our own processes
    return {name: next(iter(difflib.get_close_matches(name, known, 1, 0.8)), "") for name in unknown}


def settings_rows(given: Mapping[str, str]) -> list[Row]:
    """Every setting in the order of the class; never fails, whatever was given."""
    problems: dict[str, str] = {}
    values: dict[str, Any] = {}
    try:
        values = dict(Settings())
    except ValidationError as error:
        problems = {str(e["loc"][0]): e["msg"] for e in error.errors() if e["loc"]}
    return [_row(name, field, given, values, problems) for name, field in Settings.model_fields.items()]


def _row(
    name: str, field: FieldInfo, given: Mapping[str, str], values: Mapping[str, Any], problems: Mapping[str, str]
) -> Row:
    variable = _variable(name)
    default = field.get_default()
    raw = given.get(variable)
    if name in values:
        value = mask(values[name])
    elif raw is not None:
        value = MASK if "SecretStr" in str(field.annotation) else mask(raw)
    else:
        value = mask(default)
    return Row(
        variable,
        value,
        mask(default),
        field.description or _implied(name, field),
        raw is not None,
        problems.get(name, ""),
    )


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def _implied(name: str, field: FieldInfo) -> str:
    """What the name and type of a setting without description say."""
    if get_origin(field.annotation) is Literal:
        return "one of " + ", ".join(map(str, get_args(field.annotation)))
    if name.endswith("_port"):
        return f"port on {LOOPBACK}"
    return "PEM file" if name.endswith("_file") else ""
