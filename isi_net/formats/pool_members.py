"""A pool's members as JSON: `pool_members/groupnet.<g>.subnet.<s>.pool.<p>`, for whoever wants no XML.

A projection of the configuration whose `revision` it carries, and of nothing else: it can be removed at
any time and the merger's next turn writes it again.  Opens nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address
from typing import Literal

import msgspec

from isi_net.errors import BadValue, FormatError
from isi_net.formats import json_document
from isi_net.formats.json_document import MIB, SCHEMA, Devid, Lnn, Name, Number
from isi_net.model.names import PoolId, parse_pool_id
from isi_net.model.network import Node, Pool, Range

MAX = 64 * MIB


class Member(msgspec.Struct, frozen=True):
    """A leased address and the interface that holds it; `lnn` and `node` are None for an unknown devid."""

    address: IPv4Address
    devid: Devid
    lnn: Lnn | None
    node: Name | None
    interface: str
    server: IPv4Address | None
    origin: Literal["leased"] = "leased"


class ManualMember(msgspec.Struct, frozen=True):
    """An interface in the pool by hand, and the address that it was given."""

    address: str
    lnn: Lnn
    interface: str
    origin: Literal["manual"] = "manual"


@dataclass(frozen=True, slots=True)
class PoolMembers:
    """Who is in a pool at one revision: members by address, and the ranges and members that people made."""

    revision: int
    pool: PoolId
    members: tuple[Member, ...] = ()
    manual_ranges: tuple[Range, ...] = ()
    manual_members: tuple[ManualMember, ...] = ()
    schema: int = SCHEMA


class _Manual(msgspec.Struct, frozen=True):
    low: str
    high: str
    origin: Literal["manual"] = "manual"


class _PoolMembers(msgspec.Struct, frozen=True):
    schema: int
    revision: Number
    pool: str
    members: tuple[Member, ...]
    manual_ranges: tuple[_Manual, ...]
    manual_members: tuple[ManualMember, ...] = ()


def parse(data: bytes, name: str = "") -> PoolMembers:
    """What `data` says of its pool; else NewerSchema or FormatError, which give `name` for the place."""
    read = json_document.parse(data, _PoolMembers, name, MAX)
    try:
        return PoolMembers(
            revision=read.revision,
            pool=parse_pool_id(read.pool),
            members=read.members,
            manual_ranges=tuple(_range(one) for one in read.manual_ranges),
            manual_members=read.manual_members,
            schema=read.schema,
        )
    except BadValue as why:
        raise FormatError(why.what, name, why.todo) from None


def render(revision: int, pool_id: PoolId, pool: Pool, nodes: Sequence[Node]) -> bytes:
    """The members of `pool` as bytes; `nodes` tell what people call their devids."""
    by_devid = {node.devid: node for node in nodes}
    members = []
    for one in sorted(pool.assignments, key=lambda one: int(one.address)):
        node = by_devid.get(one.devid)
        lnn, name = (node.lnn, json_document.text(node.name, 255)) if node else (None, None)
        members.append(Member(one.address, one.devid, lnn, name, one.interface, one.server))
    return json_document.render(
        _PoolMembers(
            schema=SCHEMA,
            revision=revision,
            pool=str(pool_id),
            members=tuple(members),
            manual_ranges=tuple(_Manual(str(one.low), str(one.high)) for one in pool.manual_ranges),
            manual_members=tuple(
                ManualMember(str(one.address), one.iface.lnn, one.iface.name)
                for one in sorted(pool.addresses, key=lambda one: (int(one.address), one.iface))
            ),
        )
    )


def _range(read: _Manual) -> Range:
    try:
        low, high = ip_address(read.low), ip_address(read.high)
    except ValueError as why:
        raise BadValue(f"manual_ranges: {why}") from None
    if low.version != high.version or int(low) > int(high) or "%" in read.low + read.high:
        raise BadValue(f"manual_ranges: {read.low}-{read.high} is not a range")
    return Range(low, high)
