"""Real daemons and commands of this checkout, each at a root of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from children import Child
from patience import PATIENCE_SECONDS

from isi_net.store.tree import Tree

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}


def command(tree: Tree, *words: str) -> list[str]:
    """The words of an `isi_net` that works on this tree; it is found with ENVIRONMENT."""
    return [sys.executable, "-m", "isi_net", "--root", tree.root, "--ifs", tree.ifs, *words]


def start_daemon(
    tree: Tree, *through: str, stderr: IO[bytes] | int | None = None, **environment: str
) -> Child:
    """A daemon, started `through` another program if need be; who starts it ends it."""
    return subprocess.Popen(
        [*through, *command(tree, "daemon")],
        stdin=subprocess.DEVNULL,
        stderr=stderr,
        env=ENVIRONMENT | environment,
        cwd="/",
    )


@contextmanager
def daemon(tree: Tree, **environment: str) -> Iterator[Child]:
    """A daemon that is told to end at the end, and does so in order; unless it was killed meanwhile."""
    process = start_daemon(tree, **environment)
    try:
        yield process
    finally:
        process.terminate()
        try:
            ended = process.wait(PATIENCE_SECONDS)
        finally:
            process.kill()
            process.wait()
    assert ended in (0, -signal.SIGKILL)
