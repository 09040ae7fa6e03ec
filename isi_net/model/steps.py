"""The steps that change what one node's NICs have; each reads as the command of ip(8) that does the same.

`applying.py` says which are to be taken, and `flexnet/netlink.py` takes them.
"""

from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import NamedTuple

PROTOCOL = 97  # of our addresses, routes and rules; nobody's in /etc/iproute2/rt_protos or linux/if_addr.h
RULE_PRIORITY = 9700  # of our rules: before main (32766), and after what people like to put first
MAIN = 254  # the table of all ordinary routes (ip-route(8))
DEFAULT = IPv4Network("0.0.0.0/0")  # the destination that is everywhere


class Route(NamedTuple):
    """A route; without a `gateway`, to what is on the NIC's own link."""

    destination: IPv4Network
    gateway: IPv4Address | None
    nic: str
    metric: int = 0
    table: int = MAIN
    onlink: bool = False

    @property
    def key(self) -> tuple[int, IPv4Network, int]:
        """What no two routes share that `ip route add` made."""
        return self.table, self.destination, self.metric

    def __str__(self) -> str:
        words = ["default" if self.destination == DEFAULT else str(self.destination)]
        if self.gateway is not None:
            words.append(f"via {self.gateway}")
        words.append(f"dev {self.nic}")
        if self.gateway is None:
            words.append("scope link")
        if self.table != MAIN:
            words.append(f"table {self.table}")
        if self.metric:
            words.append(f"metric {self.metric}")
        words.append(f"proto {PROTOCOL}")
        if self.onlink:
            words.append("onlink")
        return " ".join(words)


class Rule(NamedTuple):
    """A rule of source-based routing: what has this source looks into a table of its own."""

    source: IPv4Address

    @property
    def table(self) -> int:
        """The address, read as a number: no other address's, and nothing has to be remembered."""
        return int(self.source)

    def __str__(self) -> str:
        return f"from {self.source} lookup {self.table} priority {RULE_PRIORITY} protocol {PROTOCOL}"


# The steps.  Each is about one NIC, and reads as a command.


class SetUp(NamedTuple):
    nic: str

    def __str__(self) -> str:
        return f"ip link set dev {self.nic} up"


class SetMtu(NamedTuple):
    nic: str
    mtu: int

    def __str__(self) -> str:
        return f"ip link set dev {self.nic} mtu {self.mtu}"


class AddAddress(NamedTuple):
    nic: str
    address: IPv4Interface

    def __str__(self) -> str:
        broadcast = " broadcast +" if self.address.network.prefixlen < 31 else ""
        return f"ip address add {self.address}{broadcast} dev {self.nic}"


class DeleteAddress(NamedTuple):
    nic: str
    address: IPv4Interface

    def __str__(self) -> str:
        return f"ip address delete {self.address} dev {self.nic}"


class Promote(NamedTuple):
    """Has the NIC keep its secondary addresses when their primary one goes."""

    nic: str

    def __str__(self) -> str:
        return f"sysctl -w net/ipv4/conf/{self.nic}/promote_secondaries=1"


class AddRoute(NamedTuple):
    nic: str
    route: Route

    def __str__(self) -> str:
        return f"ip route add {self.route}"


class ReplaceRoute(NamedTuple):
    """Puts a route in the place of ours of the same destination and metric, at once."""

    nic: str
    route: Route

    def __str__(self) -> str:
        return f"ip route replace {self.route}"


class DeleteRoute(NamedTuple):
    nic: str
    route: Route

    def __str__(self) -> str:
        return f"ip route delete {self.route}"


class AddRule(NamedTuple):
    nic: str
    rule: Rule

    def __str__(self) -> str:
        return f"ip rule add {self.rule}"


class DeleteRule(NamedTuple):
    nic: str
    rule: Rule

    def __str__(self) -> str:
        return f"ip rule delete {self.rule}"


Step = (
    SetUp
    | SetMtu
    | AddAddress
    | DeleteAddress
    | Promote
    | AddRoute
    | ReplaceRoute
    | DeleteRoute
    | AddRule
    | DeleteRule
)
