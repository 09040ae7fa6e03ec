"""Where a DHCP client of ours runs by itself, and that what somebody said goes before every rule."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from isi_net.model.clients import choose, first_external
from isi_net.model.names import GroupnetId, SubnetId
from isi_net.model.network import (
    EXTERNALLY_MANAGED,
    Assignment,
    Configuration,
    Groupnet,
    Iface,
    Node,
    Pool,
    Subnet,
)

NODE = Node(4, 3, "GLaDOS-3")
NOBODY = Configuration()


def network(**pool: object) -> Configuration:
    """One pool, externally managed unless it says otherwise."""
    made = replace(Pool(number=1, name="pool0", alloc_method=EXTERNALLY_MANAGED), **pool)
    with_subnet = (
        Configuration()
        .with_groupnet(Groupnet(1, "groupnet0"))
        .with_subnet(GroupnetId("groupnet0"), Subnet(1, "subnet0", "ipv4", 24))
    )
    return with_subnet.with_pool(SubnetId("groupnet0", "subnet0"), made)


def leased(devid: int, interface: str) -> Configuration:
    return network(assignments=(Assignment(IPv4Address("10.20.30.13"), devid, interface, None),))


@pytest.mark.parametrize("wish", [True, False])
@pytest.mark.parametrize("configuration", [NOBODY, leased(4, "ext-1"), leased(1, "ext-1")])
def test_what_somebody_said_is_final(wish: bool, configuration: Configuration) -> None:
    choice = choose("ext-1", wish, NODE, configuration, "ext-1")
    assert (choice.enabled, choice.by_hand) == (wish, True)


def test_a_client_runs_where_an_address_of_a_pool_was_leased() -> None:
    choice = choose("ext-1", None, NODE, leased(4, "ext-1"), "")
    assert choice == (True, False, "it is in groupnet0.subnet0.pool0")


def test_a_client_runs_where_somebody_put_the_interface_into_a_pool() -> None:
    """People name a node by its LNN, leases by its devid."""
    assert choose("ext-2", None, NODE, network(manual_ifaces=(Iface(3, "ext-2"),)), "").enabled
    assert not choose("ext-2", None, NODE, network(manual_ifaces=(Iface(4, "ext-2"),)), "").enabled


@pytest.mark.parametrize(
    "configuration",
    [
        NOBODY,
        leased(3, "ext-1"),
        leased(4, "ext-2"),
        network(alloc_method="static", manual_ifaces=(Iface(3, "ext-1"),)),
    ],
)
def test_no_client_runs_elsewhere(configuration: Configuration) -> None:
    choice = choose("ext-1", None, NODE, configuration, "")
    assert choice == (False, False, "it is in no externally managed pool")


def test_in_a_cloud_the_first_pool_comes_about() -> None:
    assert choose("ext-1", None, NODE, NOBODY, "ext-1").enabled
    assert choose("ext-1", None, NODE, network(alloc_method="static"), "ext-1").enabled
    assert not choose("ext-2", None, NODE, NOBODY, "ext-1").enabled


def test_a_node_that_comes_later_gets_into_the_pool_that_is_there() -> None:
    assert choose("ext-1", None, NODE, leased(1, "ext-1"), "ext-1").enabled


def test_once_a_node_is_in_a_pool_that_says_which_of_its_interfaces_are() -> None:
    assert not choose("ext-1", None, NODE, leased(4, "ext-2"), "ext-1").enabled


@pytest.mark.parametrize(
    ("interfaces", "first"),
    [
        ((), ""),
        (("ext-2", "ext-10"), "ext-2"),
        (("int-1", "ext-2"), "ext-2"),
        (("int-1",), ""),
        (("mgmt", "a100", "ext-10"), "ext-10"),
    ],
)
def test_the_first_external_interface(interfaces: tuple[str, ...], first: str) -> None:
    assert first_external(interfaces) == first
