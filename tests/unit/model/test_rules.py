"""The rules that refuse an address, one by one, each beside a neighbour that passes; and whose it is."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address
from typing import Any

import pytest

from isi_net.model.lease import Lease
from isi_net.model.names import PoolId, SubnetId
from isi_net.model.network import Configuration, GivenAddress, Groupnet, Iface, Pool, Range, Subnet
from isi_net.model.rules import Claim, Spans, owners_in, subnets_in, why_refused, why_unfit

SUBNET_ID = SubnetId("groupnet0", "subnet0")
POOL_ID = PoolId(*SUBNET_ID, "pool0")


def ip(text: str) -> IPv4Address:
    return IPv4Address(text if "." in text else f"10.0.0.{text}")


def spans(low: str, high: str) -> tuple[Range, ...]:
    return (Range(ip(low), ip(high)),)


BY_HAND = Iface(2, "ext-1")
MANAGED = Pool(
    1,
    "pool0",
    "externally_managed",
    aggregation_mode="none",
    manual_ranges=spans("50", "59"),
    manual_ifaces=(BY_HAND,),
    addresses=(GivenAddress(BY_HAND, ip("56")),),
)
DYNAMIC = Pool(2, "pool1", "dynamic", manual_ranges=spans("20", "29"))
SECOND = Pool(3, "pool2", "externally_managed", aggregation_mode="none", manual_ranges=spans("70", "70"))
SUBNET = Subnet(
    1,
    "subnet0",
    "ipv4",
    24,
    base_addr=ip("0"),
    gateway=ip("1"),
    sc_service_addrs=spans("10", "12"),
    dhcp_servers=(ip("2"), ip("3")),
    pools=(MANAGED, DYNAMIC, SECOND),
)
ELSEWHERE = Subnet(
    2,
    "subnet1",
    "ipv4",
    24,
    base_addr=ip("192.0.2.0"),
    sc_service_addrs=spans("30", "30"),
    pools=(Pool(1, "pool0", "static", manual_ranges=spans("40", "49")),),
)
FIVE = Range(IPv6Address("::5"), IPv6Address("::5"))
IPV6 = Subnet(3, "subnet2", "ipv6", 64, pools=(Pool(1, "pool0", manual_ranges=(FIVE,)),))
NETWORK = Configuration(groupnets=(Groupnet(1, "groupnet0", subnets=(SUBNET, ELSEWHERE, IPV6)),))


def refusal(address: str, subnet: Subnet = SUBNET, **said: Any) -> str | None:
    """The code of the rule that refuses a lease of `address`, as the pool's own server gave it."""
    said = {"prefixlen": 24, "gateway": ip("1"), "server": ip("2"), **said}
    claim = Claim.of(3, Lease("ext-1", ip(address), **said), "AWS")
    found = why_refused(claim, SUBNET_ID, subnet, POOL_ID, owners_in(NETWORK))
    assert found is None or (found.place, found.severity) == ("node 3 ext-1", "error")
    return None if found is None else found.code


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("5", None),
        ("127.0.0.1", "address_nobodys"),
        ("169.254.0.1", "address_nobodys"),
        ("224.0.0.1", "address_nobodys"),
        ("0", "address_not_a_host"),
        ("255", "address_not_a_host"),
        ("254", None),
        ("10.0.1.5", "address_not_a_host"),
        ("1", "address_gateway"),
        ("10", "address_service"),
        ("12", "address_service"),
        ("13", None),
        ("30", "address_service"),
        ("20", "oversubscribed"),
        ("29", "oversubscribed"),
        ("19", None),
        ("45", "oversubscribed"),
        ("70", "oversubscribed"),
        ("55", None),
        ("56", "address_service"),
    ],
)
def test_an_address_that_is_somebody_elses_is_refused(address: str, code: str | None) -> None:
    assert refusal(address) == code


def test_the_router_that_a_lease_names_is_no_address_to_lease() -> None:
    open_one = Subnet(1, "subnet0", "ipv4", 24, base_addr=ip("0"))
    assert refusal("5", open_one, gateway=ip("5")) == "address_gateway"
    assert refusal("6", open_one, gateway=ip("5")) is None


@pytest.mark.parametrize(("prefixlen", "hosts"), [(31, "01"), (32, "0")])
def test_a_network_of_one_or_two_has_no_network_or_broadcast_address(prefixlen: int, hosts: str) -> None:
    narrow = Subnet(1, "subnet0", "ipv4", prefixlen, base_addr=ip("80"))
    for last in hosts:
        assert refusal(f"8{last}", narrow, prefixlen=prefixlen, gateway=None) is None


@pytest.mark.parametrize(
    ("server", "code"), [("2", None), ("3", None), ("4", "server_not_trusted"), (None, "server_not_trusted")]
)
def test_only_trusted_servers_are_believed(server: str | None, code: str | None) -> None:
    assert refusal("5", server=server and ip(server)) == code


@pytest.mark.parametrize("server", ["66", None])
def test_while_no_server_is_trusted_any_is(server: str | None) -> None:
    open_one = Subnet(1, "subnet0", "ipv4", 24, base_addr=ip("0"))
    assert refusal("5", open_one, server=server and ip(server)) is None


@pytest.mark.parametrize(
    ("prefixlen", "code"),
    [
        (24, None),
        (None, None),
        (31, None),
        (32, None),
        (30, "subnet_contradicted"),
        (25, "subnet_contradicted"),
        (23, "subnet_contradicted"),
        (0, "subnet_contradicted"),
    ],
)
def test_a_lease_does_not_change_the_subnets_size(prefixlen: int | None, code: str | None) -> None:
    assert refusal("5", prefixlen=prefixlen) == code


@pytest.mark.parametrize(
    ("gateway", "code"),
    [("1", None), (None, None), ("9", "router_contradicted"), ("192.0.2.1", "router_contradicted")],
)
def test_a_lease_does_not_change_the_subnets_gateway(gateway: str | None, code: str | None) -> None:
    assert refusal("5", gateway=gateway and ip(gateway)) == code


def test_a_subnet_without_a_gateway_takes_any_router_for_granted() -> None:
    open_one = Subnet(1, "subnet0", "ipv4", 24, base_addr=ip("0"))
    assert refusal("5", open_one, gateway=ip("9")) is None


def test_a_refusal_says_what_to_do() -> None:
    lease = Lease("ext-1", ip("5"), server=ip("66"))
    found = why_refused(Claim.of(3, lease, "AWS"), SUBNET_ID, SUBNET, POOL_ID, owners_in(NETWORK))
    assert str(found) == (
        "node 3 ext-1: 10.0.0.5 comes from DHCP server 10.0.0.66; groupnet0.subnet0 trusts 10.0.0.2, "
        "10.0.0.3; if that is yours: isi_net subnets modify groupnet0.subnet0 --add-dhcp-servers=10.0.0.66"
    )


def test_a_fit_pool_has_no_reason() -> None:
    assert why_unfit(SUBNET_ID, SUBNET, MANAGED) is None


def test_overlapping_spans_all_answer() -> None:
    some = Spans([(10, 90, "wide"), (20, 29, "low"), (40, 49, "high"), (25, 26, "inner")])
    assert set(some.of(25)) == {"wide", "low", "inner"}
    assert set(some.of(45)) == {"wide", "high"}
    assert set(some.of(90)) == {"wide"}
    assert some.of(9) == some.of(91) == []


def test_a_span_that_begins_in_a_network_is_found() -> None:
    subnets = subnets_in(NETWORK)
    assert subnets.first_within(IPv4Network("10.0.0.0/16")) == (0, SUBNET_ID)
    assert subnets.first_within(IPv4Network("192.0.0.0/16")) == (1, SubnetId("groupnet0", "subnet1"))
    assert subnets.first_within(IPv4Network("172.16.0.0/12")) is None
    assert subnets.first_within(IPv4Network("193.0.0.0/8")) is None


def test_ipv6_owns_no_ipv4_address() -> None:
    """::5 and 0.0.0.5 are the same number."""
    assert owners_in(NETWORK).of(5) == []
