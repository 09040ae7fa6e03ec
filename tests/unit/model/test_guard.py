"""What people may change of externally managed pools, where two configurations tell it."""

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest

from isi_net.model.guard import Guarded, guard
from isi_net.model.names import GroupnetId, PoolId
from isi_net.model.network import (
    Assignment,
    Configuration,
    GivenAddress,
    Groupnet,
    Iface,
    Node,
    Pool,
    Range,
    Subnet,
)
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
    """The gateway leaves the pool's range, and who had no address there gets none by that."""
    before = with_addresses(BEFORE, Configuration())
    change = before.with_subnet(
        GroupnetId("groupnet0"), replace(before.groupnets[0].subnets[0], gateway=ip(1))
    )
    after = with_addresses(change, before)
    was, now = before.pool(POOL_ID), after.pool(POOL_ID)
    assert was is not None
    assert now is not None
    assert (len(was.addresses), now.addresses) == (1, was.addresses)
    assert guard(before, after, force=False) == Guarded((), ())


def addresses_changed(manager: str, **fields: Any) -> tuple[Configuration, Configuration]:
    """The pool of `manager` before and after a change by hand of these fields."""
    before = BEFORE.with_pool(POOL_ID.subnet_id, replace(AZURES, external_manager=manager))
    before = with_addresses(before, Configuration())
    was = before.pool(POOL_ID)
    assert was is not None
    assert was.addresses == (GivenAddress(Iface(2, "ext-1"), ip(9)),)
    return before, with_addresses(before.with_pool(POOL_ID.subnet_id, replace(was, **fields)), before)


def test_the_addresses_that_interfaces_by_hand_are_given_change_with_force_only() -> None:
    """As an import can change them, whose ranges and interfaces are what they were."""
    before, after = addresses_changed("AWS", addresses=(GivenAddress(Iface(3, "ext-1"), ip(9)),))
    judged = guard(before, after, force=False)
    assert [one.message for one in judged.refusals] == ["AWS owns the addresses of this pool"]
    assert guard(before, after, force=True) == Guarded((), judged.refusals)


def test_an_address_that_an_import_does_not_name_is_kept_and_nothing_to_guard() -> None:
    before, after = addresses_changed("AWS", addresses=())
    assert after == before
    assert guard(before, after, force=False) == Guarded((), ())


def test_addresses_that_follow_from_other_ranges_are_not_asked_for_by_themselves() -> None:
    before, after = addresses_changed("AWS", manual_ranges=(Range(ip(9), ip(12)),))
    pool = after.pool(POOL_ID)
    assert pool is not None
    assert len(pool.addresses) == 2
    judged = guard(before, after, force=True)
    assert [one.message for one in judged.warnings] == ["AWS owns the ranges of this pool"]
    assert judged.refusals == ()


@pytest.mark.parametrize("force", [False, True])
def test_azures_pool_is_given_no_addresses_by_hand(force: bool) -> None:
    before, after = addresses_changed("Azure", addresses=(GivenAddress(Iface(3, "ext-1"), ip(9)),))
    assert "azure_pool" in [one.code for one in guard(before, after, force).refusals]


@pytest.mark.parametrize("force", [False, True])
def test_azures_pool_itself_is_not_modified(force: bool) -> None:
    for changed in (
        replace(AZURES, description="mine"),
        replace(AZURES, manual_ifaces=AZURES.manual_ifaces[1:]),
    ):
        after = BEFORE.with_pool(POOL_ID.subnet_id, changed)
        assert "azure_pool" in [one.code for one in guard(BEFORE, after, force).refusals]
