"""Real servers for every test here."""

from tests.stack import *  # noqa: F403
