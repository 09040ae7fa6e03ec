"""One host of a check, as a process of its own: `python checking_host.py NAME DIR '{"lock": "lockf", …}'`.

What a real host has from its kernel is passed in here: which lock, which clock, which directory.
"""

import fcntl
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict

from isi_net.check.meeting import Host
from isi_net.check.sound import check
from isi_net.store.lock import FileLock
from isi_net.store.tree import Tree


class LockfLock:
    """A lock by lockf(3), which on a local file system knows nothing of flock(2)."""

    def __init__(self, path: str) -> None:
        self._path, self._descriptor = path, -1

    def open(self) -> None:
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def try_now(self) -> bool:
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def wait(self, granted: Callable[[], None]) -> None:
        def stand_in_line() -> None:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX)
            granted()

        threading.Thread(target=stand_in_line, daemon=True).start()

    def close(self) -> None:
        os.close(self._descriptor)


class Elsewhere(FileLock):
    """A lock in a directory that only pretends to be the one the others use."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path}.of.{os.getpid()}")


class TreeElsewhere(Tree):
    """Hosts meet in one directory, and what they try there ends up in another one on each."""

    @property
    def check_trial(self) -> str:
        return os.path.join(super().check_trial, str(os.getpid()))


LOCKS = {"flock": FileLock, "lockf": LockfLock, "elsewhere": Elsewhere}


def main(name: str, directory: str, more: str) -> None:
    options = {"lock": "flock", "ahead": 0.0, "wanted": 2, "wait": 20.0, "apart": False, **json.loads(more)}
    tree = (TreeElsewhere if options["apart"] else Tree)("/", directory)
    hosts, found = check(
        tree,
        Host(name, options.get("machine", name)),
        wanted=options["wanted"],
        wait=options["wait"],
        seconds=0.5,
        clock=lambda: time.time() + options["ahead"],
        progress=lambda _step: None,
        lock=LOCKS[options["lock"]],
    )
    print(json.dumps({"hosts": [one.name for one in hosts], "found": [asdict(one) for one in found]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
