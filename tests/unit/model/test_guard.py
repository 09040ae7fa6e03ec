"""What people may change of externally managed pools, where two configurations tell it."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from isi_net.model.guard import Guarded, guard
from isi_net.model.names import GroupnetId, PoolId
from isi_net.model.network import Assignment, Configuration, Groupnet, Iface, Node, Pool, Range, Subnet
from isi_net.model.static import with_addresses


def ip(last: int) -> IPv4Address:
    return IPv4Address(f"10.0.0.{last}")


AZURES = Pool(
    1,
    "pool0",
    "externally_managed",
    external_manager="Azure",
    aggregation_mode="none",
    manual_ranges=(Range(ip(8), ip(9)),),
    manual_ifaces=(Iface(1, "ext-1"), Iface(2, "ext-1"), Iface(3, "ext-1")),
    assignments=(Assignment(ip(4), 1, "ext-1", None),),
)
SUBNET = Subnet(1, "subnet0", "ipv4", 24, ip(0), gateway=ip(8), pools=(AZURES,), next_number=2)
BEFORE = Configuration(
    7,
    nodes=(Node(1, 1, "one"),),
    groupnets=(Groupnet(1, "groupnet0", subnets=(SUBNET,), next_number=2),),
    next_number=2,
)
POOL_ID = PoolId("groupnet0", "subnet0", "pool0")


def test_an_unrelated_change_that_makes_an_address_free_for_azures_pool_is_no_change_of_that_pool() -> None:
    """The gateway leaves the pool's range, so that the interface that had no address gets one."""
    before = with_addresses(BEFORE, BEFORE)
    change = before.with_subnet(
        GroupnetId("groupnet0"), replace(before.groupnets[0].subnets[0], gateway=ip(1))
    )
    after = with_addresses(change, before)
    was, now = before.pool(POOL_ID), after.pool(POOL_ID)
    assert was is not None
    assert now is not None
    assert (len(was.addresses), len(now.addresses)) == (1, 2)
    assert guard(before, after, force=False) == Guarded((), ())


@pytest.mark.parametrize("force", [False, True])
def test_azures_pool_itself_is_not_modified(force: bool) -> None:
    for changed in (
        replace(AZURES, description="mine"),
        replace(AZURES, manual_ifaces=AZURES.manual_ifaces[1:]),
    ):
        after = BEFORE.with_pool(POOL_ID.subnet_id, changed)
        assert "azure_pool" in [one.code for one in guard(BEFORE, after, force).refusals]
