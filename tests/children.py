"""Real processes for tests, which the kernel already shows with their own names and words."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

Child = subprocess.Popen[bytes]


@contextmanager
def child(*words: str, executable: str | None = None) -> Iterator[Child]:
    """A process in a group of its own; it is killed at the end, if it lives until then.

    Popen gives it back as soon as execve(2) has closed our descriptors, and only a moment later /proc shows
    its words: who looks in between sees none.
    """
    with subprocess.Popen(words, executable=executable, start_new_session=True) as process:
        try:
            until = time.monotonic() + 10
            while _words(process.pid) != words:
                assert process.poll() is None and time.monotonic() < until, words
            yield process
        finally:
            process.kill()


def _words(pid: int) -> tuple[str, ...]:
    return tuple(Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1])
