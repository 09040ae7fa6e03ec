"""What may not be published: what no route or metric can be, so that no node has to find that out."""

from ipaddress import ip_address

import pytest

from isi_net.model.check import check
from isi_net.model.network import Configuration, Groupnet, Pool, StaticRoute, Subnet


def of(routes: tuple[StaticRoute, ...] = (), priority: int = 1) -> Configuration:
    pool = Pool(1, "pool0", static_routes=routes)
    subnet = Subnet(1, "subnet0", "ipv4", 24, gateway_priority=priority, pools=(pool,), next_number=2)
    return Configuration(
        1, groupnets=(Groupnet(1, "groupnet0", subnets=(subnet,), next_number=2),), next_number=2
    )


def route(subnet: str, prefixlen: int, gateway: str) -> StaticRoute:
    return StaticRoute(ip_address(subnet), prefixlen, ip_address(gateway))


@pytest.mark.parametrize("priority", [1, 10, 2**31 - 1])
def test_a_priority_that_a_metric_can_be_is_none_of_its_business(priority: int) -> None:
    assert check(of((route("10.2.0.0", 16, "10.1.1.1"),), priority)) == ()


@pytest.mark.parametrize("priority", [-1, 0, 2**31, 5_000_000_000])
def test_another_gateway_priority_is_refused(priority: int) -> None:
    [finding] = check(of(priority=priority))
    assert (finding.code, finding.place) == ("gateway_priority", "groupnet0.subnet0")
    assert str(priority) in finding.message


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (route("10.2.0.5", 16, "10.1.1.1"), "10.2.0.5 is not the address of a /16"),
        (route("2001:db8::1", 32, "2001:db8::1"), "2001:db8::1 is not the address of a /32"),
        (route("10.2.0.0", 33, "10.1.1.1"), "/33 is no prefix length of IPv4"),
        (route("10.2.0.0", 16, "2001:db8::1"), "mixes IPv4 and IPv6"),
    ],
)
def test_a_static_route_that_cannot_be_one_is_refused(bad: StaticRoute, why: str) -> None:
    [finding] = check(of((route("10.3.0.0", 16, "10.1.1.1"), bad)))
    assert (finding.code, finding.place) == ("static_route", "groupnet0.subnet0.pool0")
    assert why in finding.message
