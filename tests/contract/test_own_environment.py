"""The tests are the same whoever starts them, and touch nothing of theirs."""

import os
import subprocess
import sys
from pathlib import Path

from hypothesis import settings

TESTS = Path(__file__).parents[1]


def test_a_cluster_that_the_shell_names_is_not_the_tests_own() -> None:
    """Many say `--root` only, and would write their reports below the shell's ISI_NET_IFS."""
    named = {"ISI_NET_ROOT": "/nowhere", "ISI_NET_IFS": "/nowhere", "COLUMNS": "60"}
    code = "import os, sys, conftest; print(*(f'{name}={os.environ.get(name)}' for name in sys.argv[1:]))"
    ran = subprocess.run(
        [sys.executable, "-c", code, *named],
        cwd=TESTS,
        env=os.environ | named,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "ISI_NET_ROOT=None ISI_NET_IFS=None COLUMNS=80\n"


def test_no_law_depends_on_what_an_earlier_run_left_in_the_checkout() -> None:
    assert settings.default.database is None
