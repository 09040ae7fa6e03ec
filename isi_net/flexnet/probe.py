"""Whether anybody on the link uses an address already: the ARP probe of RFC 5227.

A probe takes seconds, and the daemon's loop must not wait for it: each runs in a thread of its own, which
only sends and listens, and ends by itself.  It needs CAP_NET_RAW; the kernel's answer without that is the
probe's outcome.
"""

import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from ipaddress import IPv4Address

_ETH_P_ARP = 0x0806
_BROADCAST = b"\xff" * 6
_ARP = struct.Struct("!HHBBH6s4s6s4s")  # RFC 826, for Ethernet and IPv4
_ETHERNET, _IPV4, _REQUEST = 14, 0x0800, 1
_NOBODY = IPv4Address(0)


@dataclass(frozen=True, slots=True)
class Timing:
    """RFC 5227, section 1.1: how often and when, in seconds."""

    wait: float = 1.0  # PROBE_WAIT
    probes: int = 3  # PROBE_NUM
    least: float = 1.0  # PROBE_MIN
    most: float = 2.0  # PROBE_MAX
    announce_wait: float = 2.0  # ANNOUNCE_WAIT
    announcements: int = 2  # ANNOUNCE_NUM
    announce_interval: float = 2.0  # ANNOUNCE_INTERVAL


RFC_5227 = Timing()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a probe came to: the MAC of another user (empty: there is none), or why it could not be made."""

    user: str = ""
    error: str = ""


class Probe:
    """One probe for one address on one NIC, begun as it is made; `outcome` is None until it is over."""

    def __init__(
        self,
        nic: str,
        address: IPv4Address,
        own_macs: Collection[str],
        timing: Timing = RFC_5227,
        done: Callable[[], None] = lambda: None,
    ) -> None:
        """`own_macs` are this machine's: what they say of the address is our own word.  `done` is called from
        the probe's thread when it is over.
        """
        self.nic, self.address = nic, address
        self._own = frozenset(own_macs)
        self._timing, self._done = timing, done
        self.outcome: Outcome | None = None
        self._thread = threading.Thread(target=self._run, name=f"probe {address}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.outcome = self._ask()
        except OSError as error:
            self.outcome = Outcome(error=error.strerror or str(error))
        self._done()

    def _ask(self) -> Outcome:
        timing = self._timing
        with _socket(self.nic) as arp:
            if user := self._listen(arp, random.uniform(0, timing.wait)):  # noqa: S311 - no secret
                return Outcome(user)
            for number in range(timing.probes):
                arp.send(_packet(arp, _NOBODY, self.address))
                last = number == timing.probes - 1
                rest = timing.announce_wait if last else random.uniform(timing.least, timing.most)  # noqa: S311
                if user := self._listen(arp, rest):
                    return Outcome(user)
        return Outcome()

    def _listen(self, arp: socket.socket, seconds: float) -> str:
        """The MAC of whoever says within `seconds` that it has the address, or wants it as we do."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            arp.settimeout(left)
            try:
                packet = arp.recv(1024)
            except TimeoutError:
                break
            if (user := user_told(packet, self.address)) and user not in self._own:
                return user
        return ""


def user_told(packet: bytes, address: IPv4Address) -> str:
    """The MAC that an Ethernet frame tells to use `address`, or to probe for it; empty when it tells none.

    RFC 5227, section 2.1.1.  Anybody on the link may have made the frame.
    """
    if len(packet) < _ETHERNET + _ARP.size:
        return ""
    hardware, kind, _, _, operation, mac, sender, _, target = _ARP.unpack_from(packet, _ETHERNET)
    if (hardware, kind) != (1, _IPV4):
        return ""
    probing = operation == _REQUEST and sender == _NOBODY.packed and target == address.packed
    return ":".join(f"{byte:02x}" for byte in mac) if sender == address.packed or probing else ""


class Announcement:
    """Tells the link whose an address is from now on, so that nobody's ARP cache keeps a former holder."""

    def __init__(self, nic: str, address: IPv4Address, timing: Timing = RFC_5227) -> None:
        self._nic, self._address, self._timing = nic, address, timing
        threading.Thread(target=self._run, name=f"announce {address}", daemon=True).start()

    def _run(self) -> None:
        try:
            with _socket(self._nic) as arp:
                for number in range(self._timing.announcements):
                    if number:
                        time.sleep(self._timing.announce_interval)
                    arp.send(_packet(arp, self._address, self._address))
        except OSError:
            return  # without CAP_NET_RAW, or the NIC is gone: caches learn the address as they ask for it


def _socket(nic: str) -> socket.socket:
    """A socket for ARP on one NIC.  Raises OSError: EPERM without CAP_NET_RAW."""
    arp = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)  # 0: hears nothing yet
    try:
        arp.bind((nic, _ETH_P_ARP))
    except OSError:
        arp.close()
        raise
    return arp


def _packet(arp: socket.socket, sender: IPv4Address, target: IPv4Address) -> bytes:
    """A broadcast ARP request from the NIC of `arp`: a probe has no sender, an announcement is its own."""
    mac: bytes = arp.getsockname()[4]
    body = _ARP.pack(1, _IPV4, 6, 4, _REQUEST, mac, sender.packed, bytes(6), target.packed)
    return _BROADCAST + mac + struct.pack("!H", _ETH_P_ARP) + body
