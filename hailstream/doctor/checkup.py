"""The list of checks, and how they are run: whatever one of them raises, the others go on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module

from pydantic import SecretStr

from hailstream.doctor.finding import Check, Finding, error, ok, warning
from hailstream.errors import HailstreamError
from hailstream.settings import Settings, load_settings
from hailstream.settings_report import MASK, given_variables, mask, unknown_variables


def _later(module: str, function: str) -> Check:
    """The check, its module imported only when it runs: one that cannot be imported is a finding too."""

    def check(settings: Settings) -> Iterable[Finding]:
        found: Iterable[Finding] = getattr(import_module(f"hailstream.doctor.{module}"), function)(settings)
        return found

    return check


CHECKS: Mapping[str, Check] = {
    "python": _later("packages", "check_python"),
    "packages": _later("packages", "check_packages"),
    "libraries": _later("packages", "check_libraries"),
    "java": _later("java", "check_embedded_java"),
    "jvm parts": _later("java", "check_jars"),
    "java for Spark": _later("java", "check_spark_java"),
    "ports": _later("ports", "check_ports"),
    "disk": _later("machine", "check_disk"),
    "memory": _later("machine", "check_memory"),
    "cores": _later("machine", "check_cores"),
    "open files": _later("machine", "check_open_files"),
    "clock": _later("machine", "check_clock"),
    "socket path": _later("machine", "check_socket_path"),
    "servers": _later("servers", "check_servers"),
}


def check_up(checks: Mapping[str, Check] = CHECKS) -> Iterator[Finding]:
    """Findings in the order of ``checks``, each as soon as it is there.

    Wrong settings are themselves a finding; the other checks then go on with
    the defaults. A check that raises is an error of its name. No text of a
    finding holds a secret.
    """
    settings, finding = _settings()
    yield finding
    for name, fault in unknown_variables(given_variables()).items():
        meant = f"rename it to {fault}" if fault else "`hailstream settings` lists the names"
        yield warning("settings", f"{name} is no setting and has no effect", meant)
    for name, check in checks.items():
        try:
            for found in check(settings):
                yield _scrubbed(found, settings)
        except Exception as failure:
            text = f"the check failed: {type(failure).__name__}: {failure}"
            yield _scrubbed(error(name, text, "`make setup` repairs the installation; else report this"), settings)


def _settings() -> tuple[Settings, Finding]:
    try:
        return load_settings(), ok("settings", "every value is possible")
    except HailstreamError as failure:
        return Settings.model_construct(), error("settings", failure.message, failure.hint)


def _scrubbed(finding: Finding, settings: Settings) -> Finding:
    """The finding without secrets: messages of client libraries may quote what they were given."""
    secrets = [value.get_secret_value() for _, value in settings if isinstance(value, SecretStr)]
    found = mask(finding.found)
    for secret in filter(None, secrets):
        found = found.replace(secret, MASK)
    return Finding(finding.check, finding.status, found, finding.action)
