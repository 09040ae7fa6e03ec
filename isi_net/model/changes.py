"""What changed between two configurations, in lines for people."""

from collections.abc import Iterator
from dataclasses import fields
from ipaddress import IPv4Address

from isi_net.model.network import (
    Assignment,
    ClusterSettings,
    Configuration,
    GivenAddress,
    Groupnet,
    Pool,
    Subnet,
)
from isi_net.model.rules import interface_place

_Part = Groupnet | Subnet | Pool
SETTINGS = "settings"

# What has lines of its own, or is only bookkeeping.
_NOT_SHOWN = frozenset({"number", "next_number", "subnets", "pools", "assignments", "addresses"})


def changes(before: Configuration, after: Configuration) -> Iterator[str]:
    """One line a difference of the settings and the network; none when it is the same."""
    yield from _differences(SETTINGS, before.settings, after.settings)
    old, new = _parts(before), _parts(after)
    for key in sorted(old.keys() - new.keys()):
        yield f"{old[key][0]}: deleted"
    for key, (path, part) in new.items():
        if key not in old:
            said = [
                f"{name} {_words(value)}"
                for name, value, usual in _settings(part)
                if value != usual and name != "name"
            ]
            yield f"{path}: made" + (f" with {', '.join(said)}" if said else "")
            was: _Part | None = None
        else:
            was = old[key][1]
            yield from _differences(path, was, part)
        if isinstance(part, Pool):
            yield from _given(path, was.addresses if isinstance(was, Pool) else (), part.addresses)
            yield from _moves(path, was.assignments if isinstance(was, Pool) else (), part.assignments)
    names = {node.devid: node for node in before.nodes}
    for node in after.nodes:
        known = names.get(node.devid, node)
        if known != node:
            yield f"node {node.devid}: LNN {known.lnn} {known.name} is now LNN {node.lnn} {node.name}"


def in_short(before: Configuration, after: Configuration, longest: int) -> str:
    """The first changes, one behind the other, in `longest` characters at most: of ten thousand leased
    addresses nobody reads more.
    """
    said = ""
    for line in changes(before, after):
        said += f"; {line}" if said else line
        if len(said) >= longest:
            break
    return said[:longest]


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


def _differences(path: str, was: _Part | ClusterSettings, part: _Part | ClusterSettings) -> Iterator[str]:
    for (name, then, _), (_, now, _) in zip(_settings(was), _settings(part), strict=True):
        if then != now:
            yield f"{path}: {name} {_words(then)} is now {_words(now)}"


def _settings(part: _Part | ClusterSettings) -> list[tuple[str, object, object]]:
    """The settings of a part by the API's names, each with its value and its default."""
    return [
        (field.name.removeprefix("manual_"), getattr(part, field.name), field.default)
        for field in fields(part)
        if field.name not in _NOT_SHOWN
    ]


def _given(path: str, before: tuple[GivenAddress, ...], after: tuple[GivenAddress, ...]) -> Iterator[str]:
    """The addresses that interfaces by hand were given, or gave back."""
    for one in before:
        if one not in after:
            yield f"{path}: {one.address} taken from {one.iface}"
    for one in after:
        if one not in before:
            yield f"{path}: {one.address} given to {one.iface}"


def _moves(path: str, before: tuple[Assignment, ...], after: tuple[Assignment, ...]) -> Iterator[str]:
    old, new = ({int(one.address): one for one in some} for some in (before, after))
    for number in sorted(old.keys() | new.keys()):
        was, now = old.get(number), new.get(number)
        if was == now:
            continue
        here = f"{path}: {IPv4Address(number)}"
        giver, taker = (interface_place(*one.place) if one else "" for one in (was, now))
        if now is None:
            yield f"{here} taken from {giver}"
        elif was is None or giver == taker:
            yield f"{here} leased to {taker} by {now.server or 'a nameless server'}"
        else:
            yield f"{here} moved from {giver} to {taker}"


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return ",".join(map(str, value)) or "-"
    return "-" if value is None or value == "" else str(value)
