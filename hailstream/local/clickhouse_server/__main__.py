"""``python -m hailstream.local.clickhouse_server``."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from hailstream.errors import HailstreamError
from hailstream.local.clickhouse_server.auth import DEFAULT_USER, Account


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m hailstream.local.clickhouse_server",
        description="The ClickHouse engine behind ClickHouse's HTTP interface.",
    )
    parser.add_argument("--path", type=Path, required=True, help="folder of the data; made if it is not there")
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--user", default=DEFAULT_USER, help="name of the one user (default: %(default)s)")
    parser.add_argument("--password-file", type=Path, help="file with the user's password; without it none is needed")
    parser.add_argument(
        "--memory-limit", type=int, default=0, metavar="BYTES", help="of the engine; 0: 90 %% of memory"
    )
    return parser.parse_args(argv)


def _account(user: str, password_file: Path | None) -> Account:
    if password_file is None:
        return Account(user)
    try:
        password = password_file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise HailstreamError(
            f"{password_file}: cannot read the password: {error}", hint="check --password-file"
        ) from None
    if not password:
        raise HailstreamError(
            f"{password_file} holds no password", hint="write one into it, or leave --password-file out"
        )
    return Account(user, password)


def _check_exposure(host: str, account: Account) -> None:
    if host not in ("127.0.0.1", "::1", "localhost") and not account.password:
        raise HailstreamError(
            f"refusing to serve {host} without a password", hint="give --password-file, or listen on 127.0.0.1"
        )


def main(argv: list[str] | None = None) -> int:
    """Serve until told to stop; the exit code of the process."""
    arguments = _arguments(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        account = _account(arguments.user, arguments.password_file)
        _check_exposure(arguments.host, account)
        from hailstream.local.clickhouse_server.server import HideBrokenAnswers, serve

        logging.getLogger("uvicorn.error").addFilter(HideBrokenAnswers())
        serve(arguments.path, arguments.host, arguments.port, account, memory_limit=arguments.memory_limit)
    except HailstreamError as error:
        print(f"error: {error.message}" + (f"\n{error.hint}" if error.hint else ""), file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
