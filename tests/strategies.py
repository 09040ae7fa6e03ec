"""Values of the model as hypothesis draws them: what can be, not what is likely."""

from ipaddress import IPv4Address, IPv6Address
from typing import get_args

from hypothesis import strategies as st

from isi_net.model.addresses import IPAddress, network_of
from isi_net.model.finding import Finding, Severity
from isi_net.model.lease import Lease
from isi_net.model.network import (
    AddrFamily,
    AggregationMode,
    AllocMethod,
    Assignment,
    Balancing,
    Configuration,
    Groupnet,
    Iface,
    Node,
    Pool,
    Range,
    RebalancePolicy,
    StaticRoute,
    Subnet,
)
from isi_net.model.report import Report
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
    of = draw(st.sampled_from((ipv4s, ipv6s)))
    subnet = draw(of)
    return StaticRoute(subnet, draw(st.integers(0, subnet.max_prefixlen)), draw(of))


def _tuples(of: st.SearchStrategy, longest: int = 3) -> st.SearchStrategy[tuple]:
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
            gateway_priority=numbers,
            mtu=st.integers(576, 9000),
            vlan_enabled=st.booleans(),
            vlan_id=st.none() | st.integers(1, 4094),
            description=xml_texts(128),
            sc_service_addrs=_tuples(ranges(of), 2),
            sc_service_name=xml_texts(),
            dhcp_servers=_tuples(ipv4s, 2),
            pools=_tuples(pools(of), 2),
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
    )


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
