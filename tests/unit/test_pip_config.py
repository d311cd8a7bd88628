"""uv installs from where the user's pip would."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements"


@pytest.fixture
def pip_config(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(REQUIREMENTS))
    module: Any = importlib.import_module("pip_config")

    return module


def test_the_environment_goes_before_the_install_section_and_that_before_the_global_one(pip_config: Any) -> None:
    lines = [
        ":env:.index-url='https://three.test/simple'",
        "global.index-url='https://one.test/simple'",
        "install.index-url='https://two.test/simple'",
        "install.cert='/two.pem'",
        "global.cert='/one.pem'",
        "freeze.timeout='9'",
        "no line of that form",
        "global.proxy=broken'",
    ]
    assert pip_config.parse(lines) == {"index-url": "https://three.test/simple", "cert": "/two.pem"}


def test_each_option_gets_its_name_in_uv(pip_config: Any, tmp_path: Path) -> None:
    options = {
        "index-url": "https://joe:hush@one.test/simple",
        "extra-index-url": "https://two.test/simple\nhttps://three.test/simple",
        "find-links": f"{tmp_path} /no/such/folder https://four.test/links",
        "trusted-host": "one.test two.test",
        "cert": "/one.pem",
        "proxy": "proxy.test:3128",
        "timeout": "60",
        "no-index": "true",
    }
    assert pip_config.translate(options, {}) == {
        "UV_DEFAULT_INDEX": "https://joe:hush@one.test/simple",
        "UV_INDEX": "https://two.test/simple https://three.test/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_FIND_LINKS": f"{tmp_path},https://four.test/links",
        "UV_INSECURE_HOST": "one.test two.test",
        "SSL_CERT_FILE": "/one.pem",
        "ALL_PROXY": "http://proxy.test:3128",
        "UV_HTTP_TIMEOUT": "60",
        "UV_NO_INDEX": "1",
    }


@pytest.mark.parametrize("name", ["UV_DEFAULT_INDEX", "UV_INDEX_URL"])
def test_what_is_said_to_uv_itself_stays(pip_config: Any, name: str) -> None:
    env = {name: "https://mine.test/simple", "SSL_CERT_FILE": "/mine.pem"}
    assert pip_config.translate({"index-url": "https://one.test/simple", "cert": "/one.pem"}, env) == {}


def test_without_pip_the_variables_still_count(pip_config: Any, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    env = {"PIP_INDEX_URL": "https://one.test/simple", "PIP_USER": "0", "HOME": "/nobody"}
    assert pip_config.uv_environment(python, env) == {"UV_DEFAULT_INDEX": "https://one.test/simple"}


def test_pips_own_files_are_read_by_pip(pip_config: Any, tmp_path: Path) -> None:
    pytest.importorskip("pip", reason="this environment was made without pip")
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://one.test/simple\nextra-index-url =\n    https://two.test/simple\n"
    )
    env = {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), "HOME": str(tmp_path)}
    found = pip_config.uv_environment(Path(sys.executable), env)
    assert (found["UV_DEFAULT_INDEX"], found["UV_INDEX"]) == ("https://one.test/simple", "https://two.test/simple")
