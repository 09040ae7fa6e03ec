"""The DHCP clients that run on this machine, ours and others', as the kernel knows them.

Only those of our own network namespace count: others cannot reach our interfaces.  psutil is loaded when
the first one is looked for.
"""

import os
import socket
from collections.abc import Iterable
from typing import NamedTuple

# The names in the kernel (proc_pid_comm(5)) of those for IPv4; a dhcpcd of ours has a shell before it.
_CLIENTS = frozenset({"dhclient", "dhclient3", "dhcpcd", "dhcpcd5", "udhcpc", "pump", "dhcpleased"})
SHELL = "sh"
_IPV6_ONLY = frozenset({"-6", "--ipv6only", "[DHCP6"})  # the last is a helper of dhcpcd's


class Process(NamedTuple):
    """One process: its number, its group's, its name, and the words of its command line.

    dhcpcd writes other words over its own: `dhcpcd: ext-1 [ip4] [ip6]`.
    """

    pid: int
    group: int
    name: str
    words: tuple[str, ...]

    def serves(self, nic: str, nics: Iterable[str]) -> bool:
        """Whether it is a DHCP client for IPv4 on this NIC: it names it, or none of this machine's `nics`."""
        said = {part for word in self.words for part in word.split()}
        only_ipv6 = said & _IPV6_ONLY or ("[ip6]" in said and "[ip4]" not in said)
        if self.name not in _CLIENTS or only_ipv6:
            return False
        return nic in said or said.isdisjoint(nics)


def clients() -> list[Process]:
    """The DHCP clients in our network namespace, and the shells, which may stand before one."""
    import psutil  # noqa: PLC0415 - 60 ms, and only a daemon that is about to start a client looks

    known = _CLIENTS | {SHELL}
    named = (one.pid for one in psutil.process_iter(["name"]) if one.info["name"] in known)
    return [found for pid in named if (found := look(pid)) is not None]


def look(pid: int) -> Process | None:
    """The process of this number; None where it has ended, is not ours to look at, or is in another network
    namespace.
    """
    import psutil  # noqa: PLC0415 - see above

    try:
        one = psutil.Process(pid)
        found = Process(pid, os.getpgid(pid), one.name(), tuple(one.cmdline()))
        # Of a zombie, Linux has no words and psutil raises; FreeBSD has them until somebody waits for it.
        if one.status() != psutil.STATUS_ZOMBIE and _network(pid) == _network(os.getpid()):
            return found
    except (psutil.Error, OSError):
        pass  # it ended meanwhile
    return None


def _network(pid: int) -> str:
    """What tells one network namespace from another; the same for all where there are none."""
    try:
        return os.readlink(f"/proc/{pid}/ns/net")
    except (FileNotFoundError, NotADirectoryError):
        return ""


def nics() -> dict[str, int]:
    """This machine's NICs, each with its number in the kernel."""
    return {name: index for index, name in socket.if_nameindex()}
