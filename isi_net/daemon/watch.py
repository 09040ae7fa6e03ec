"""Wake-ups: a file changed, a signal came, the lock was granted.  Whoever waits here costs nothing.

Watching is a kindness of the local kernel: it sees no other host's changes, and there may be no instance
left (Linux gives a user 128).  Without it the daemon polls.
"""

import contextlib
import os
import select
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inotify_simple import INotify


class WakeUps:
    """One place to wait for everything."""

    def __init__(self) -> None:
        self._read, self.signal_descriptor = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._poll = select.poll()
        self._poll.register(self._read, select.POLLIN)
        self._inotify: INotify | None = None
        self._watched: dict[str, int] = {}
        self.trouble = ""

    def wake(self) -> None:
        """Ends the wait; may be called from any thread."""
        with contextlib.suppress(BlockingIOError):  # it is full of wake-ups already
            os.write(self.signal_descriptor, b"\0")

    def wait(self, seconds: float) -> None:
        """Waits until something happens, `seconds` at most."""
        for descriptor, _ in self._poll.poll(max(0.0, seconds) * 1000):
            if descriptor == self._read:
                os.read(self._read, 4096)
            elif self._inotify is not None:
                self._inotify.read(timeout=0)

    def watch(self, directories: Iterable[str]) -> None:
        """Watches exactly these directories for files that change; those that are not there, not yet.

        `trouble` says afterwards why watching does not work, empty when it does.
        """
        wanted = set(directories)
        if wanted == self._watched.keys() or sys.platform != "linux":
            return
        from inotify_simple import INotify, flags  # noqa: PLC0415 - 15 ms, and only the daemon watches

        try:
            if self._inotify is None:
                self._inotify = INotify(nonblocking=True)
                self._poll.register(self._inotify.fileno(), select.POLLIN)
            for path in self._watched.keys() - wanted:
                self._inotify.rm_watch(self._watched.pop(path))
            mask = flags.CLOSE_WRITE | flags.MODIFY | flags.MOVED_TO | flags.DELETE | flags.DELETE_SELF
            for path in wanted - self._watched.keys():
                try:
                    self._watched[path] = self._inotify.add_watch(path, mask)
                except FileNotFoundError:
                    continue
            self.trouble = ""
        except OSError as error:
            self.trouble = f"cannot watch files ({error.strerror}): changes are seen by polling"

    def close(self) -> None:
        if self._inotify is not None:
            self._inotify.close()
        os.close(self._read)
        os.close(self.signal_descriptor)
