"""Reading: bounded, never hanging on what is not a file, and never taking "not just now" for "gone".

On a cluster file system a name that another node just replaced gives ESTALE, ENOENT or an empty file for
up to 1.2 s (measured on GlusterFS: up to 96 % of immediate opens).  So what was just seen is opened
again for a while; then it is Unknown, and the last good answer stands.
"""

import errno
import os
import stat
import time
from typing import NamedTuple

from isi_net.errors import Unknown, Unreadable

PATIENCE_SECONDS = 1.5
_PAUSE_SECONDS = 0.01
_AT_ONCE = 1 << 16
# Between two looks at a file: longer than the grain of any file system's clock, so that a second change
# with the same time, size and inode cannot hide behind the first.  MooseFS counts whole seconds.
GRAIN_SECONDS = 1.1

_NOT_JUST_NOW = frozenset({errno.ESTALE, errno.ENOENT})


class Stamp(NamedTuple):
    """What tells one state of a file from another without reading it."""

    device: int
    inode: int
    size: int
    modified: int

    @classmethod
    def of(cls, status: os.stat_result) -> "Stamp":
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def read(path: str, limit: int, within: int | None = None) -> tuple[bytes, Stamp]:
    """The bytes of the file at `path`, and their stamp.

    `within` is an open descriptor of its directory, for who reads many: only the name is looked up there.
    Raises Unreadable when it is missing, not a regular file, larger than `limit` bytes or not ours to read;
    Unknown when the file system would not say (ESTALE).
    """
    try:
        name = path if within is None else path[path.rindex("/") + 1 :]
        # O_NONBLOCK: a FIFO in the place of a file must not hold us for ever.
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
        descriptor = os.open(name, flags, dir_fd=within)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise Unreadable("not a regular file", path, "put the file there, or take this away")
            if status.st_size > limit:
                raise Unreadable(
                    f"larger than {limit} bytes", path, "nothing of ours grows so: look at who wrote it"
                )
            # As a rule that is all, and one byte more was asked for to see it.  There may be more than fstat
            # says: a size is stale on a cluster file system, and 0 in /proc.
            data = os.read(descriptor, status.st_size + 1)
            if not data or len(data) != status.st_size:
                while len(data) <= limit and (piece := os.read(descriptor, _AT_ONCE)):
                    data += piece
        finally:
            os.close(descriptor)
    except OSError as error:
        raise explain(error, path) from error
    if len(data) > limit:
        raise Unreadable(f"larger than {limit} bytes", path, "nothing of ours grows so: look at who wrote it")
    return data, Stamp.of(status)


def read_seen(
    path: str, limit: int, patience: float = PATIENCE_SECONDS, within: int | None = None
) -> tuple[bytes, Stamp]:
    """As `read`, for a name that was just seen: what is stale, gone or empty is opened again for a while.

    `patience` is in seconds.  Raises Unknown when it stays so.
    """
    # No error has a name here that outlives its `except`: it knows this frame and all that called it, and
    # what these hold, ten thousand reports, would stay until rings of garbage are looked for.
    until = time.monotonic() + patience
    while True:
        try:
            data, stamp = read(path, limit, within)
            if data:
                return data, stamp
            what = "empty"
        except Unreadable as error:
            if not _is_not_just_now(error):
                raise
            what = error.what
        if time.monotonic() >= until:
            raise Unknown(what, path, "it is read again at the next turn")
        time.sleep(_PAUSE_SECONDS)


def _is_not_just_now(error: Unreadable) -> bool:
    """Whether what could not be read may be there in a moment."""
    cause = error.__cause__
    return isinstance(cause, OSError) and cause.errno in _NOT_JUST_NOW


def stamp_at(path: str) -> Stamp | None:
    """The stamp of what lies at `path` (of a symbolic link, its own), None when nothing does."""
    try:
        return Stamp.of(os.lstat(path))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise explain(error, path) from error


def names(directory: str) -> list[str]:
    """The names in `directory`, sorted; none when it is not there.  Raises Unreadable for anything else."""
    try:
        return sorted(os.listdir(directory))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise explain(error, directory) from error


def explain(error: OSError, path: str) -> Unreadable:
    """`error` as one of ours, with what to do."""
    kind = Unknown if error.errno == errno.ESTALE else Unreadable
    todo = {
        errno.ENOENT: "is the path right, and the file system mounted?",
        errno.EACCES: "run as root, or let this user read it",
        errno.ELOOP: "a symbolic link does not belong there: take it away",
    }.get(error.errno or 0, "look at the file system")
    return kind(f"cannot read: {error.strerror}", path, todo)


class Sighting(NamedTuple):
    """A file as it was read: its stamp, since when that is known, and whether that is `sure` to
    tell that nothing changed.

    It is so once the file was read a second time, later than any clock's grain.  Times are in seconds, of a
    clock that never jumps.
    """

    stamp: Stamp
    since: float
    sure: bool = False

    def and_again(self, stamp: Stamp, began: float, ended: float) -> "Sighting":
        """With the file read once more, between `began` and `ended`: a file that is waited for takes longer
        than a grain.
        """
        if stamp != self.stamp:
            return Sighting(stamp, ended)
        return self._replace(sure=True) if began - self.since > GRAIN_SECONDS else self
