"""A taken port is told with its owner."""

from __future__ import annotations

import os
import socket

from hailstream.local.ports import is_free, owner_of


def test_the_owner_of_a_taken_port_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert not is_free(port)
        owner = owner_of(port)
        assert owner is not None
        assert owner.pid == os.getpid()
    assert is_free(port)
    assert owner_of(port) is None
