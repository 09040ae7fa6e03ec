"""Values of the model as hypothesis draws them: what can be, not what is likely."""

from dataclasses import replace
from functools import cache
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, ip_interface
from typing import Any, get_args

from hypothesis import strategies as st

from isi_net.model.addresses import IPAddress, network_of
from isi_net.model.finding import Finding, Severity
from isi_net.model.interface import Interface, Inventory, Status
from isi_net.model.lease import Lease
from isi_net.model.network import (
    EARLIER,
    AddrFamily,
    AggregationMode,
    AllocMethod,
    Assignment,
    Balancing,
    ClusterSettings,
    Configuration,
    GivenAddress,
    Groupnet,
    Iface,
    Node,
    Pool,
    Range,
    RebalancePolicy,
    StaticRoute,
    Subnet,
)
from isi_net.model.report import Report, UnreadReport
from isi_net.model.static import with_addresses
from isi_net.model.tenure import Tenure

LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z

names = st.from_regex(r"[0-9a-zA-Z_-]{1,32}", fullmatch=True)
interfaces = st.sampled_from(("ext-1", "ext-2", "ens5", "eth0.100", "em0", "1e5")) | st.from_regex(
    r"[0-9a-zA-Z_][0-9a-zA-Z_.:-]{0,31}", fullmatch=True
)
devids = st.integers(1, 9) | st.integers(1, 2**31 - 1)
lnns = st.integers(1, 65535)
numbers = st.integers(0, 10**12)
ids = st.integers(1, 10**6)
seconds = st.integers(0, LAST_SECOND)
ipv4s = st.integers(0, 2**32 - 1).map(IPv4Address)
ipv6s = st.integers(0, 2**128 - 1).map(IPv6Address)
addresses = ipv4s | ipv6s


def texts(longest: int = 40) -> st.SearchStrategy[str]:
    """Any text that JSON can carry: control characters and all, but no lone surrogates."""
    return st.text(st.characters(exclude_categories=["Cs"]), max_size=longest)


def xml_texts(longest: int = 40) -> st.SearchStrategy[str]:
    """Any text that XML 1.0 can carry: tabs and line ends, but no other control characters."""
    fit = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
    return st.text(fit | st.sampled_from("\t\n\r\x7f\x85<>&\"'"), max_size=longest)


@st.composite
def ranges(draw: st.DrawFn, of: st.SearchStrategy[IPAddress]) -> Range:
    low = draw(of)
    high = draw(of.filter(lambda other: other.version == low.version))
    return Range(*sorted((low, high), key=int))


@st.composite
def static_routes(draw: st.DrawFn) -> StaticRoute:
    of: st.SearchStrategy[IPAddress] = draw(st.sampled_from((ipv4s, ipv6s)))
    subnet = draw(of)
    prefixlen = draw(st.integers(0, subnet.max_prefixlen))
    return StaticRoute(network_of(subnet, prefixlen).network_address, prefixlen, draw(of))


def _tuples(of: st.SearchStrategy[Any], longest: int = 3) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(of, max_size=longest).map(tuple)


def assignments() -> st.SearchStrategy[Assignment]:
    return st.builds(Assignment, ipv4s, devids, interfaces, st.none() | ipv4s)


def nodes() -> st.SearchStrategy[Node]:
    return st.builds(Node, devids, lnns, xml_texts())


def pools(of: st.SearchStrategy[IPAddress] = ipv4s) -> st.SearchStrategy[Pool]:
    """A pool whose ranges are of the addresses `of`."""
    return st.builds(
        Pool,
        number=ids,
        name=names,
        alloc_method=st.sampled_from(get_args(AllocMethod)),
        external_manager=xml_texts(),
        description=xml_texts(128),
        access_zone=xml_texts(),
        aggregation_mode=st.sampled_from(get_args(AggregationMode)),
        manual_ranges=_tuples(ranges(of)),
        manual_ifaces=_tuples(st.builds(Iface, lnns, interfaces)),
        assignments=_tuples(assignments()),
        static_routes=_tuples(static_routes()),
        rules=_tuples(xml_texts()),
        firewall_policy=xml_texts(),
        rebalance_policy=st.sampled_from(get_args(RebalancePolicy)),
        sc_connect_policy=st.sampled_from(get_args(Balancing)),
        sc_failover_policy=st.sampled_from(get_args(Balancing)),
        sc_dns_zone=xml_texts(),
        sc_dns_zone_aliases=_tuples(xml_texts()),
        sc_subnet=xml_texts(),
        sc_suspended_nodes=_tuples(lnns),
        sc_ttl=numbers,
        nfsv3_rroce_only=st.booleans(),
        ipv6_perform_dad=st.booleans(),
    )


@st.composite
def pools_with_addresses(draw: st.DrawFn, of: st.SearchStrategy[IPAddress]) -> Pool:
    """A pool, some of whose interfaces by hand have an address."""
    pool = draw(pools(of))
    ifaces = draw(st.sets(st.sampled_from(pool.manual_ifaces))) if pool.manual_ifaces else set()
    known = dict.fromkeys(pool.manual_ifaces)
    addresses_ = tuple(GivenAddress(iface, draw(of)) for iface in known if iface in ifaces)
    return replace(pool, manual_ifaces=tuple(known), addresses=addresses_)


@st.composite
def subnets(draw: st.DrawFn) -> Subnet:
    """A subnet of one address family throughout."""
    family: AddrFamily = draw(st.sampled_from(get_args(AddrFamily)))
    of, bits = (ipv4s, 32) if family == "ipv4" else (ipv6s, 128)
    prefixlen = draw(st.integers(0, bits))
    return draw(
        st.builds(
            Subnet,
            number=ids,
            name=names,
            addr_family=st.just(family),
            prefixlen=st.just(prefixlen),
            base_addr=st.none() | of.map(lambda one: network_of(one, prefixlen).network_address),
            gateway=st.none() | of,
            gateway_priority=st.integers(1, 2**31 - 1),
            mtu=st.integers(576, 9000),
            vlan_enabled=st.booleans(),
            vlan_id=st.none() | st.integers(1, 4094),
            description=xml_texts(128),
            sc_service_addrs=_tuples(ranges(of), 2),
            sc_service_name=xml_texts(),
            dhcp_servers=_tuples(ipv4s, 2),
            pools=_tuples(pools_with_addresses(of), 2),
            next_number=numbers,
        )
    )


def groupnets() -> st.SearchStrategy[Groupnet]:
    return st.builds(
        Groupnet,
        number=ids,
        name=names,
        description=xml_texts(128),
        dns_servers=_tuples(addresses),
        dns_search=_tuples(xml_texts()),
        dns_options=_tuples(xml_texts()),
        dns_cache_enabled=st.booleans(),
        subnets=_tuples(subnets(), 2),
        next_number=numbers,
    )


def settings() -> st.SearchStrategy[ClusterSettings]:
    """Of a cluster that an earlier release wrote, or of one that uses this one's features."""
    releases = st.sampled_from(("9.7.0.0", "9.7", "9.10.0.1", "10.0.0.0", "65535.0"))
    committed = st.builds(ClusterSettings, releases, st.booleans(), st.booleans())
    return st.just(EARLIER) | committed | committed


def configurations() -> st.SearchStrategy[Configuration]:
    """Any configuration that can be written; names may repeat, and addresses lie where they like."""
    return st.builds(
        Configuration,
        revision=numbers,
        term=numbers,
        published=seconds,
        author=xml_texts(),
        change=xml_texts(),
        nodes=_tuples(nodes()),
        groupnets=_tuples(groupnets(), 2),
        next_number=numbers,
        settings=settings(),
    ).map(_as_its_release_has_it)


def _as_its_release_has_it(drawn: Configuration) -> Configuration:
    return drawn if drawn.settings.committed else with_addresses(drawn, drawn)


def leases() -> st.SearchStrategy[Lease]:
    """A lease as it stands in a report: without raw options, and without problems of its own."""
    return st.builds(
        Lease,
        interface=interfaces,
        address=ipv4s,
        prefixlen=st.none() | st.integers(0, 32),
        gateway=st.none() | ipv4s,
        server=st.none() | ipv4s,
        dns_servers=_tuples(ipv4s),
        domain_name=st.none() | texts(),
        host_name=st.none() | texts(),
        mtu=st.none() | st.integers(0, 65535),
        renew=st.none() | seconds,
        rebind=st.none() | seconds,
        expire=st.none() | seconds,
        options=st.just(()),
        problems=st.just(()),
    )


def findings() -> st.SearchStrategy[Finding]:
    return st.builds(
        Finding,
        place=texts(),
        code=texts(),
        severity=st.sampled_from(get_args(Severity)),
        message=texts(),
        action=texts(),
    )


def reports() -> st.SearchStrategy[Report]:
    return st.builds(
        Report,
        devid=devids,
        lnn=lnns,
        node=texts(),
        manager=texts(),
        source=texts(),
        version=texts(),
        reported_at=seconds,
        addresses=_tuples(leases()),
        problems=_tuples(findings()),
    )


def tenures() -> st.SearchStrategy[Tenure]:
    """Times are multiples of a microsecond until 2200, where a float still tells microseconds apart."""
    moments = st.integers(0, 7_258_118_400 * 10**6).map(lambda us: us / 10**6)
    return st.builds(
        Tenure,
        term=numbers,
        devid=devids,
        lnn=lnns,
        node=texts(),
        pid=numbers,
        since=moments,
        until=st.none() | moments,
        ended=texts(),
    )


# A street so narrow that everybody meets: few nodes, few addresses, all times near NOW.

NOW = 1_800_000_000
_STREET = tuple(
    map(
        IPv4Address,
        (
            *("10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.7"),
            *("10.0.0.9", "10.0.0.255", "10.0.1.4", "10.0.1.5", "10.9.0.5", "127.0.0.1", "169.254.0.9"),
        ),
    )
)
_near = st.sampled_from((-(10**6), -1200, -901, -900, -121, -1, 0, 1, 120, 121, 300, 901, 10**6)).map(
    lambda seconds: NOW + seconds
)
_managers = st.sampled_from(("AWS", "AWS", "Azure", "DHCP", "DHCP", "", "O\x00CI\ufffe", "x" * 128))
_servers = st.sampled_from((None, IPv4Address("10.0.0.2"), IPv4Address("10.0.0.3")))


def street_addresses() -> st.SearchStrategy[IPv4Address]:
    return st.sampled_from(_STREET)


def street_leases() -> st.SearchStrategy[Lease]:
    return st.builds(
        Lease,
        interface=st.sampled_from(("ext-1", "ext-1", "ext-2")),
        address=street_addresses(),
        prefixlen=st.sampled_from((24, 24, 24, 24, None, 0, 1, 16, 30, 31, 32)),
        gateway=st.sampled_from((None, IPv4Address("10.0.0.1"), IPv4Address("10.0.1.5"))),
        server=_servers,
        dns_servers=_tuples(street_addresses(), 5),
        mtu=st.sampled_from((None, 0, 1500, 9001, 65535)),
        expire=st.none() | _near,
    )


@cache
def street_reports() -> st.SearchStrategy[list[Report | UnreadReport]]:
    """What lies on the shared file system: at most one report a node, some of which cannot be read."""
    report = st.builds(
        Report,
        devid=st.integers(1, 5),
        lnn=st.integers(1, 3),
        node=st.sampled_from(("GLaDOS", "\x1b[2J\ufffe", "n" * 255)),
        manager=_managers,
        source=st.just("isc"),
        version=st.just("1"),
        reported_at=_near,
        addresses=_tuples(street_leases(), 2),
    )
    bad = st.integers(1, 5).map(unread)
    return st.lists(report | report | report | bad, max_size=5, unique_by=lambda one: one.devid)


def unread(devid: int) -> UnreadReport:
    return UnreadReport(devid, Finding(f"node {devid}", "report_broken", "error", "not JSON"))


@cache
def street_pools() -> st.SearchStrategy[Pool]:
    held = st.builds(
        Assignment, street_addresses(), st.integers(1, 5), st.sampled_from(("ext-1", "ext-2")), _servers
    )
    ranges = st.just(()) | _tuples(street_addresses().map(_one), 2)
    iface = (Iface(3, "ext-9"),)
    managed = st.builds(
        Pool,
        number=st.just(1),
        name=st.just("pool"),
        alloc_method=st.just("externally_managed"),
        external_manager=st.sampled_from(("AWS", "AWS", "Azure", "DHCP", "")),
        aggregation_mode=st.sampled_from(("none", "none", "none", "none", "lacp")),
        manual_ranges=ranges,
        manual_ifaces=st.just(iface),
        assignments=st.lists(held, max_size=3).map(lambda some: tuple(sorted(some, key=lambda one: one[:3]))),
        nfsv3_rroce_only=st.sampled_from((False,) * 9 + (True,)),
    )
    others = st.builds(
        Pool,
        number=st.just(1),
        name=st.just("pool"),
        alloc_method=st.sampled_from(("static", "dynamic")),
        manual_ranges=ranges,
        manual_ifaces=st.just(iface),
    )
    return managed | managed | others


@cache
def _street_subnets() -> st.SearchStrategy[Subnet]:
    def of(text: str) -> st.SearchStrategy[Subnet]:
        network = IPv4Network(text)
        return st.builds(
            Subnet,
            number=st.just(1),
            name=st.just("subnet"),
            addr_family=st.just("ipv4"),
            prefixlen=st.just(network.prefixlen),
            base_addr=st.just(network.network_address),
            gateway=st.sampled_from((None, IPv4Address("10.0.0.1"))),
            vlan_enabled=st.sampled_from((False,) * 5 + (True,)),
            vlan_id=st.just(7),
            sc_service_addrs=st.just(()) | _tuples(street_addresses().map(_one), 1),
            dhcp_servers=_tuples(_servers.filter(bool), 1),
            pools=_tuples(street_pools(), 3),
            next_number=st.just(9),
        )

    strange = st.builds(
        Subnet,
        number=st.just(1),
        name=st.just("subnet"),
        addr_family=st.sampled_from(("ipv4", "ipv6")),
        prefixlen=st.just(24),
        pools=_tuples(street_pools().map(lambda pool: replace(pool, manual_ranges=())), 2),
        next_number=st.just(9),
    )
    return of("10.0.0.0/24") | of("10.0.0.0/24") | of("10.0.1.0/24") | of("10.0.0.0/16") | strange


@cache
def street_configurations() -> st.SearchStrategy[Configuration]:
    """Subnets that may overlap, pools of every kind in them, addresses that two of them may claim to hold."""

    def of(some: list[Subnet], known: list[Node], groupnet: bool, cluster: ClusterSettings) -> Configuration:
        subnets = tuple(
            replace(
                subnet,
                number=number,
                name=f"subnet{number - 1}",
                pools=tuple(
                    replace(pool, number=count, name=f"pool{count - 1}")
                    for count, pool in enumerate(subnet.pools, start=1)
                ),
            )
            for number, subnet in enumerate(some, start=1)
        )
        groupnets = (Groupnet(1, "groupnet0", subnets=subnets, next_number=9),) if some or groupnet else ()
        return Configuration(
            revision=7, nodes=tuple(sorted(known)), groupnets=groupnets, next_number=2, settings=cluster
        )

    known = st.lists(
        st.builds(Node, st.integers(1, 5), st.integers(1, 5), st.just("old")),
        max_size=3,
        unique_by=lambda node: node.devid,
    )
    clusters = st.builds(ClusterSettings, on_premises_dhcp=st.sampled_from((True, True, False)))
    return st.builds(of, st.lists(_street_subnets(), max_size=3), known, st.booleans(), clusters)


def _one(address: IPv4Address) -> Range:
    return Range(address, address)


@st.composite
def interface_addresses(draw: st.DrawFn) -> IPv4Interface | IPv6Interface:
    """An address of an interface, with its prefix."""
    address = draw(addresses)
    return ip_interface((address, draw(st.integers(0, address.max_prefixlen))))


def inventories() -> st.SearchStrategy[Inventory]:
    unsigned = st.integers(0, 2**32 - 1)
    interface = st.builds(
        Interface,
        name=interfaces,
        nic_name=interfaces,
        status=st.sampled_from(get_args(Status)),
        type=texts(32).filter(bool),
        mac=st.none() | texts(64),
        mtu=st.none() | unsigned,
        speed=st.none() | unsigned,
        flags=_tuples(texts(32)),
        addresses=_tuples(interface_addresses()),
    )
    return st.builds(Inventory, devid=devids, lnn=lnns, node=texts(), interfaces=_tuples(interface))
