"""An archive in S3: one set of settings, said to pyarrow and Flink in their own names.

Without keys both look where AWS's libraries look: the environment,
``~/.aws``, the role of the machine.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from hailstream.errors import HailstreamError
from hailstream.settings import Settings

if TYPE_CHECKING:
    import pyarrow.fs as pafs

_SCHEME: Final = "s3://"
#: Seconds until a server that does not answer is given up; each of three tries waits so long.
_TIMEOUT: Final = 10
_HINT: Final = "check HAILSTREAM_ARCHIVE, and HAILSTREAM_S3_ENDPOINT, _REGION, _ACCESS_KEY and _SECRET_KEY"


def in_s3(settings: Settings) -> bool:
    """Whether the archive is there."""
    return settings.archive_address.startswith("s3:")


def open_bucket(settings: Settings) -> tuple[pafs.FileSystem, str]:
    """The file system, and the archive's folder in it: ``bucket/prefix``.

    Raises:
        HailstreamError: no bucket is named or there is none of that name, the keys are wrong, or the server is away.
    """
    import pyarrow.fs as pafs

    root = settings.archive_address.removeprefix(_SCHEME)
    bucket = root.partition("/")[0]
    if not bucket or ":" in bucket:
        raise HailstreamError(
            f"wrong setting: HAILSTREAM_ARCHIVE: {settings.archive} names no bucket",
            hint="give s3://BUCKET/PREFIX",
            exit_code=2,
        )
    secret = settings.s3_secret_key
    files = pafs.S3FileSystem(
        access_key=settings.s3_access_key,
        secret_key=secret.get_secret_value() if secret else None,
        region=settings.s3_region,
        connect_timeout=_TIMEOUT,
        request_timeout=_TIMEOUT,
        # With an address of its own a server is asked by path, unless it is told otherwise.
        force_virtual_addressing=not settings.s3_path_style,
        **_endpoint(settings),
    )
    try:
        info = files.get_file_info(bucket)
    except OSError as error:
        raise unreachable(settings, error) from None
    # Else a bucket that is not there would look like an archive with nothing in it.
    if info.type is pafs.FileType.NotFound:
        raise HailstreamError(f"{_server(settings)} has no bucket {bucket}", hint=_HINT)
    return files, root


def unreachable(settings: Settings, error: OSError) -> HailstreamError:
    """The error of a server that refuses or does not answer."""
    told = re.sub(r"\s+", " ", str(error))
    if re.search(r"AccessDenied|ACCESS_DENIED|SignatureDoesNotMatch|InvalidAccessKeyId|code 40[13]|HTTP.*40[13]", told):
        return HailstreamError(f"{_server(settings)} refuses the keys for {settings.archive_address}", hint=_HINT)
    return HailstreamError(f"{_server(settings)} does not answer for {settings.archive_address}: {told}", hint=_HINT)


def flink_options(settings: Settings) -> dict[str, str | bool]:
    """For Flink's ``config.yaml``, by the names of its native S3 file system; it belongs to a cluster, not to a job."""
    secret = settings.s3_secret_key
    options: dict[str, str | bool | None] = {
        "s3.endpoint": settings.s3_endpoint,
        "s3.region": settings.s3_region,
        "s3.path-style-access": settings.s3_path_style,
        "s3.access-key": settings.s3_access_key,
        "s3.secret-key": secret.get_secret_value() if secret else None,
    }
    return {name: value for name, value in options.items() if value is not None}


def _endpoint(settings: Settings) -> dict[str, str]:
    if settings.s3_endpoint is None:
        return {}
    parts = urlsplit(settings.s3_endpoint)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise HailstreamError(
            f"wrong setting: HAILSTREAM_S3_ENDPOINT: {settings.s3_endpoint}",
            hint="give http://HOST:PORT or https://HOST",
            exit_code=2,
        )
    return {"scheme": parts.scheme, "endpoint_override": parts.netloc}


def _server(settings: Settings) -> str:
    return f"the S3 server {settings.s3_endpoint}" if settings.s3_endpoint else f"S3 in {settings.s3_region}"
