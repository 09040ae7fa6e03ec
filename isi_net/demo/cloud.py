"""The demo's cloud: it leases addresses as AWS does, and writes each down as ISC dhclient 4.4.3 would.

Both ends of the DHCP exchange are played here; what is on the disk afterwards is what a real client leaves.
"""

from ipaddress import IPv4Address

from isi_net.formats.times import utc
from isi_net.store.tree import Tree

INTERFACE = "ext-1"
LEASE_SECONDS = 3600

_BLOCK = """\
lease {{
  interface "{interface}";
  fixed-address {address};
  option subnet-mask 255.255.255.0;
  option routers 10.20.30.1;
  option dhcp-lease-time {seconds};
  option dhcp-message-type 5;
  option domain-name-servers 10.20.0.2;
  option dhcp-server-identifier 10.20.30.1;
  option interface-mtu 9001;
  option host-name "ip-{host}";
  option domain-name "eu-west-1.compute.internal";
  renew {renew};
  rebind {rebind};
  expire {expire};
}}
"""


def lease(tree: Tree, devid: int, now: float) -> IPv4Address:
    """Leases the node at `tree` its address at `now` (seconds since the epoch): a DHCPACK, written down."""
    address = IPv4Address("10.20.30.10") + devid
    with open(tree.lease(INTERFACE), "a", encoding="ascii") as file:  # in place, as dhclient does
        file.write(block(INTERFACE, address, now))
    return address


def block(interface: str, address: IPv4Address, now: float) -> str:
    """The block that dhclient appends to its lease file when the ACK comes at `now`.

    T1 and T2 are RFC 2131's defaults (section 4.4.5): half the lease time, and seven eighths of it.
    """
    return _BLOCK.format(
        interface=interface,
        address=address,
        host=str(address).replace(".", "-"),
        seconds=LEASE_SECONDS,
        renew=_time(now + LEASE_SECONDS / 2),
        rebind=_time(now + LEASE_SECONDS * 7 / 8),
        expire=_time(now + LEASE_SECONDS),
    )


def _time(when: float) -> str:
    """`0 2026/02/07 04:26:20`: the weekday (0 is Sunday), then UTC."""
    return utc(when).strftime("%w %Y/%m/%d %H:%M:%S")
