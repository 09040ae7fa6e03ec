"""What tests need of this machine.  Where it is missing they are skipped and say why; in CI they fail."""

import os
import shutil
from collections.abc import Mapping, Sequence

import pytest

_PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"  # servers are there, and not on every user's own


def missing(programs: Mapping[str, str], root_for: str = "") -> list[str]:
    """Which of the `programs`, each with its Debian package, are not here, and root, if it is needed for
    something; in words for a person.
    """
    lacks = [
        f"{program} (Debian package {package})"
        for program, package in programs.items()
        if shutil.which(program, path=_PATH) is None
    ]
    if root_for and os.geteuid() != 0:
        lacks.append(f"root ({root_for})")
    return lacks


def need(lacks: Sequence[str]) -> None:
    """Goes on only where the machine lacks nothing."""
    if lacks:
        message = "this machine lacks " + ", ".join(lacks)
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
