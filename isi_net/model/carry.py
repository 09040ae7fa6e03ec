"""Bringing in another configuration, an older or an imported one, without taking anybody's address away."""

from dataclasses import replace
from typing import TypeVar

from isi_net.model.network import Configuration, Groupnet, Pool, Subnet

_Numbered = TypeVar("_Numbered", Configuration, Groupnet, Subnet)


def brought_in(other: Configuration, current: Configuration) -> Configuration:
    """`other`'s network and settings, to be published after `current`.

    What external managers leased stays as it is now: an address moves when a lease says so, and not
    because somebody looked back.  The release stays: an upgrade is committed by its own command, and never
    taken back; what an earlier release wrote has no settings, so all of them stay.  Numbers that were
    given since are not given again.
    """
    leased = {numbers: pool for numbers, _, pool in current.numbered_pools() if pool.externally_managed}
    now = {groupnet.number: groupnet for groupnet in current.groupnets}
    groupnets = []
    carried = other.with_each_pool(lambda numbers, _, pool: _as_leased(pool, leased.get(numbers)))
    for groupnet in carried.groupnets:
        there = now.get(groupnet.number, groupnet)
        subnets_now = {subnet.number: subnet for subnet in there.subnets}
        subnets = tuple(_past(one, subnets_now.get(one.number, one)) for one in groupnet.subnets)
        groupnets.append(_past(replace(groupnet, subnets=subnets), there))
    settings = current.settings
    if settings.committed and other.settings.committed:
        settings = replace(other.settings, release=settings.release)
    network = replace(current, groupnets=tuple(groupnets), next_number=other.next_number, settings=settings)
    return _past(network, current)


def _as_leased(pool: Pool, now: Pool | None) -> Pool:
    if now is None or not pool.externally_managed:
        return pool
    return replace(pool, assignments=now.assignments, external_manager=now.external_manager)


def _past(part: _Numbered, now: _Numbered) -> _Numbered:
    """`part`, giving out only numbers that neither it nor `now` has given."""
    changed: _Numbered = replace(part, next_number=max(part.next_number, now.next_number))
    return changed
