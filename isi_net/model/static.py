"""Which address each interface in a pool by hand has: one out of the pool's ranges, and always the same.

A running file server's address must not move because another interface came or went, so what was given is
published, kept as long as the pool has both the interface and the address, and given up only with them.
Whoever has none gets the lowest that is free, by a change of its pool: an interface that was left without one
on purpose gets none by a change elsewhere.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from isi_net.model.addresses import IPAddress
from isi_net.model.finding import Finding
from isi_net.model.names import PoolId
from isi_net.model.network import Configuration, GivenAddress, Iface, Pool, PoolNumbers, Range


def with_addresses(
    after: Configuration, before: Configuration, none_new_in: Collection[PoolId] = ()
) -> Configuration:
    """`after`, with an address for each interface by hand in its static and externally managed pools.

    An interface that comes without one keeps the one it has in `before`.  Where two come with the same, both
    keep it: `check` refuses that.  A cluster whose upgrade is not committed has none.  Who had none gets one
    where the pool is new, or has other ranges, interfaces or another kind than in `before`, or the upgrade
    was not committed there; but never in the pools `none_new_in`.
    """
    had = {
        (*numbers, one.iface): one.address
        for numbers, _, pool in before.numbered_pools()
        for one in pool.addresses
    }
    lnns = after.lnns()
    untouched = _untouched(after, before)
    kept = [
        _kept(pool, numbers, had) if after.settings.committed and pool.alloc_method != "dynamic" else ()
        for numbers, _, pool in after.numbered_pools()
    ]
    # Of the whole network: a range made by hand may lie in another subnet than its pool's.
    taken = {one.address for some in kept for one in some}
    taken.update(one.address for _, pool in after.pools() for one in pool.assignments)
    taken.update(subnet.gateway for _, subnet in after.subnets() if subnet.gateway is not None)
    of_next_pool = iter(kept)

    def addressed(numbers: PoolNumbers, pool_id: PoolId, pool: Pool) -> Pool:
        some = next(of_next_pool)
        gives = after.settings.committed and pool_id not in none_new_in
        lacking = _lacking(pool, some, lnns) if gives else ()
        if numbers in untouched:
            lacking = tuple(iface for iface in lacking if (*numbers, iface) in had)
        new = zip(lacking, _free(pool.manual_ranges, taken), strict=False)
        given = {**dict(some), **dict(new)}
        order = (iface for iface in dict.fromkeys(pool.manual_ifaces) if iface in given)
        return replace(pool, addresses=tuple(GivenAddress(iface, given[iface]) for iface in order))

    return after.with_each_pool(addressed)


def without_address(configuration: Configuration) -> tuple[Finding, ...]:
    """The interfaces by hand that have no address and should: none before the upgrade is committed."""
    if not configuration.settings.committed:
        return ()
    lnns = configuration.lnns()
    return tuple(
        no_address(pool_id, iface)
        for pool_id, pool in configuration.pools()
        for iface in _lacking(pool, pool.addresses, lnns)
    )


def no_address(pool_id: PoolId, iface: Iface) -> Finding:
    """What is said of such an interface."""
    what = f"{iface} has no address of the pool's"
    todo = (
        "it gets a free one when the pool's ranges or interfaces change; "
        f"where none is left: isi_net pools modify {pool_id} --add-ranges LOW-HIGH"
    )
    return Finding(str(pool_id), "address_none", "warning", what, todo)


def _untouched(after: Configuration, before: Configuration) -> set[PoolNumbers]:
    """The pools of `after` of which everything that addresses are given for is as it was in `before`."""
    if not before.settings.committed:
        return set()
    grounds = {
        numbers: (pool.alloc_method, pool.manual_ranges, pool.manual_ifaces)
        for numbers, _, pool in before.numbered_pools()
    }
    return {
        numbers
        for numbers, _, pool in after.numbered_pools()
        if grounds.get(numbers) == (pool.alloc_method, pool.manual_ranges, pool.manual_ifaces)
    }


def _kept(
    pool: Pool, numbers: PoolNumbers, had: dict[tuple[int, int, int, Iface], IPAddress]
) -> tuple[GivenAddress, ...]:
    """The addresses that the pool's interfaces come with, or had: those that are in its ranges."""
    own = {one.iface: one.address for one in pool.addresses}
    held = set(own.values())
    kept = []
    for iface in pool.manual_ifaces:
        address = own.get(iface)
        if address is None and (was := had.get((*numbers, iface))) is not None and was not in held:
            address = was
            held.add(was)
        if address is not None and any(one.holds(address) for one in pool.manual_ranges):
            kept.append(GivenAddress(iface, address))
    return tuple(kept)


def _lacking(pool: Pool, kept: Iterable[GivenAddress], lnns: dict[int, int]) -> tuple[Iface, ...]:
    """The interfaces by hand that should have an address and have none: not those with a leased one."""
    if pool.alloc_method == "dynamic":
        return ()
    leased = {Iface(lnns[one.devid], one.interface) for one in pool.assignments if one.devid in lnns}
    held = {one.iface for one in kept}
    return tuple(sorted({one for one in pool.manual_ifaces if one not in held | leased}))


def _free(ranges: Iterable[Range], taken: set[IPAddress]) -> Iterator[IPAddress]:
    """The addresses of `ranges` that are not `taken`, the lowest first; each is taken as it is given."""
    for low, high in sorted(ranges, key=Range.order):
        for offset in range(int(high) - int(low) + 1):
            address = low + offset
            if address not in taken:
                taken.add(address)
                yield address
