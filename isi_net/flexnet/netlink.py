"""What this machine's NICs have, and changes to it: the only file that knows netlink and pyroute2.

pyroute2 takes a fifth of a second to import, so it is loaded when it is first asked, which is when Flexnet
is enabled, or `isi_net flexnet plan` or `status` is run.  Linux only: elsewhere a Kernel cannot be had.
"""

import contextlib
import errno
import os
import re
import socket
import struct
import sys
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from types import TracebackType
from typing import Any, Self

from isi_net.errors import Refused, Unreadable
from isi_net.model.nics import Link, Present, PresentAddress, PresentRoute
from isi_net.model.steps import (
    MAIN,
    PROTOCOL,
    RULE_PRIORITY,
    AddAddress,
    AddRoute,
    AddRule,
    DeleteAddress,
    DeleteRoute,
    DeleteRule,
    Promote,
    ReplaceRoute,
    Route,
    Rule,
    SetMtu,
    SetUp,
    Step,
)

# linux/netlink.h, linux/rtnetlink.h, linux/if_link.h, linux/ip.h
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_NLM_F_REQUEST, _NLM_F_ACK, _NLM_F_DUMP = 0x1, 0x4, 0x300
_HEADER = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence number, port
_ROUTE = struct.Struct("=BBBBBBBBI")  # rtmsg: family, lengths, TOS, table, protocol, scope, type, flags
_RTM_SETLINK, _RTM_GETROUTE = 19, 26
_RTA_DST = 1
_IFLA_AF_SPEC, _IFLA_INET_CONF, _IPV4_DEVCONF_PROMOTE_SECONDARIES = 26, 1, 20
_IFF_UP, _IFF_LOWER_UP = 0x1, 0x10000
_IFA_F_SECONDARY = 0x1
_RTNH_F_ONLINK = 0x4
_RTN_UNICAST = 1
_RTPROT_KERNEL = 2
_SCOPE_UNIVERSE, _SCOPE_LINK = 0, 253
_GROUPS = 0x1 | 0x10 | 0x40 | 0x80  # RTMGRP_LINK, RTMGRP_IPV4_IFADDR, _IPV4_ROUTE, _IPV4_RULE
_MOST_AT_ONCE = 1000  # messages that are read in one turn: a router's may never end
_MARKS_SINCE = (5, 18)  # Linux keeps an address's protocol number (IFA_PROTO)

# Somebody has done it already, or what it was done to is gone.
_SO_ALREADY = {
    AddAddress: frozenset({errno.EEXIST}),
    AddRule: frozenset({errno.EEXIST}),
    DeleteAddress: frozenset({errno.EADDRNOTAVAIL, errno.ENODEV}),
    DeleteRoute: frozenset({errno.ESRCH, errno.ENODEV}),
    DeleteRule: frozenset({errno.ENOENT, errno.ESRCH}),
}


class NotPermitted(Refused):
    """The kernel lets only processes with CAP_NET_ADMIN do that."""


def unsupported(platform: str = sys.platform) -> Refused | None:
    """Why nothing can be put on interfaces on this system; None on Linux, which has netlink."""
    if platform == "linux":
        return None
    what = f"addresses are not put on interfaces on {platform} yet: only on Linux"
    return Refused(what, todo="have them put there by hand: isi_net interfaces list --externally-managed")


class Kernel:
    """The network of the namespace that this process is in.  Raises Unreadable when it cannot be asked."""

    def __init__(self) -> None:
        if (why := unsupported()) is not None:
            raise why
        from pyroute2 import IPRoute  # noqa: PLC0415 - 190 ms

        with _explained("open netlink"):
            self._netlink = IPRoute()
        self._indexes: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._netlink.close()

    # What is there.

    def present(self, destinations: Iterable[IPv4Network] = ()) -> Present:
        """Everything that counts for Flexnet, as it is now: of the routes ours, the default ones, and those
        to `destinations`, where ours are to lead.
        """
        with _explained("look at the NICs"):
            links = list(self._netlink.get_links())
            addresses = list(self._netlink.get_addr(family=socket.AF_INET))
            routes = list(map(_decoded, _dumped_routes(destinations)))
            rules = list(self._netlink.get_rules(family=socket.AF_INET))
        names = {one["index"]: one.get_attr("IFLA_IFNAME") for one in links}
        self._indexes = {name: index for index, name in names.items()}
        return Present(
            links={names[one["index"]]: _link(one) for one in links},
            addresses=tuple(_address(one, names) for one in addresses if one["index"] in names),
            routes=tuple(found for one in routes for found in _routes(one, names)),
            rules=frozenset(rule for one in rules if (rule := _rule(one))),
            marks=_kernel_marks(),
        )

    # Changes.

    def take(self, step: Step) -> None:
        """Takes one step; that it was so already is as good.  Raises NotPermitted, or Refused with why."""
        try:
            self._take(step)
        except (OSError, _netlink_error()) as error:
            number = error.errno or 0 if isinstance(error, OSError) else getattr(error, "code", 0)
            if number in _SO_ALREADY.get(type(step), ()):
                return
            if number in (errno.EPERM, errno.EACCES):
                todo = "run the daemon as root, or with CAP_NET_ADMIN (capabilities(7))"
                raise NotPermitted("changing interfaces needs CAP_NET_ADMIN", str(step), todo) from error
            raise Refused(f"`{step}` failed: {os.strerror(number)}", todo="try it by hand") from error
        except (struct.error, ValueError, OverflowError) as error:  # a number that netlink has no room for
            raise Refused(f"`{step}` cannot be asked of the kernel: {error}") from error

    def _take(self, step: Step) -> None:
        link = self._netlink
        match step:
            case SetUp(nic):
                link.link("set", index=self._index(nic), state="up")
            case SetMtu(nic, mtu):
                link.link("set", index=self._index(nic), mtu=mtu)
            case AddAddress(nic, address):
                link.addr("add", index=self._index(nic), **_of_address(address), proto=PROTOCOL)
            case DeleteAddress(nic, address):
                link.addr("del", index=self._index(nic), address=str(address.ip), prefixlen=_length(address))
            case Promote(nic):
                _promote(self._index(nic))
            case AddRoute(nic, route):
                link.route("add", oif=self._index(nic), **_of_route(route))
            case ReplaceRoute(nic, route):
                link.route("replace", oif=self._index(nic), **_of_route(route))
            case DeleteRoute(nic, route):
                link.route("del", oif=self._index(nic), **_of_route(route))
            case AddRule(_, rule):
                link.rule("add", **_of_rule(rule))
            case DeleteRule(_, rule):
                link.rule("del", **_of_rule(rule))

    def _index(self, nic: str) -> int:
        if nic not in self._indexes:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        return self._indexes[nic]


class Changes:
    """Hears whether anything about links, IPv4 addresses, routes or rules changed since it was last asked.

    One read of a socket, so that a turn without a change costs nothing however many routes there are.
    """

    def __init__(self) -> None:
        with _explained("listen to netlink"):
            self._socket = socket.socket(
                socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, 0
            )
            self._socket.bind((0, _GROUPS))

    def any(self) -> bool:
        """Whether something changed; that is forgotten now."""
        heard = False
        for _ in range(_MOST_AT_ONCE):
            try:
                self._socket.recv(1 << 16)
            except BlockingIOError:
                return heard
            except OSError as error:
                if error.errno != errno.ENOBUFS:  # more than the socket holds: a change for certain
                    raise Unreadable(f"cannot listen to netlink: {error.strerror}") from error
            heard = True
        return heard

    def close(self) -> None:
        self._socket.close()


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    """Netlink's errors as ours."""
    try:
        yield
    except OSError as error:
        raise Unreadable(f"cannot {what}: {error.strerror}", todo="look at ip address show") from error
    except _netlink_error() as error:
        raise Unreadable(f"cannot {what}: {error}", todo="look at ip address show") from error


def _netlink_error() -> type[Exception]:
    """pyroute2's error, which is no OSError; asked for only when something was raised."""
    from pyroute2.netlink.exceptions import NetlinkError  # noqa: PLC0415

    found: type[Exception] = NetlinkError
    return found


def _kernel_marks() -> bool:
    found = re.match(r"([0-9]+)\.([0-9]+)", os.uname().release)
    return found is not None and (int(found[1]), int(found[2])) >= _MARKS_SINCE


# netlink's messages as values.


def _link(message: Any) -> Link:
    spec = message.get_attr("IFLA_AF_SPEC")
    settings = (spec.get_attr("AF_INET") if spec else None) or {}
    return Link(
        nic=message.get_attr("IFLA_IFNAME"),
        up=bool(message["flags"] & _IFF_UP),
        mtu=message.get_attr("IFLA_MTU"),
        least_mtu=message.get_attr("IFLA_MIN_MTU") or 0,
        most_mtu=message.get_attr("IFLA_MAX_MTU") or 0,
        mac=message.get_attr("IFLA_ADDRESS") or "",
        promotes=bool(settings.get("promote_secondaries")),
        carrier=bool(message["flags"] & _IFF_LOWER_UP),
    )


def _address(message: Any, names: dict[int, str]) -> PresentAddress:
    # Of a point-to-point address IFA_ADDRESS is the other end.
    local = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
    flags = message.get_attr("IFA_FLAGS") or message["flags"]
    return PresentAddress(
        nic=names[message["index"]],
        address=IPv4Interface((local, message["prefixlen"])),
        marked=message.get_attr("IFA_PROTO") == PROTOCOL,
        secondary=bool(flags & _IFA_F_SECONDARY),
    )


def _dumped_routes(destinations: Iterable[IPv4Network]) -> Iterator[bytes]:
    """The netlink messages of the routes that may count.

    A router has a hundred thousand that do not, of which pyroute2 decodes ten in a millisecond: they are
    told by their fixed fields and the bytes of their destination.
    """
    spelled = {(0, b"")} | {
        (one.prefixlen, one.network_address.packed) for one in destinations if one.prefixlen
    }
    lengths = {length for length, _ in spelled}
    for message in _asked(_RTM_GETROUTE, _NLM_F_DUMP, _ROUTE.pack(socket.AF_INET, *(0,) * 8)):
        _, length, _, _, _, protocol, _, kind, _ = _ROUTE.unpack_from(message, _HEADER.size)
        if kind != _RTN_UNICAST or protocol == _RTPROT_KERNEL:
            continue
        if protocol == PROTOCOL or (length in lengths and (length, _destination(message)) in spelled):
            yield message


def _destination(route: bytes) -> bytes:
    """The destination that a route's message names; none is everywhere."""
    offset = _HEADER.size + _ROUTE.size
    while offset + 4 <= len(route):
        length, kind = struct.unpack_from("=HH", route, offset)
        if kind == _RTA_DST:
            return route[offset + 4 : offset + length]
        offset += max(4, length + 3 & ~3)
    return b""


def _asked(kind: int, flags: int, body: bytes) -> Iterator[bytes]:
    """One request, and the kernel's messages in answer, as they are, to their end.  Raises OSError."""
    header = _HEADER.pack(_HEADER.size + len(body), kind, _NLM_F_REQUEST | flags, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0) as netlink:
        netlink.settimeout(5)
        netlink.send(header + body)
        while True:
            answer, offset = netlink.recv(1 << 16), 0
            while offset + _HEADER.size <= len(answer):
                length, told, *_ = _HEADER.unpack_from(answer, offset)
                message = answer[offset : offset + length]
                offset += max(_HEADER.size, length + 3 & ~3)
                if told in (_NLMSG_DONE, _NLMSG_ERROR):
                    (error,) = struct.unpack_from("=i", message, _HEADER.size)
                    if error:
                        raise OSError(-error, os.strerror(-error))
                    return
                yield message


def _decoded(route: bytes) -> Any:
    from pyroute2.netlink.rtnl.rtmsg import rtmsg  # noqa: PLC0415

    message = rtmsg(route)
    message.decode()
    return message


def _routes(message: Any, names: dict[int, str]) -> Iterator[PresentRoute]:
    """A unicast route that the kernel did not make itself, once for each NIC that it goes by."""
    if message["type"] != _RTN_UNICAST or message["proto"] == _RTPROT_KERNEL:
        return
    hops = message.get_attr("RTA_MULTIPATH") or ()
    ways = [(message.get_attr("RTA_OIF"), message.get_attr("RTA_GATEWAY"), message["flags"])]
    ways += [(one["oif"], one.get_attr("RTA_GATEWAY"), one["flags"]) for one in hops]
    for index, gateway, flags in ways:
        if index in names:
            route = Route(
                destination=IPv4Network((message.get_attr("RTA_DST") or 0, message["dst_len"])),
                gateway=IPv4Address(gateway) if gateway else None,
                nic=names[index],
                metric=message.get_attr("RTA_PRIORITY") or 0,
                table=message.get_attr("RTA_TABLE") or MAIN,
                onlink=bool(flags & _RTNH_F_ONLINK),
            )
            yield PresentRoute(route, message["proto"] == PROTOCOL)


def _rule(message: Any) -> Rule | None:
    """A rule of ours: by its protocol number, priority, and the table that its source names."""
    source = message.get_attr("FRA_SRC")
    ours = message.get_attr("FRA_PROTOCOL") == PROTOCOL
    if not ours or source is None or message.get_attr("FRA_PRIORITY") != RULE_PRIORITY:
        return None
    rule = Rule(IPv4Address(source))
    return rule if message["src_len"] == 32 and message.get_attr("FRA_TABLE") == rule.table else None


# Values as netlink's messages.


def _length(address: IPv4Interface) -> int:
    return address.network.prefixlen


def _of_address(address: IPv4Interface) -> dict[str, Any]:
    message: dict[str, Any] = {"address": str(address.ip), "prefixlen": _length(address)}
    if _length(address) < 31:
        message["broadcast"] = str(address.network.broadcast_address)
    return message


def _of_route(route: Route) -> dict[str, Any]:
    message: dict[str, Any] = {
        "dst": str(route.destination),
        "table": route.table,
        "proto": PROTOCOL,
        "scope": _SCOPE_LINK if route.gateway is None else _SCOPE_UNIVERSE,
        "flags": _RTNH_F_ONLINK if route.onlink else 0,
    }
    if route.gateway is not None:
        message["gateway"] = str(route.gateway)
    if route.metric:
        message["priority"] = route.metric
    return message


def _of_rule(rule: Rule) -> dict[str, Any]:
    return {
        "src": str(rule.source),
        "src_len": 32,
        "table": rule.table,
        "priority": RULE_PRIORITY,
        "protocol": PROTOCOL,
    }


def _promote(index: int) -> None:
    """Sets promote_secondaries of one NIC by netlink: /proc/sys may be read-only, and is not namespaced by
    path.  pyroute2 has no word for it.
    """
    setting = _attribute(_IPV4_DEVCONF_PROMOTE_SECONDARIES, struct.pack("=I", 1))
    spec = _attribute(_IFLA_AF_SPEC, _attribute(socket.AF_INET, _attribute(_IFLA_INET_CONF, setting)))
    body = struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, 0, 0) + spec
    for _ in _asked(_RTM_SETLINK, _NLM_F_ACK, body):
        pass  # it says no more than that it is done


def _attribute(kind: int, data: bytes) -> bytes:
    length = 4 + len(data)
    return struct.pack("=HH", length, kind) + data + bytes(-length % 4)
