"""The DHCP clients that run on this machine, ours and others', as the kernel knows them.

Only those of our own network namespace count: others cannot reach our interfaces.  psutil is loaded when
the first one is looked for.
"""

import os
import socket
from collections.abc import Iterable
from typing import NamedTuple

# Their names in the kernel (proc_pid_comm(5)); a dhcpcd of ours has a shell before it.
_CLIENTS = frozenset({"dhclient", "dhclient3", "dhcpcd", "dhcpcd5", "udhcpc", "pump", "dhcp6c", "dhcpleased"})
_SHELL = "sh"


class Process(NamedTuple):
    """One process: its number, its group's, its name, and the words of its command line.

    dhcpcd writes other words over its own: `dhcpcd: ext-1 [ip4]`.
    """

    pid: int
    group: int
    name: str
    words: tuple[str, ...]

    def serves(self, nic: str, nics: Iterable[str]) -> bool:
        """Whether it is a DHCP client for IPv4 on this NIC: it names it, or none of this machine's `nics`."""
        if self.name not in _CLIENTS or "-6" in self.words:
            return False
        said = {part for word in self.words for part in word.split()}
        return nic in said or said.isdisjoint(nics)


def clients() -> list[Process]:
    """The DHCP clients in our network namespace, and the shells, which may stand before one."""
    import psutil  # noqa: PLC0415 - 60 ms, and only a daemon that is about to start a client looks

    ours = _network(os.getpid())
    found = []
    for one in psutil.process_iter(["name"]):
        name = one.info["name"]
        if name not in _CLIENTS and name != _SHELL:
            continue
        try:
            words, group = tuple(one.cmdline()), os.getpgid(one.pid)
            if one.status() != psutil.STATUS_ZOMBIE and _network(one.pid) == ours:
                found.append(Process(one.pid, group, name, words))
        except (psutil.Error, OSError):
            continue  # it ended meanwhile, or is not ours to look at
    return found


def _network(pid: int) -> str:
    """What tells one network namespace from another; the same for all where there are none."""
    try:
        return os.readlink(f"/proc/{pid}/ns/net")
    except (FileNotFoundError, NotADirectoryError):
        return ""


def nics() -> dict[str, int]:
    """This machine's NICs, each with its number in the kernel."""
    return {name: index for index, name in socket.if_nameindex()}
