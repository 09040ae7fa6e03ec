"""What people may change of externally managed pools: their manager owns the addresses and interfaces.

The guard compares two configurations, so that it holds at every door: a command, an import, a rollback.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from isi_net.model.finding import Finding
from isi_net.model.names import PoolId
from isi_net.model.network import Configuration, GivenAddress, Pool, PoolNumbers
from isi_net.model.rules import AZURE, COMMIT
from isi_net.model.static import with_addresses

_Given = dict[PoolNumbers, tuple[GivenAddress, ...]]

_BY_HAND = {"manual_ranges": "ranges", "manual_ifaces": "ifaces"}


@dataclass(frozen=True, slots=True)
class Guarded:
    """What stands against a change, and what to say of it when it goes through."""

    refusals: tuple[Finding, ...]
    warnings: tuple[Finding, ...]


def guard(before: Configuration, after: Configuration, force: bool) -> Guarded:
    """Judges the change that a person wants from `before` to `after`.

    Externally managed pools are made, deleted and converted by the system alone, `force` or not, and on
    Azure nothing of them can be modified; elsewhere, with `force`, their ranges and interfaces, the addresses
    that these are given, and the DHCP servers that their subnet trusts, can be changed by hand.  Until the
    upgrade of an earlier release's cluster is committed, there are neither such pools nor settings of the
    cluster.
    """
    by_itself = _given_by_itself(before, after)
    forcible = tuple(_changed_by_hand(before, after, by_itself))
    return Guarded(
        refusals=(*_never(before, after, by_itself), *(() if force else forcible)),
        warnings=forcible if force else (),
    )


def _given_by_itself(before: Configuration, after: Configuration) -> _Given:
    """What the interfaces by hand of externally managed pools are given when nobody asks for an address."""
    unasked = after
    for pool_id, pool in after.pools():
        if pool.externally_managed and pool.addresses:
            unasked = unasked.with_pool(pool_id.subnet_id, replace(pool, addresses=()))
    given = _by_number(with_addresses(unasked, before))
    return {key: pool.addresses for key, (_, pool) in given.items() if pool.externally_managed}


def _never(before: Configuration, after: Configuration, by_itself: _Given) -> Iterator[Finding]:
    if after.settings != before.settings and not before.settings.committed:
        what = "the upgrade to release 9.7 is not committed: there are no settings yet"
        yield Finding("settings", "not_committed", "error", what, COMMIT)
    old, new = _by_number(before), _by_number(after)
    for key, (pool_id, pool) in new.items():
        was = old[key][1] if key in old else None
        if was is None:
            if pool.externally_managed:
                by_the_system = "run isi_net daemon on a node that has a lease"
                yield _refusal(pool_id, "made", by_the_system if before.settings.committed else COMMIT)
        elif was.externally_managed != pool.externally_managed:
            yield _refusal(
                pool_id, "converted to or from another kind", "make a pool of the other kind beside it"
            )
        elif not pool.externally_managed or replace(was, addresses=by_itself[key]) == pool:
            continue  # what its interfaces by hand were given follows by itself: nobody asked for that
        elif was.assignments != pool.assignments:
            yield _refusal(pool_id, "given other leased addresses", "have its manager lease them")
        elif was.external_manager != pool.external_manager:
            yield _refusal(pool_id, "given another manager", "set [dhcp] manager in the nodes' isi_net.toml")
        elif pool.external_manager == AZURE:
            what = "the pool that Azure manages cannot be modified"
            yield Finding(str(pool_id), "azure_pool", "error", what, "make a pool of your own beside it")
    for key, (pool_id, pool) in old.items():
        if pool.externally_managed and key not in new:
            yield _refusal(pool_id, "deleted", "the system made it, and keeps it")


def _refusal(pool_id: PoolId, what: str, todo: str) -> Finding:
    return Finding(
        str(pool_id),
        "externally_managed",
        "error",
        f"an externally managed pool cannot be {what} by hand",
        todo,
    )


def _changed_by_hand(before: Configuration, after: Configuration, by_itself: _Given) -> Iterator[Finding]:
    old = _by_number(before)
    for key, (pool_id, pool) in _by_number(after).items():
        was = old.get(key)
        if was is None or not (was[1].externally_managed and pool.externally_managed):
            continue
        changed = [name for field, name in _BY_HAND.items() if getattr(was[1], field) != getattr(pool, field)]
        if pool.addresses != by_itself[key]:
            changed.append("addresses")
        for name in changed:
            manager = pool.external_manager or "its external manager"
            yield Finding(
                str(pool_id),
                "externally_managed",
                "warning",
                f"{manager} owns the {name} of this pool",
                "give --force to change them all the same",
            )
    trusted = {subnet_id: subnet.dhcp_servers for subnet_id, subnet in before.subnets()}
    for subnet_id, subnet in after.subnets():
        servers = trusted.get(subnet_id, subnet.dhcp_servers)
        if set(servers) - set(subnet.dhcp_servers) and any(pool.externally_managed for pool in subnet.pools):
            yield Finding(
                str(subnet_id),
                "dhcp_servers",
                "warning",
                "leases of this subnet come from the DHCP servers that are taken away",
                "give --force to distrust them all the same",
            )


def _by_number(configuration: Configuration) -> dict[PoolNumbers, tuple[PoolId, Pool]]:
    """Every pool by its numbers: a renamed one is still the same."""
    return {numbers: (pool_id, pool) for numbers, pool_id, pool in configuration.numbered_pools()}
