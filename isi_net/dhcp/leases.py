"""This node's leases, read from the files that its DHCP clients write.

A client writes in place: a file may be empty or end inside a block for a moment.  Then it is read again;
what stays incomplete still gives its last complete block.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from isi_net.errors import BadValue, FormatError, Unreadable
from isi_net.formats import dhclient
from isi_net.model.finding import Finding
from isi_net.model.lease import Lease, LeaseFile
from isi_net.model.names import check_interface
from isi_net.store.read import names, read
from isi_net.store.tree import LEASE_PREFIX, Tree

_TRIES, _PAUSE_SECONDS = 5, 0.01


@dataclass(frozen=True, slots=True)
class InterfaceLease:
    """What an interface's lease file says: its current lease (None when it holds none), and what is wrong."""

    interface: str
    path: str
    lease: Lease | None = None
    problems: tuple[Finding, ...] = ()


class NodeLeases:
    """All of this node's leases.  Whoever keeps one and reads again pays only for files whose bytes changed.

    `interfaces` are the configured ones, the cluster's name to the NIC's (`ext-1` to `ens5`); an interface
    that has a lease file counts as well.
    """

    def __init__(self, tree: Tree, interfaces: Mapping[str, str]) -> None:
        self._tree, self._interfaces = tree, dict(interfaces)
        self._parsed: dict[str, tuple[bytes, LeaseFile]] = {}

    def interfaces(self) -> list[str]:
        """The node's interfaces, sorted.  Raises Unreadable when the directory of leases cannot be listed."""
        found = set(self._interfaces)
        for name in names(self._tree.leases):
            interface = name.removeprefix(LEASE_PREFIX)
            if interface != name and _can_be_an_interface(interface):
                found.add(interface)
        return sorted(found)

    def read(self) -> tuple[InterfaceLease, ...]:
        """The current lease of every interface; a file that cannot be read is a problem of its own."""
        return tuple(self.read_one(interface) for interface in self.interfaces())

    def read_one(self, interface: str) -> InterfaceLease:
        """The current lease of one interface."""
        path = self._tree.lease(interface)
        nic = self._interfaces.get(interface, interface)
        try:
            self._check_place(path)
            file = self._parse(path, interface, nic)
        except Unreadable as error:
            missing = isinstance(error.__cause__, FileNotFoundError)
            code = "lease_file_missing" if missing else "lease_file_unreadable"
            return InterfaceLease(interface, path, problems=(_problem(path, code, error.what, error.todo),))
        except FormatError as error:
            return InterfaceLease(
                interface, path, problems=(_problem(path, "lease_file_broken", str(error)),)
            )
        lease = file.current((interface, nic))
        problems = [
            Finding(f"{path} {one.place}", one.code, one.severity, one.message, one.action)
            for one in (*file.problems, *(lease.problems if lease else ()))
        ]
        if lease is None:
            others = ", ".join(file.interfaces())
            what = f"it holds no complete lease of {interface}" + (f", only of {others}" if others else "")
            problems.append(_problem(path, "lease_none", what))
        return InterfaceLease(interface, path, lease, tuple(problems))

    def _parse(self, path: str, interface: str, nic: str) -> LeaseFile:
        for left in reversed(range(_TRIES)):
            data, _ = read(path, dhclient.MAX_FILE)
            known = self._parsed.get(path)
            if known is not None and known[0] == data:
                return known[1]  # also when it is not whole: it was that already when we waited for it
            file = dhclient.parse(data, interface, only=(interface, nic))
            # A file that a client is writing just now ends inside a block, or holds the rest of an old
            # one behind a new one (FreeBSD's overwrites from the front).
            if (file.whole and not file.problems) or not left:
                break
            time.sleep(_PAUSE_SECONDS)
        self._parsed[path] = (data, file)
        return file

    def _check_place(self, path: str) -> None:
        """A link may not lead a reader that runs as root out of the node's root."""
        if os.path.islink(path):
            root = os.path.join(os.path.realpath(self._tree.root), "")
            if not os.path.realpath(path).startswith(root):
                raise Unreadable("a symbolic link out of the root", path, "put the lease file itself there")


@dataclass(frozen=True, slots=True)
class Found:
    """Leases for a person who asks, each with its problems; and the problems of files that gave none."""

    leases: tuple[tuple[Lease, tuple[Finding, ...]], ...]
    problems: tuple[Finding, ...] = ()


def of_node(tree: Tree, interfaces: Mapping[str, str], interface: str | None, everything: bool) -> Found:
    """This node's leases: the current one of `interface`, or of each; with `everything`, all of them."""
    node = NodeLeases(tree, interfaces)
    leases: list[tuple[Lease, tuple[Finding, ...]]] = []
    problems: list[Finding] = []
    for name in node.interfaces() if interface is None else [interface]:
        if everything and os.path.lexists(tree.lease(name)):
            found = of_file(tree.lease(name), None, name, everything)
            leases += found.leases
            problems += found.problems
            continue
        one = node.read_one(name)
        if one.lease is not None:
            leases.append((replace(one.lease, interface=name), one.problems))
        else:
            problems += one.problems
    return Found(tuple(leases), tuple(problems))


def of_file(path: str, wanted: str | None, otherwise: str, everything: bool) -> Found:
    """The leases in one file: the current one of each interface, of `wanted` only, or `everything`.

    `otherwise` names the interface where the file does not.  Raises Unreadable or FormatError.
    """
    data, _ = read(path, dhclient.MAX_FILE)
    try:
        file = dhclient.parse(data, otherwise)
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


def _can_be_an_interface(name: str) -> bool:
    try:
        check_interface(name)
    except BadValue:
        return False
    return True


def _problem(path: str, code: str, message: str, todo: str = "") -> Finding:
    return Finding(path, code, "warning", message, todo or "look at the DHCP client")
