"""Who may ask: one user, by any of the three ways of ClickHouse's HTTP interface."""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from hailstream.local.clickhouse_server.errors import ClickHouseError

DEFAULT_USER = "default"


def _refused(text: str) -> ClickHouseError:
    return ClickHouseError(516, "AUTHENTICATION_FAILED", text)


@dataclass(frozen=True)
class Account:
    """The user of this server. An empty password admits only an empty one."""

    user: str = DEFAULT_USER
    password: str = field(default="", repr=False)

    def check(self, headers: Mapping[str, str], params: Mapping[str, str]) -> None:
        """Raises ClickHouseError 516 unless the request carries this user's credentials."""
        user, password = _credentials(headers, params)
        same_user = hmac.compare_digest(user.encode(), self.user.encode())
        if not hmac.compare_digest(password.encode(), self.password.encode()) or not same_user:
            raise _refused(f"{user}: Authentication failed: password is incorrect, or there is no user with such name")


def refuse_browsers(headers: Mapping[str, str]) -> None:
    """Refuse what a web page of somebody else makes a browser send to a server without a password.

    A page may send requests to loopback (they carry ``Origin`` or
    ``Sec-Fetch-Site``), and even read the answers if its own name is made to
    resolve to loopback (then ``Host`` is that name).

    Raises:
        ClickHouseError: 497, the request comes from a web page of another origin.
    """
    host = headers.get("host", "")
    origin = headers.get("origin", "")
    name = urlsplit(f"//{host}").hostname or ""
    foreign = bool(origin) and origin.partition("://")[2] != host
    if foreign or headers.get("sec-fetch-site", "none") not in ("none", "same-origin") or not _is_local(name):
        raise ClickHouseError(
            497, "ACCESS_DENIED", "Requests of web pages and for other host names need a server with a password"
        )


def _is_local(host: str) -> bool:
    if host in ("", "localhost") or host.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _credentials(headers: Mapping[str, str], params: Mapping[str, str]) -> tuple[str, str]:
    in_headers = "x-clickhouse-user" in headers or "x-clickhouse-key" in headers
    in_params = "user" in params or "password" in params
    authorization = headers.get("authorization", "")
    if in_headers + in_params + bool(authorization) > 1:
        raise _refused("Invalid authentication: it is not allowed to use several ways of authentication simultaneously")
    if in_headers:
        return headers.get("x-clickhouse-user", ""), headers.get("x-clickhouse-key", "")
    if not authorization:
        return params.get("user", DEFAULT_USER), params.get("password", "")
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise _refused(f"Invalid authentication: '{scheme}' HTTP Authorization scheme is not supported")
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise _refused("Invalid authentication: the Basic credentials cannot be read") from None
    return user, password
