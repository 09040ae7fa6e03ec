"""Arithmetic of addresses."""

from ipaddress import IPv4Address, ip_address, ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import ipv4s, ipv6s

from isi_net.model.addresses import IPAddress, hosts_in, ipv4, network_of, why_nobodys, why_not_a_host


@given(st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){2,4}", fullmatch=True) | ipv4s.map(str) | st.text())
@example("10.0.0.256")
@example("10.0.0.01")
@example("10.0.0.\u0661")
@example(" 10.0.0.1")
@example("10.0.0.1\n")
@example("10.0.0.+1")
@example("10.0..1")
@example("10.0.1")
@example("")
def test_a_dotted_quad_is_read_as_ipaddress_reads_it_and_as_strictly(text: str) -> None:
    try:
        expected = IPv4Address(text)
    except ValueError:
        with pytest.raises(ValueError, match="is not an IPv4 address"):
            ipv4(text)
    else:
        assert ipv4(text) == expected


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("0.0.0.0", "this network"),
        ("0.255.255.255", "this network"),
        ("1.0.0.0", None),
        ("126.255.255.255", None),
        ("127.0.0.0", "loopback"),
        ("127.255.255.255", "loopback"),
        ("128.0.0.0", None),
        ("169.253.255.255", None),
        ("169.254.0.0", "link-local"),
        ("169.254.255.255", "link-local"),
        ("169.255.0.0", None),
        ("223.255.255.255", None),
        ("224.0.0.0", "multicast"),
        ("239.255.255.255", "multicast"),
        ("240.0.0.0", None),
        ("255.255.255.255", "limited broadcast"),
        ("10.0.0.1", None),
    ],
)
def test_some_addresses_are_no_hosts_anywhere(address: str, words: str | None) -> None:
    why = why_nobodys(ip_address(address))
    assert why is None if words is None else why is not None and words in why


@pytest.mark.parametrize(
    ("address", "network", "words"),
    [
        ("10.0.0.5", "10.0.0.0/24", None),
        ("10.0.0.0", "10.0.0.0/24", "the network address of 10.0.0.0/24"),
        ("10.0.0.255", "10.0.0.0/24", "the broadcast address of 10.0.0.0/24"),
        ("10.0.1.0", "10.0.0.0/24", "outside 10.0.0.0/24"),
        ("10.0.0.0", "10.0.0.0/30", "the network address of 10.0.0.0/30"),
        ("10.0.0.3", "10.0.0.0/30", "the broadcast address of 10.0.0.0/30"),
        ("10.0.0.0", "10.0.0.0/31", None),
        ("10.0.0.1", "10.0.0.0/31", None),
        ("10.0.0.0", "10.0.0.0/32", None),
        ("10.0.0.1", "10.0.0.0/32", "outside 10.0.0.0/32"),
        ("2001:db8::", "2001:db8::/64", "the network address of 2001:db8::/64"),
        ("2001:db8::ffff:ffff:ffff:ffff", "2001:db8::/64", None),
        ("2001:db8::", "2001:db8::/127", None),
        ("10.0.0.5", "2001:db8::/64", "outside 2001:db8::/64"),
    ],
)
def test_a_network_says_which_addresses_are_hosts(address: str, network: str, words: str | None) -> None:
    assert why_not_a_host(ip_address(address), ip_network(network)) == words


@given(ipv4s | ipv6s)
def test_the_network_of_an_address_is_the_standard_librarys(address: IPAddress) -> None:
    for prefixlen in (0, 1, 8, 24, 31, 32):
        assert network_of(address, prefixlen) == ip_network((address, prefixlen), strict=False)


@pytest.mark.parametrize(
    ("network", "some"),
    [
        ("10.0.0.0/24", 254),
        ("10.0.0.0/30", 2),
        ("10.0.0.0/31", 2),
        ("10.0.0.7/32", 1),
        ("126.0.0.0/7", 0),  # the loopback's are its upper half
        ("127.0.0.0/30", 0),
        ("169.254.0.0/15", 0),
        ("0.0.0.0/0", 0),
        ("fd00::/120", 0),
    ],
)
def test_a_host_in_a_network_is_one_of_which_nothing_else_is_said(network: str, some: int) -> None:
    net = ip_network(network)
    hosts = hosts_in(net)
    assert len(hosts) == some
    for number in (*hosts[:1], *hosts[-1:]):
        address = IPv4Address(number)
        assert (why_nobodys(address), why_not_a_host(address, net)) == (None, None)


def test_without_a_network_nothing_is_known_of_its_hosts() -> None:
    assert not hosts_in(None)
