"""This node's leases, read from the files that its DHCP clients write.

Our own client's file of an interface comes first.  For the interfaces that the settings name, the files of
whatever other client the machine has count as well; of several the freshest lease that has not run out.

A client writes in place: a file may be empty or end inside a block for a moment.  Then it is read again;
what stays incomplete still gives its last complete block.
"""

import os
import stat
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import NamedTuple

from isi_net.dhcp.clients import DHCLIENT as OURS
from isi_net.dhcp.clients import Client
from isi_net.dhcp.sources import DHCLIENT, TABLE, Source, recognised
from isi_net.errors import FormatError, Unreadable
from isi_net.formats import dhclient
from isi_net.formats.options import EXPIRY_UNKNOWN
from isi_net.model.finding import Finding
from isi_net.model.lease import Lease, LeaseFile
from isi_net.model.names import is_interface
from isi_net.store.read import Stamp, explain, names, read
from isi_net.store.tree import LEASE_PREFIX, Tree

MAX_FILE = dhclient.MAX_FILE
_TRIES, _PAUSE_SECONDS = 5, 0.01


@dataclass(frozen=True, slots=True)
class InterfaceLease:
    """What an interface's lease file says: its current lease (None when it holds none), and what is wrong.

    `path` is None where no file can have it.  `source` names the kind of client whose file it is, empty
    where there is no lease; `runs` tells whether the lease is known to run.
    """

    interface: str
    path: str | None
    lease: Lease | None = None
    problems: tuple[Finding, ...] = ()
    source: str = ""
    runs: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """Leases for a person who asks, each with its problems; and the problems of files that gave none."""

    leases: tuple[tuple[Lease, tuple[Finding, ...]], ...]
    problems: tuple[Finding, ...] = ()


class _File(NamedTuple):
    """A file that may hold an interface's lease: whose it is, by which names, and how to read it."""

    source: str
    path: str
    names: tuple[str, ...]
    parse: Callable[[bytes, int], LeaseFile]


class _Answer(NamedTuple):
    """A lease that a file holds, and since when there is this address in it."""

    said: _File
    file: LeaseFile
    lease: Lease
    since: int


class _Reading(NamedTuple):
    """What was read of a file, and when it was written, in seconds since the epoch."""

    data: bytes
    written: int
    file: LeaseFile


class NodeLeases:
    """All of this node's leases.  Whoever keeps one and reads again pays only for files whose bytes changed.

    `interfaces` are the configured ones, the cluster's name to the NIC's (`ext-1` to `ens5`); an interface
    that has a lease file of our own client counts as well.  Another client's files count for configured
    interfaces only: on a machine with networks of its own nothing is reported that nobody asked for.
    `clock` is in seconds since the epoch.
    """

    def __init__(
        self,
        tree: Tree,
        interfaces: Mapping[str, str],
        sources: tuple[Source, ...] = TABLE,
        clock: Callable[[], float] = time.time,
        own: Client = OURS,
    ) -> None:
        self._tree, self._interfaces, self._own_client = tree, dict(interfaces), own
        self._sources, self._clock = sources, clock
        self._read: dict[str, _Reading] = {}
        self._since: dict[str, tuple[IPv4Address, int]] = {}

    def interfaces(self) -> list[str]:
        """The node's interfaces, sorted.  Raises Unreadable when the directory of leases cannot be listed."""
        found = set(self._interfaces)
        for name in names(self._tree.leases) if DHCLIENT in self._sources else ():
            interface = name.removeprefix(LEASE_PREFIX)
            if interface != name and is_interface(interface):
                found.add(interface)
        return sorted(found)

    def directories(self) -> list[str]:
        """Where a lease may change: our client's directory, and those of the files that were found last."""
        return sorted({self._tree.leases, *map(os.path.dirname, self._read)})

    def read(self) -> tuple[InterfaceLease, ...]:
        """The current lease of every interface; a file that cannot be read is a problem of its own."""
        return tuple(self.read_one(interface) for interface in self.interfaces())

    def read_one(self, interface: str) -> InterfaceLease:
        """The current lease of one interface."""
        problems: list[Finding] = []
        answers: list[_Answer] = []
        unread = False  # whether there is a file whose lease, if any, is not to be had just now
        for one in self._files(interface, problems):
            before = len(problems)
            file = self._parse(one, problems)
            unread = unread or len(problems) > before or (file is not None and not file.whole)
            if file is None:
                continue
            lease = file.current(one.names)
            if lease is not None:
                answers.append(_Answer(one, file, lease, self._since_when(one.path, lease)))
                continue
            others = ", ".join(file.interfaces())
            what = f"it holds no complete lease of {one.names[0]}" + (f", only of {others}" if others else "")
            problems += [*_placed(one.path, file.problems), _problem(one.path, "lease_none", what)]
        now = self._clock()
        ranked = sorted(answers, key=lambda one: self._rank(interface, one, now), reverse=True)
        good = [one for one in ranked if self._is_good(one, now)]
        # What another client left behind long ago does not take the place of a file that is being written.
        best = next(iter(good or ranked), None) if good or not unread or len(ranked) == 1 else None
        if best is None:
            path = self._expected(interface)
            found = problems or [self._missing(interface, path)]
            return InterfaceLease(interface, path, problems=tuple(found))
        # A file of several interfaces need not have ours, when another file has.
        found = [one for one in problems if one.code != "lease_none" or unread]
        found += _placed(best.said.path, (*best.file.problems, *best.lease.problems))
        found += [_second_client(best, other) for other in good if other is not best]
        return InterfaceLease(
            interface, best.said.path, best.lease, tuple(found), best.said.source, runs=best in good
        )

    def find(self, interface: str | None, everything: bool) -> Found:
        """For a person: the current lease of `interface`, or of each; with `everything`, all of them."""
        leases: list[tuple[Lease, tuple[Finding, ...]]] = []
        problems: list[Finding] = []
        for name in self.interfaces() if interface is None else [interface]:
            one = self.read_one(name)
            if everything and one.path is not None and os.path.lexists(one.path):
                # Our client's file is this interface's alone, whatever names stand in it; others are shared.
                wanted = None if one.path == self._tree.lease(name) else self._nic(name)
                found = of_file(one.path, wanted, wanted or name, everything)
                leases += found.leases
                problems += found.problems
            elif one.lease is not None:
                leases.append((one.lease._replace(interface=name), one.problems))
            else:
                problems += one.problems
        return Found(tuple(leases), tuple(problems))

    def _nic(self, interface: str) -> str:
        """The interface's NIC; of one that nobody configured, the one of this name."""
        return self._interfaces.get(interface, interface)

    def _files(self, interface: str, problems: list[Finding]) -> list[_File]:
        """Every file that may hold the interface's lease, whether it is there or not."""
        nic = self._nic(interface)
        files = []
        if DHCLIENT in self._sources:
            ours = (interface, nic)
            files.append(
                _File(
                    DHCLIENT.name,
                    self._tree.lease(interface),
                    ours,
                    lambda data, _: dhclient.parse(data, interface, only=ours),
                )
            )
        for source in self._sources if interface in self._interfaces else ():
            try:
                paths = source.files(self._tree, nic)
            except Unreadable as error:
                problems.append(_problem(error.where, "lease_file_unreadable", error.what, error.todo))
                continue
            files += [_File(source.name, path, (nic,), _parser(source, nic)) for path in paths]
        return files

    def _parse(self, one: _File, problems: list[Finding]) -> LeaseFile | None:
        """What the file holds; None when it is not there, or, with a problem, cannot be read."""
        try:
            self._check_place(one.path)
            return self._read_whole(one)
        except FileNotFoundError:
            pass  # as most are: an interface has one client, and a client many systems
        except Unreadable as error:
            if not isinstance(error.__cause__, FileNotFoundError):
                problems.append(_problem(one.path, "lease_file_unreadable", error.what, error.todo))
        except FormatError as error:
            problems.append(_problem(one.path, "lease_file_broken", str(error)))
        self._read.pop(one.path, None)
        return None

    def _read_whole(self, one: _File) -> LeaseFile:
        for left in reversed(range(_TRIES)):
            data, stamp = read(one.path, MAX_FILE)
            written = seconds_of(stamp)
            known = self._read.get(one.path)
            # dhclient's files tell all times themselves; others' may count from when they were written.
            same_time = one.source == DHCLIENT.name or (known is not None and known.written == written)
            if known is not None and known.data == data and same_time:
                return known.file  # also when it is not whole: it was that already when we waited for it
            file = one.parse(data, written)
            # A file that a client is writing just now ends inside a block, or holds the rest of an old
            # one behind a new one (FreeBSD's overwrites from the front).
            if (file.whole and not file.problems) or not left:
                break
            time.sleep(_PAUSE_SECONDS)
        self._read[one.path] = _Reading(data, written, file)
        return file

    def _check_place(self, path: str) -> None:
        """A link may not lead a reader that runs as root out of the node's root."""
        try:
            status = os.lstat(path)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise explain(error, path) from error
        if stat.S_ISLNK(status.st_mode):
            root = os.path.join(os.path.realpath(self._tree.root), "")
            if not os.path.realpath(path).startswith(root):
                raise Unreadable("a symbolic link out of the root", path, "put the lease file itself there")

    def _since_when(self, path: str, lease: Lease) -> int:
        """When this address came into the file, as far as was seen.

        A renewal does not make a lease fresher: of two clients on one interface, each with an address of
        its own, whoever renewed last would else have the node's address go to and fro.
        """
        known = self._since.get(path)
        if known is None or known[0] != lease.address:
            known = self._since[path] = (lease.address, self._read[path].written)
        return known[1]

    def _is_good(self, answer: _Answer, now: float) -> bool:
        """Whether the lease is known to run; where its end is not known, whether its file is of this boot."""
        if any(one.code == EXPIRY_UNKNOWN for one in answer.lease.problems):
            return self._tree.is_volatile(answer.said.path)
        return not answer.lease.expired(now)

    def _rank(self, interface: str, answer: _Answer, now: float) -> tuple[bool, bool, int]:
        """Running leases first, our own client's first of all; then the freshest, or the last to run out."""
        lease = answer.lease
        if self._is_good(answer, now):
            return True, answer.said.path == self._own(interface), answer.since
        return False, False, answer.since if lease.expire is None else lease.expire

    def _own(self, interface: str) -> str:
        """Where our own client keeps the lease of the interface."""
        return self._own_client.lease(self._tree, interface, self._nic(interface))

    def _expected(self, interface: str) -> str | None:
        """Where a lease of the interface would lie; None when there is no such place."""
        if any(source.name == self._own_client.name for source in self._sources):
            return self._own(interface)
        paths = [one.path for one in self._files(interface, [])]
        return paths[0] if paths else None

    def _missing(self, interface: str, path: str | None) -> Finding:
        if path is not None:
            return _problem(path, "lease_file_missing", "there is no lease file", "is a DHCP client running?")
        if interface not in self._interfaces:  # only a person asks for such a one
            return _problem(interface, "interface_missing", "[interfaces] does not name it", "name it there")
        nic = self._interfaces[interface]
        place = self._tree.interface_index(nic)
        return _problem(place, "interface_missing", f"there is no NIC {nic}", "correct [interfaces]")


def _parser(source: Source, nic: str) -> Callable[[bytes, int], LeaseFile]:
    return lambda data, written: source.parse(data, nic, written)


def of_file(path: str, wanted: str | None, otherwise: str, everything: bool) -> Found:
    """The leases in one file: the current one of each interface, of `wanted` only, or `everything`.

    Whose file it is, its content tells.  `otherwise` names the interface where the file does not.  Raises
    Unreadable or FormatError.
    """
    data, stamp = read(path, MAX_FILE)
    try:
        file = recognised(data, otherwise, seconds_of(stamp))
    except FormatError as error:
        raise FormatError(error.what, path, error.todo) from error
    if everything:
        leases = [one for one in file.leases if wanted in (None, one.interface)]
    else:
        names_wanted = file.interfaces() if wanted is None else (wanted,)
        leases = [one for name in names_wanted if (one := file.current((name,))) is not None]
    return Found(
        tuple((one, (*file.problems, *one.problems)) for one in leases), file.problems if not leases else ()
    )


def seconds_of(stamp: Stamp) -> int:
    """When a file was written, in seconds since the epoch."""
    return stamp.modified // 10**9


def _placed(path: str, problems: Iterable[Finding]) -> list[Finding]:
    """Problems of a file's content, each at the file."""
    return [one._replace(place=f"{path} {one.place}") for one in problems]


def _second_client(used: _Answer, other: _Answer) -> Finding:
    same = used.lease.address == other.lease.address
    return Finding(
        used.said.path,
        "two_clients",
        "info" if same else "warning",
        f"{other.said.path} ({other.said.source}) has a lease that runs as well, of {other.lease.address}; "
        f"{used.lease.address} ({used.said.source}) is used",
        "let one DHCP client have the interface; what a stopped one left behind runs out by itself",
    )


def _problem(path: str, code: str, message: str, todo: str = "") -> Finding:
    return Finding(path, code, "warning", message, todo or "look at the DHCP client")
