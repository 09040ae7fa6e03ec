"""This node's services on its disk: what the administrator wants of them, and what the daemon says of them.

Commands write the wishes, also while the daemon is down, and it follows them; what it says is for people.
Two commands at once lose neither's wish: whoever changes them holds a lock meanwhile.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from isi_net.errors import Error, FormatError, NotFound, Refused, Unreadable
from isi_net.formats import services as said_file
from isi_net.formats import wanted_services as wanted_file
from isi_net.model.finding import Finding
from isi_net.model.service import Service, Wishes, known, seen
from isi_net.store import atomic
from isi_net.store.lock import FileLock, is_held
from isi_net.store.read import Stamp, read
from isi_net.store.tree import Tree

_PATIENCE_SECONDS, _PAUSE_SECONDS = 5.0, 0.01  # a change takes milliseconds


def wishes(tree: Tree) -> Wishes:
    """What the administrator wants; nothing where nobody ever said.  Raises Unreadable or FormatError."""
    data = _read(tree.service_wishes, wanted_file.MAX)
    return Wishes() if data is None else _wishes(data, tree.service_wishes)


def _wishes(data: bytes, path: str) -> Wishes:
    try:
        return wanted_file.parse(data, path)
    except FormatError as why:
        why.todo = why.todo or "correct it, or delete it and ask for everything again"
        raise


def wish(tree: Tree, name: str, enabled: bool, patience: float = _PATIENCE_SECONDS) -> None:
    """Has the service enabled, or disabled, for good.

    Raises what `wishes` raises, Unwritable, or Refused when another command holds the lock for longer than
    `patience` seconds.
    """
    _change(tree, lambda wanted: wanted.with_enabled(name, enabled), patience)


def wish_restart(tree: Tree, name: str) -> None:
    """Has the service restarted, once.  Raises what `wish` raises."""
    _change(tree, lambda wanted: wanted.with_restart(name), _PATIENCE_SECONDS)


def _change(tree: Tree, change: Callable[[Wishes], Wishes], patience: float) -> None:
    with _alone(tree, patience):
        before = wishes(tree)
        after = change(before)
        if after != before:
            atomic.replace(tree.service_wishes, wanted_file.render(after))


@contextmanager
def _alone(tree: Tree, patience: float) -> Iterator[None]:
    lock = FileLock(tree.service_wishes_lock)
    lock.open()
    try:
        until = time.monotonic() + patience
        while not lock.try_now():
            if time.monotonic() > until:
                raise Refused("another command is changing services", lock.path, "try again")
            time.sleep(_PAUSE_SECONDS)
        yield
    finally:
        lock.close()


def said(tree: Tree) -> tuple[Service, ...]:
    """What a daemon last said; nothing where none ever did.  Raises Unreadable or FormatError."""
    data = _read(tree.services_said, said_file.MAX)
    return () if data is None else said_file.parse(data, tree.services_said)


def services(
    tree: Tree, interfaces: Iterable[str], doubt: Callable[[Error], object] = lambda _: None
) -> tuple[Service, ...]:
    """All services of the node with these configured interfaces, by name, as they are now.

    What the daemon said, and nobody can read, counts as nothing said, and `doubt` is told why.  Raises what
    `wishes` raises.
    """
    wanted = wishes(tree)
    last: tuple[Service, ...] = ()
    try:
        last = said(tree)
    except (Unreadable, FormatError) as why:
        doubt(why)
    runs = daemon_runs(tree)
    return tuple(_alive(seen(name, wanted, last, runs)) for name in known(interfaces, wanted, last))


def service(
    tree: Tree, interfaces: Iterable[str], name: str, doubt: Callable[[Error], object] = lambda _: None
) -> Service:
    """The one service of this name; NotFound where there is none.  As `services` in everything else."""
    found = next((one for one in services(tree, interfaces, doubt) if one.name == name), None)
    if found is None:
        raise NotFound(f"there is no service {name!r}", todo="see isi_net services list")
    return found


def daemon_runs(tree: Tree) -> bool:
    """Whether a daemon of this root runs, which follows wishes within moments."""
    return is_held(tree.daemon_lock)


def _alive(one: Service) -> Service:
    """As it is: between a program's end and the daemon's next words it does not run any more."""
    if one.state != "running" or one.pid is None:
        return one
    try:
        os.kill(one.pid, 0)
    except ProcessLookupError:
        return one.not_running("it has just ended")
    except PermissionError:
        pass  # somebody else's process: there it is
    return one


class Saying:
    """Says for the daemon what its services are; each part of it says its own, the last words stand."""

    def __init__(self, tree: Tree) -> None:
        self._path = tree.services_said
        self._of_parts: dict[str, tuple[Service, ...]] = {}
        self._written: bytes | None = None
        self._stamp: Stamp | None = None

    def say(self, part: str, services: Iterable[Service]) -> None:
        """Writes what `part` of the daemon says, when, and only when, it is something new, or the file is not
        the one that was written last.

        Raises Unwritable.
        """
        self._of_parts[part] = tuple(services)
        data = said_file.render(tuple(one for some in self._of_parts.values() for one in some))
        if data != self._written or self._stamp != _stamp(self._path):
            atomic.replace(self._path, data)
            self._written, self._stamp = data, _stamp(self._path)


class FollowedWishes:
    """Follows the wishes for the daemon.

    While they cannot be read the last ones stand; None until they were read once: who does not know what
    was wanted starts nothing.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._data: bytes | None = None
        self.wishes: Wishes | None = None
        self.trouble: Error | None = None

    def look(self) -> Wishes | None:
        """The wishes as they are now, or the last that could be read; `trouble` says why these are old."""
        try:
            data = _read(self._tree.service_wishes, wanted_file.MAX)
            if self.wishes is None or self.trouble is not None or data != self._data:
                self.wishes = Wishes() if data is None else _wishes(data, self._tree.service_wishes)
                self._data, self.trouble = data, None
        except Error as error:
            self.trouble = error
        return self.wishes

    def findings(self) -> tuple[Finding, ...]:
        """Why these wishes are old, for a person."""
        if self.trouble is None:
            return ()
        what = f"what is wanted of services stays as it was: {self.trouble.what}"
        path = self._tree.service_wishes
        return (Finding(path, "services_unreadable", "warning", what, self.trouble.todo),)


def _stamp(path: str) -> Stamp | None:
    """What tells this file from another; None where none can be looked at."""
    try:
        return Stamp.of(os.lstat(path))
    except OSError:
        return None


def _read(path: str, limit: int) -> bytes | None:
    """The bytes of the file; None where there is none."""
    return read(path, limit)[0] if os.path.lexists(path) else None
