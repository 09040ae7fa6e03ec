"""Wake-ups: a file changed, a signal came, the lock was granted.  Whoever waits here costs nothing.

Watching is a kindness of the local kernel: it sees no other host's changes, and there may be no instance
left (Linux gives a user 128).  Without it the daemon polls.
"""

import contextlib
import os
import select
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inotify_simple import INotify


# Somebody may write some file in a watched directory all day: then this is what rests between two turns.
GATHER_SECONDS = 0.02


class WakeUps:
    """One place to wait for everything; a process needs one, for as long as it runs."""

    def __init__(self) -> None:
        self._read, self.signal_descriptor = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._open = True
        self._closing = threading.Lock()
        self._calls, self._poll = select.poll(), select.poll()  # those of our own, and everything
        self._calls.register(self._read, select.POLLIN)
        self._poll.register(self._read, select.POLLIN)
        self._over = 0.0  # when the last wait was, which is when a turn began
        self._attended: dict[int, Callable[[], object]] = {}
        self._inotify: INotify | None = None
        self._watches: frozenset[int] = frozenset()

    def wake(self) -> None:
        """Ends the wait; may be called from any thread, at any time."""
        # A descriptor's number is given out again: a byte written after the end would land in some file.
        with self._closing, contextlib.suppress(BlockingIOError):  # it is full of wake-ups already
            if self._open:
                os.write(self.signal_descriptor, b"\0")

    def wait(self, seconds: float) -> None:
        """Waits until something happens, `seconds` at most.

        Files that change are heard at once after a quiet time, but no sooner than GATHER_SECONDS after the
        wait before was over; `wake` and signals always are.  What is attended to ends no wait.
        """
        until = time.monotonic() + seconds
        deaf = min(until, self._over + GATHER_SECONDS) - time.monotonic()
        over = deaf > 0 and self._hear(self._calls, deaf)
        while not over:
            left = until - time.monotonic()
            over = self._hear(self._poll, left) or left <= 0
            if not over:  # somebody was attended to, who may go on all day: the same rest
                over = self._hear(self._calls, min(GATHER_SECONDS, until - time.monotonic()))
        self._over = time.monotonic()

    def attend(self, descriptor: int, hear: Callable[[], object]) -> None:
        """Has `hear` called during a wait whenever `descriptor` can be read, at most every GATHER_SECONDS."""
        self._attended[descriptor] = hear
        self._poll.register(descriptor, select.POLLIN)

    def neglect(self, descriptor: int) -> None:
        """Attends no more to `descriptor`, which is still open."""
        if self._attended.pop(descriptor, None) is not None:
            self._poll.unregister(descriptor)

    def _hear(self, sources: select.poll, seconds: float) -> bool:
        """Whether something happened within `seconds` that ends a wait; that is forgotten now."""
        happened = False
        for descriptor, _ in sources.poll(max(0.0, seconds) * 1000):
            if descriptor in self._attended:
                self._attended[descriptor]()
                continue
            happened = True
            if descriptor == self._read:
                os.read(self._read, 4096)
            elif self._inotify is not None:
                self._inotify.read(timeout=0)
        return happened

    def watch(self, directories: Iterable[str]) -> str:
        """Watches exactly these directories for files that change; those that are not there, not yet.

        Gives back why watching does not work, empty when it does.
        """
        if sys.platform != "linux":
            return ""
        from inotify_simple import INotify, flags  # noqa: PLC0415 - 15 ms, and only the daemon watches

        mask = flags.CLOSE_WRITE | flags.MODIFY | flags.MOVED_TO | flags.DELETE
        try:
            if self._inotify is None:
                self._inotify = INotify(nonblocking=True)
                self._poll.register(self._inotify.fileno(), select.POLLIN)
            watches = set()
            for path in directories:
                # Every time anew: that gives the same watch as long as the directory is the same one, and
                # another when it was deleted and made again, moved, or mounted over.
                with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                    watches.add(self._inotify.add_watch(path, mask | flags.ONLYDIR))
            for gone in self._watches - watches:
                with contextlib.suppress(OSError):  # EINVAL: the kernel ended it, with its directory
                    self._inotify.rm_watch(gone)
            self._watches = frozenset(watches)
        except OSError as error:
            return f"cannot watch files ({error.strerror}): changes are seen by polling"
        return ""

    def close(self) -> None:
        """Lets go of everything; `wake` does nothing from now on."""
        with self._closing:
            self._open = False
            os.close(self._read)
            os.close(self.signal_descriptor)
        if self._inotify is not None:
            self._inotify.close()
