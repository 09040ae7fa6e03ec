"""What changed between two configurations, in lines for people."""

from collections.abc import Iterator
from dataclasses import fields

from isi_net.model.network import Assignment, Configuration, Groupnet, Pool, Subnet
from isi_net.model.rules import interface_place

_Part = Groupnet | Subnet | Pool

# What has lines of its own, or is only bookkeeping.
_NOT_SHOWN = frozenset({"number", "next_number", "subnets", "pools", "assignments"})


def changes(before: Configuration, after: Configuration) -> Iterator[str]:
    """One line a difference of the network; none when it is the same."""
    old, new = _parts(before), _parts(after)
    for key in old.keys() - new.keys():
        yield f"{old[key][0]}: deleted"
    for key, (path, part) in new.items():
        if key not in old:
            kind = f" ({part.alloc_method})" if isinstance(part, Pool) else ""
            yield f"{path}: made{kind}"
            was: _Part | None = None
        else:
            was = old[key][1]
            for field in fields(part):
                then, now = getattr(was, field.name), getattr(part, field.name)
                if then != now and field.name not in _NOT_SHOWN:
                    yield f"{path}: {field.name} {_words(then)} is now {_words(now)}"
        if isinstance(part, Pool):
            yield from _moves(path, was.assignments if isinstance(was, Pool) else (), part.assignments)
    names = {node.devid: node for node in before.nodes}
    for node in after.nodes:
        known = names.get(node.devid, node)
        if known != node:
            yield f"node {node.devid}: LNN {known.lnn} {known.name} is now LNN {node.lnn} {node.name}"


def _parts(configuration: Configuration) -> dict[tuple[int, ...], tuple[str, _Part]]:
    """Every groupnet, subnet and pool with its id, by its numbers: a renamed one is still the same."""
    found: dict[tuple[int, ...], tuple[str, _Part]] = {}
    for groupnet in configuration.groupnets:
        found[groupnet.number,] = (groupnet.name, groupnet)
        for subnet in groupnet.subnets:
            found[groupnet.number, subnet.number] = (f"{groupnet.name}.{subnet.name}", subnet)
            for pool in subnet.pools:
                key = (groupnet.number, subnet.number, pool.number)
                found[key] = (f"{groupnet.name}.{subnet.name}.{pool.name}", pool)
    return found


def _moves(path: str, before: tuple[Assignment, ...], after: tuple[Assignment, ...]) -> Iterator[str]:
    old, new = ({one.address: one for one in some} for some in (before, after))
    for address in sorted(old.keys() | new.keys()):
        was, now = old.get(address), new.get(address)
        if was == now:
            continue
        here = f"{path}: {address}"
        giver, taker = (interface_place(*one.place) if one else "" for one in (was, now))
        if now is None:
            yield f"{here} taken from {giver}"
        elif was is None or giver == taker:
            yield f"{here} leased to {taker} by {now.server or 'a nameless server'}"
        else:
            yield f"{here} moved from {giver} to {taker}"


def _words(value: object) -> str:
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return ", ".join(map(str, value)) or "-"
    return "-" if value is None or value == "" else str(value)
