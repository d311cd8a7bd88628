"""Pages from Jinja templates that lie beside the code which fills them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from hailstream.errors import HailstreamError


def render_page(template: str, values: Mapping[str, Any]) -> str:
    """The text of a page.

    A template extends ``pages/frame.html`` and imports ``pages/parts.html``.
    What is no markup (of :func:`hailstream.pages.figures.inline_svg`) is escaped.
    Filters beside Jinja's: ``number`` (1,234), ``dollars`` (of cents), ``share``
    (a ratio in percent), ``utc`` (a datetime to the minute), ``span`` (a timedelta
    or seconds); each gives "–" for None.

    Args:
        template: path below ``hailstream/``, such as ``reconcile/report.html``.
        values: what it may name; a name that it has not got is an error.
    """
    return environment().get_template(template).render(values)


def check_page_target(path: Path) -> None:
    """Whether a page can be written there, before it is made.

    Raises:
        HailstreamError: it does not end in .html, or there is no such folder.
    """
    if path.suffix.lower() not in {".html", ".htm"}:
        raise HailstreamError(f"{path}: not a page", hint="let its name end in .html", exit_code=2)
    if not path.parent.is_dir():
        raise HailstreamError(f"{path.parent}: there is no such folder", hint="make it first", exit_code=2)


def write_whole(path: Path, content: bytes | str) -> None:
    """Write a file whole or not at all; one that is there is replaced at once.

    Raises:
        HailstreamError: it cannot be written.
    """
    temporary = path.with_name(f"{path.name}.new")
    try:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise HailstreamError(f"{path}: cannot be written: {error.strerror}") from None


@cache
def environment() -> Environment:
    """Of all pages of the project."""
    made = Environment(
        loader=PackageLoader("hailstream", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"number": number, "dollars": dollars, "share": share, "utc": utc, "span": span}
    return made


_NONE = "–"


def number(value: float | None, digits: int = 0) -> str:
    """With commas between thousands."""
    return _NONE if value is None else f"{value:,.{digits}f}"


def dollars(cents: int | None) -> str:
    """Exactly: whole cents are divided as integers."""
    if cents is None:
        return _NONE
    return f"{'-' if cents < 0 else ''}${abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def share(ratio: float | None, digits: int = 1) -> str:
    """Of 1, in percent; what is above 0 and would be rounded to it says so."""
    if ratio is None:
        return _NONE
    smallest = 10**-digits
    percent = 100 * ratio
    return f"< {smallest:.{digits}f} %" if 0 < percent < smallest / 2 else f"{percent:.{digits}f} %"


def utc(moment: datetime | None) -> str:
    """To the minute."""
    return _NONE if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


def span(length: timedelta | float | None) -> str:
    """As 45.3 s, 3 min 20 s or 5 h 10 min."""
    if length is None:
        return _NONE
    seconds = length.total_seconds() if isinstance(length, timedelta) else length
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
