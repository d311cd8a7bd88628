"""The schema registry: Apicurio, spoken to by Confluent's protocol."""

from __future__ import annotations

import httpx

from hailstream.errors import HailstreamError
from hailstream.local.jars import Jars
from hailstream.local.java import java
from hailstream.local.server import CHECK_TIMEOUT, NotReadyError, Server, Service, get
from hailstream.settings import LOOPBACK, Settings

COMPATIBILITY = "BACKWARD"


def server(settings: Settings, jars: Jars) -> Server:
    """The embedded registry; its versions survive a restart."""
    data = settings.home_dir / "data" / "registry"
    options = {
        "quarkus.http.host": LOOPBACK,
        "quarkus.http.port": str(settings.registry_port),
        "quarkus.management.host": LOOPBACK,
        "quarkus.management.port": str(settings.registry_management_port),
        "quarkus.log.file.enable": "false",
        "apicurio.storage.kind": "sql",
        "apicurio.storage.sql.kind": "h2",
        "apicurio.datasource.url": f"jdbc:h2:file:{data / 'registry'}",
    }
    command = java(
        "-Xms64m",
        "-Xmx256m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",  # it serves a few requests a minute: a quick start is worth more
        "-XX:+ExitOnOutOfMemoryError",
        *(f"-D{key}={value}" for key, value in options.items()),
    )
    return Server(
        name="registry",
        command=(*command, "-jar", str(jars.apicurio / "quarkus-run.jar")),
        ports={
            "HAILSTREAM_REGISTRY_PORT": settings.registry_port,
            "HAILSTREAM_REGISTRY_MANAGEMENT_PORT": settings.registry_management_port,
        },
        data=data,
        check=lambda: check(settings),
        prepare=lambda: data.mkdir(parents=True, exist_ok=True),
        first_steps=lambda: set_default_compatibility(settings),
        settle=15,
    )


def set_default_compatibility(settings: Settings) -> None:
    """Make BACKWARD the registry's default, once in its life: whoever changes it later is not overruled.

    Raises:
        HailstreamError: the registry refuses.
    """
    done = settings.home_dir / "data" / "registry" / ".compatibility"
    if done.exists():
        return
    try:
        response = httpx.put(
            f"{settings.registry_address}/config",
            json={"compatibility": COMPATIBILITY},
            timeout=CHECK_TIMEOUT * 3,
            trust_env=False,
        )
        response.raise_for_status()
    except httpx.HTTPError as error:
        raise HailstreamError(f"registry: cannot set the default compatibility {COMPATIBILITY}: {error}") from error
    done.touch()


def check(settings: Settings) -> None:
    """Raise NotReadyError unless the registry lists its subjects."""
    auth = None
    if settings.registry_username is not None:
        password = settings.registry_password.get_secret_value() if settings.registry_password else ""
        auth = (settings.registry_username, password)
    response = get(f"{settings.registry_address}/subjects", auth=auth, ca_file=settings.registry_ca_file)
    try:
        subjects = response.json()
    except ValueError as error:
        raise NotReadyError("answers, but not as a schema registry") from error
    if not isinstance(subjects, list):
        raise NotReadyError("answers, but not as a schema registry")


SERVICE = Service(
    name="registry",
    external=lambda settings: settings.registry_url,
    check=check,
    servers=lambda settings, jars: (server(settings, jars),),
)
