"""A file of this node's own, shared or on its disk: its daemon alone writes it, all others read it.

Anybody may spoil it, though, or take it away.  Whatever cannot be used is as good as none: it is written
again, and writing says what is wrong with the place.
"""

import os
import stat
from collections.abc import Callable
from typing import Generic, TypeVar

from isi_net.errors import FormatError, NewerSchema, Unreadable
from isi_net.store import atomic
from isi_net.store.read import Stamp, names, read

_Content = TypeVar("_Content")


class OwnFile(Generic[_Content]):
    """One such file.  Whoever keeps one and looks again pays only for a file that changed."""

    def __init__(self, path: str, limit: int, parse: Callable[[bytes, str], _Content]) -> None:
        """The file at `path`, of at most `limit` bytes; `parse` makes its content of them and the path, or
        raises FormatError.
        """
        self.path = path
        self._limit, self._parse = limit, parse
        self._read: tuple[Stamp, _Content] | None = None
        self._swept = False

    def lying_there(self) -> _Content | None:
        """What lies there, None when it cannot be used.  Raises NewerSchema: that must not be overwritten."""
        try:
            status = os.lstat(self.path)
            if self._read is not None and self._read[0] == Stamp.of(status):
                return self._read[1]
            if not stat.S_ISREG(status.st_mode):
                return None
            data, stamp = read(self.path, self._limit)
            self._read = (stamp, self._parse(data, self.path))
        except NewerSchema:
            raise
        except (OSError, Unreadable, FormatError):
            return None
        return self._read[1]

    def put(self, data: bytes) -> None:
        """Makes `data` the file.  Raises Unwritable, or Unreadable when its directory cannot be listed."""
        if not self._swept:
            self._sweep()
            self._swept = True
        atomic.replace(self.path, data)

    def _sweep(self) -> None:
        """Removes what a former daemon left half written."""
        directory, name = os.path.split(self.path)
        for other in names(directory):
            if atomic.staged_name(other) == name:
                atomic.remove(os.path.join(directory, other))
