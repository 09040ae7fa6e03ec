"""The only door that locks: flock through portalocker, the one primitive that excludes on every file
system measured (local, GlusterFS, MooseFS).

The lock file is never unlinked or replaced, and nothing decides from what it contains: whoever unlinks a lock
file makes two holders.  portalocker is imported where it is used: it takes 50 ms, and most commands lock
nothing.
"""

import contextlib
import errno
import os
import stat
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from isi_net.errors import LockLost, Unreadable, Unwritable
from isi_net.store import atomic
from isi_net.store.read import explain

if TYPE_CHECKING:
    from portalocker import LockFlags


_MODE = 0o600  # who can open a file, if only to read it, can lock it (flock(2)), and keep it


class FileLock:
    """An exclusive lock on one file, by one open file description, shared by all of this process.

    `wait` has a thread of its own stand in line in the kernel, which costs nothing and is in within
    milliseconds of the holder's death; `try_now` asks on the same descriptor, for file systems where waiting
    does not work.  Either way the lock is then held once.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._descriptor = -1

    def open(self) -> None:
        """Opens the lock file, making it when it is missing; does nothing when it is open."""
        if self._descriptor >= 0:
            return
        atomic.make_directory(os.path.dirname(self.path))
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            try:
                descriptor = os.open(self.path, flags, _MODE)
            except FileExistsError:
                # Without O_EXCL that is no answer, but MooseFS gives it (seen) when another host has made
                # the file between the look and the making.
                descriptor = os.open(self.path, flags & ~os.O_CREAT)
            try:
                mode = os.fstat(descriptor).st_mode
                if not stat.S_ISREG(mode):
                    raise Unwritable("not a regular file", self.path, "take away what lies there")
                if stat.S_IMODE(mode) != _MODE:  # an earlier release's, or the file system has no modes
                    with contextlib.suppress(OSError):
                        os.fchmod(descriptor, _MODE)
            except (OSError, Unwritable):
                os.close(descriptor)
                raise
        except OSError as error:
            raise atomic.explain(error, self.path) from error
        self._descriptor = descriptor

    def wait(self, granted: Callable[[], None]) -> None:
        """Has a thread wait for the lock; it calls `granted` (from that thread) when the wait is over.

        It ends with the process.  Whatever `granted` hears, `try_now` says whether the lock is ours: waiting
        fails where the file system cannot do it.
        """
        waited_on = self._descriptor
        # The same open file under a number of the thread's own: ours may be closed and given to another file.
        try:
            own = os.dup(waited_on)
        except OSError as error:
            raise explain(error, self.path) from error

        def stand_in_line() -> None:
            try:
                if _lock(own, blocking=True) and self._descriptor == waited_on:
                    granted()
            finally:
                _close(own)

        threading.Thread(target=stand_in_line, name="role", daemon=True).start()

    def try_now(self) -> bool:
        """Whether the lock is ours: takes it when it is free, and asks again when it is held."""
        return self._descriptor >= 0 and _lock(self._descriptor, blocking=False)

    def at_its_path(self) -> bool:
        """Whether the file that we opened is still the one at its path.

        It is opened to see: a stat can be a second old on a cluster file system.
        """
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ELOOP, errno.ESTALE):
                return False
            raise explain(error, self.path) from error
        try:
            return os.path.samestat(os.fstat(descriptor), os.fstat(self._descriptor))
        except OSError as error:
            raise explain(error, self.path) from error
        finally:
            _close(descriptor)

    def check(self) -> None:
        """Raises LockLost unless the lock is ours and its file still at its path.

        A lock that cannot be asked for counts as lost: that is how a file system says that the connection
        was lost meanwhile, and the lock with it (GlusterFS: EBADFD, ENOTCONN), and such a descriptor
        never comes back.
        """
        try:
            what = "" if self.try_now() else "the lock is not ours any more"
            what = what or ("" if self.at_its_path() else "the lock file was deleted or replaced")
        except Unreadable as error:
            what = error.what
        if what:
            raise LockLost(what, self.path, "this node stands in line again")

    def sign(self, name: str) -> None:
        """Writes `name` into the lock file for people, in one short write."""
        text = name.encode() + b"\n"
        try:
            os.pwrite(self._descriptor, text, 0)
            os.ftruncate(self._descriptor, len(text))
        except OSError as error:
            raise atomic.explain(error, self.path) from error

    def close(self) -> None:
        """Gives the lock back.

        A thread that waits stays in the kernel's line until the lock moves; what it is granted then, it
        lets go at once, and tells nobody.
        """
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            _unlock(descriptor)  # closing is not enough while a thread waits on the same open file
            _close(descriptor)


def is_held(path: str) -> bool:
    """Whether somebody holds the lock on `path`: a shared try on a read-only descriptor, closed at once.

    The only lock that a reader ever takes.  False when there is no such file; raises Unreadable when it
    cannot be asked.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise explain(error, path) from error
    try:
        return not _lock(descriptor, blocking=False, shared=True)
    finally:
        _close(descriptor)


def _lock(descriptor: int, *, blocking: bool, shared: bool = False) -> bool:
    """Whether the lock was granted; False when somebody else has it.

    Any other answer (ENOLCK, EBADF of a descriptor that was closed meanwhile …) is False as well for one
    who waits, and Unreadable for one who asks.
    """
    import portalocker  # noqa: PLC0415

    flags: LockFlags = portalocker.LockFlags.SHARED if shared else portalocker.LockFlags.EXCLUSIVE
    if not blocking:
        flags |= portalocker.LockFlags.NON_BLOCKING
    try:
        portalocker.lock(descriptor, flags)
    except portalocker.AlreadyLocked:
        return False
    except portalocker.LockException as error:
        if blocking:
            return False
        why = error.__cause__.strerror if isinstance(error.__cause__, OSError) else error
        raise Unreadable(f"cannot lock: {why}", todo="does this file system have flock(2)?") from error
    return True


def _unlock(descriptor: int) -> None:
    import portalocker  # noqa: PLC0415

    with contextlib.suppress(portalocker.LockException):  # closing, which follows, gives it back as well
        portalocker.unlock(descriptor)


def _close(descriptor: int) -> None:
    with contextlib.suppress(OSError):  # nothing was written through it that matters; it is closed anyway
        os.close(descriptor)
