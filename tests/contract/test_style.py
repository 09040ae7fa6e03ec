"""The linters are tests, so that `pytest` is the one command.

mypy's cache is the working tree's, which makes it quick; where that cannot be written it is slower.
"""

import subprocess
import sys
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "linter",
    [
        pytest.param(("ruff", "check", "--no-cache", "."), id="ruff check"),
        pytest.param(("ruff", "format", "--no-cache", "--check", "--diff", "."), id="ruff format"),
        pytest.param(("mypy",), id="mypy"),  # strict, and what it reads: pyproject.toml
    ],
)
def test_nothing_to_complain_of(linter: tuple[str, ...]) -> None:
    linted = subprocess.run(
        [sys.executable, "-m", *linter], cwd=HOUSE, capture_output=True, text=True, check=False
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr
