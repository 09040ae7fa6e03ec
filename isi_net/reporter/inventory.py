"""This node's interfaces as they are, left where every node can read them; and everybody's, read.

psutil is loaded when the first NIC is looked at: commands that read other nodes' inventories do without.
"""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface
from socket import AF_INET, AF_INET6
from typing import Protocol

from isi_net.errors import Error, FormatError, Unreadable
from isi_net.formats import inventory as file
from isi_net.model.finding import Finding
from isi_net.model.interface import Interface, Inventory, status_of, type_of, under_cluster_names
from isi_net.model.names import is_interface
from isi_net.model.network import Node
from isi_net.store.own_file import OwnFile
from isi_net.store.read import PATIENCE_SECONDS, names, read_seen
from isi_net.store.tree import REPORT, Tree, number_in

# Looking at the NICs costs up to a millisecond, which is too much for every turn of an idle daemon.
EVERY_SECONDS = 5.0


class Stats(Protocol):
    """What psutil says of a NIC (`psutil.net_if_stats`)."""

    @property
    def isup(self) -> bool: ...
    @property
    def speed(self) -> int: ...
    @property
    def mtu(self) -> int: ...
    @property
    def flags(self) -> str: ...


class Address(Protocol):
    """What psutil says of one address of a NIC (`psutil.net_if_addrs`)."""

    @property
    def family(self) -> int: ...
    @property
    def address(self) -> str: ...
    @property
    def netmask(self) -> str | None: ...


def nics() -> tuple[Interface, ...]:
    """This machine's NICs, each under its own name.  Raises Unreadable when the kernel will not say."""
    import psutil  # noqa: PLC0415 - 60 ms, and only the daemon looks at NICs

    try:
        return of_psutil(psutil.net_if_stats(), psutil.net_if_addrs())
    except (OSError, ValueError) as error:  # ValueError: a name that is not UTF-8, an address that is none
        raise Unreadable(f"cannot look at the NICs: {error}", todo="look at ip address show") from error


def of_psutil(
    stats: Mapping[str, Stats], addresses: Mapping[str, Iterable[Address]]
) -> tuple[Interface, ...]:
    """psutil's answers as interfaces.  What cannot be an interface's name in any command is left out."""
    found: dict[str, list[Address]] = {name: [] for name in stats if is_interface(name)}
    for label, some in addresses.items():
        # Linux lists an address with a label of its own (`eth0:1`) as if it were another interface's.
        name = label if label in stats else label.partition(":")[0]
        if name in found:
            found[name] += some
    return tuple(_interface(name, stats[name], some) for name, some in found.items())


def _interface(name: str, stats: Stats, addresses: list[Address]) -> Interface:
    flags = tuple(filter(None, stats.flags.split(",")))
    speed = stats.speed or None  # 0: the NIC does not say
    return Interface(
        name=name,
        nic_name=name,
        status=status_of("up" in flags, stats.isup),
        type=type_of("loopback" in flags, speed),
        mac=next((one.address for one in addresses if one.family not in (AF_INET, AF_INET6)), None),
        mtu=stats.mtu,
        speed=speed,
        flags=flags,
        addresses=tuple(_address(one) for one in addresses if one.family in (AF_INET, AF_INET6)),
    )


def _address(one: Address) -> IPv4Interface | IPv6Interface:
    """Without the zone of a link-local address (`%eth0`): it is the interface's own name."""
    address = ip_address(one.address.partition("%")[0])
    length = int(ip_address(one.netmask)).bit_count() if one.netmask else address.max_prefixlen
    return ip_interface((address, length))


class Stocktaker:
    """Keeps one node's inventory in step with its NICs."""

    def __init__(
        self,
        tree: Tree,
        node: Node,
        interfaces: Mapping[str, str],
        clock: Callable[[], float],
        look: Callable[[], Iterable[Interface]] = nics,
    ) -> None:
        """`interfaces` maps the cluster's names to the NICs'; `clock` is in seconds and never jumps;
        `look` gives this machine's NICs.
        """
        self._node, self._interfaces, self._clock, self._look = node, dict(interfaces), clock, look
        self._file = OwnFile(tree.inventory(node.devid), file.MAX, file.parse)
        self._due = clock()
        self._found: tuple[Finding, ...] = ()

    def turn(self) -> tuple[Finding, ...]:
        """Takes the inventory if it was not just taken, and writes it when, and only when, it differs.

        Gives back what hinders it as a finding: addresses are followed without an inventory too.
        """
        if self._clock() >= self._due:
            self._due = self._clock() + EVERY_SECONDS
            try:
                self._take()
                self._found = ()
            except Error as error:
                place = error.where or f"node {self._node.devid}"
                message = f"the inventory of interfaces stays as it is: {error.what}"
                self._found = (Finding(place, "inventory_old", "warning", message, error.todo),)
        return self._found

    def _take(self) -> None:
        taken = Inventory(*self._node, under_cluster_names(self._look(), self._interfaces))
        data = file.render(taken)
        as_others_read_it = file.parse(data, self._file.path)  # what is too long is cut
        if as_others_read_it != self._file.lying_there():
            self._file.put(data)


def read_all(tree: Tree) -> tuple[tuple[Inventory, ...], tuple[Error, ...]]:
    """All nodes' inventories by devid, and why some cannot be used, each error naming its file.

    Raises Unreadable when the directory cannot be listed; one that is not there holds none.
    """
    found: list[Inventory] = []
    failures: list[Error] = []
    until = time.monotonic() + PATIENCE_SECONDS  # once for all
    for devid in sorted(number for name in names(tree.inventories) if (number := number_in(name, REPORT))):
        try:
            found.append(_read_one(tree.inventory(devid), devid, max(0.0, until - time.monotonic())))
        except (Unreadable, FormatError) as error:
            failures.append(error)
    return tuple(found), tuple(failures)


def _read_one(path: str, devid: int, patience: float) -> Inventory:
    if os.path.islink(path):
        raise Unreadable("a symbolic link", path, "take it away: an inventory is a file of its node's own")
    data, _ = read_seen(path, file.MAX, patience)
    inventory = file.parse(data, path)
    if inventory.devid != devid:
        raise FormatError(f"it says it is of devid {inventory.devid}", path, "delete the file")
    return inventory
