"""Hand the user's pip configuration to uv, which does not read it.

Whoever installs from a mirror, behind a proxy or with a certificate of their
own has told pip so, by ``PIP_*`` variables or ``pip.conf``. uv's own variables
come first where they are set.
"""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

# Later ones win, as in pip.
_SECTIONS = ("global", "install", ":env:")


def parse(lines: Iterable[str]) -> dict[str, str]:
    """The options that ``pip config list`` prints, by name without section.

    Lines look like ``global.index-url='https://...'``; a later section wins,
    and lines of other sections or in another form are passed over.
    """
    found: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for line in lines:
        name, separator, quoted = line.partition("=")
        section, _, option = name.strip().rpartition(".")
        if not separator or section not in found:
            continue
        try:
            found[section][option] = str(ast.literal_eval(quoted.strip()))
        except (ValueError, SyntaxError):
            continue
    return {option: value for section in _SECTIONS for option, value in found[section].items()}


def translate(options: Mapping[str, str], env: Mapping[str, str]) -> dict[str, str]:
    """Environment variables of uv that say what pip's ``options`` say.

    Args:
        options: pip's options by long name, such as ``index-url``.
        env: the environment; a variable set there is left as it is.
    """
    wanted: dict[str, str] = {}
    if index := options.get("index-url"):
        wanted["UV_DEFAULT_INDEX"] = index
    if extra := options.get("extra-index-url", "").split():
        wanted["UV_INDEX"] = " ".join(extra)
        # pip takes a file from whichever index has it; the lock's hashes keep that safe.
        wanted["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    # pip passes over a folder that is not there, uv stops.
    if links := [link for link in options.get("find-links", "").split() if "://" in link or Path(link).exists()]:
        wanted["UV_FIND_LINKS"] = ",".join(links)
    if hosts := options.get("trusted-host", "").split():
        wanted["UV_INSECURE_HOST"] = " ".join(hosts)
    if options.get("no-index", "").lower() in {"1", "true", "yes", "on"}:
        wanted["UV_NO_INDEX"] = "1"
    if certificate := options.get("cert"):
        wanted["SSL_CERT_FILE"] = certificate
    if proxy := options.get("proxy"):
        wanted["ALL_PROXY"] = proxy if "://" in proxy else f"http://{proxy}"
    if timeout := options.get("default-timeout") or options.get("timeout"):
        wanted["UV_HTTP_TIMEOUT"] = timeout
    if "UV_INDEX_URL" in env:
        wanted.pop("UV_DEFAULT_INDEX", None)
    return {name: value for name, value in wanted.items() if name not in env}


def uv_environment(python: Path, env: Mapping[str, str]) -> dict[str, str]:
    """What to add to ``env`` so that uv installs from where the pip of ``python`` would.

    Without pip in that environment only the ``PIP_*`` variables are known.
    """
    asked = subprocess.run(
        [python, "-m", "pip", "config", "list"], env=dict(env), capture_output=True, text=True, check=False
    )
    lines = asked.stdout.splitlines() if asked.returncode == 0 else _variables(env)
    return translate(parse(lines), env)


def _variables(env: Mapping[str, str]) -> list[str]:
    return [
        f":env:.{name[4:].lower().replace('_', '-')}={value!r}"
        for name, value in env.items()
        if name.startswith("PIP_") and value
    ]
