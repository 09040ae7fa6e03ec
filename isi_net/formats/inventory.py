"""A node's inventory as JSON: `inventory/node.<devid>`, its interfaces as they are.

It crosses from one node to another like a report, and is trusted as little: every field has a type and a
bound, and so has the file.  Nothing is decided from it; people see it in `interfaces list`.  Opens nothing.
"""

from ipaddress import IPv4Interface, IPv6Interface, ip_interface
from typing import Annotated

import msgspec
from msgspec import Meta

from isi_net.errors import BadValue, FormatError
from isi_net.formats import json_document
from isi_net.formats.json_document import MIB, SCHEMA, Devid, Lnn, Name
from isi_net.model.interface import Interface, Inventory, Status
from isi_net.model.names import check_interface

MAX = 4 * MIB
# A host of containers has interfaces by the thousand.  These bounds keep the inventory below MAX; the
# interfaces that the cluster has names for come first, and an interface's primary addresses.
MAX_INTERFACES, MAX_ADDRESSES, MAX_FLAGS = 256, 128, 32
MAX_WORD, MAX_MAC = 32, 64

Word = Annotated[str, Meta(max_length=MAX_WORD)]
# `10.20.30.14/24`; without the zone of a link-local address, which is any text.
Address = Annotated[str, Meta(max_length=49, pattern=r"^[0-9a-fA-F:.]+/[0-9]+\Z")]
Unsigned = Annotated[int, Meta(ge=0, le=2**32 - 1)]


class _Interface(msgspec.Struct, frozen=True):
    name: str
    nic_name: str
    status: Status
    type: Annotated[str, Meta(min_length=1, max_length=MAX_WORD)]
    mac: Annotated[str, Meta(max_length=MAX_MAC)] | None
    mtu: Unsigned | None
    speed: Unsigned | None
    flags: tuple[Word, ...]
    addresses: tuple[Address, ...]


class _Inventory(msgspec.Struct, frozen=True):
    schema: int
    devid: Devid
    lnn: Lnn
    node: Name
    interfaces: tuple[_Interface, ...]


def parse(data: bytes, name: str = "") -> Inventory:
    """The inventory that `data` holds; else NewerSchema or FormatError, which give `name` for the place."""
    read = json_document.parse(data, _Inventory, name, MAX)
    try:
        interfaces = tuple(_interface(one) for one in read.interfaces)
    except BadValue as why:
        raise FormatError(f"interfaces: {why.what}", name, why.todo) from None
    return Inventory(read.devid, read.lnn, read.node, interfaces)


def render(inventory: Inventory) -> bytes:
    """`inventory` as bytes.  Texts longer than their bound are cut, and so are the lists."""
    return json_document.render(
        _Inventory(
            schema=SCHEMA,
            devid=inventory.devid,
            lnn=inventory.lnn,
            node=json_document.text(inventory.node, 255),
            interfaces=tuple(_written(one) for one in inventory.interfaces[:MAX_INTERFACES]),
        )
    )


def _interface(read: _Interface) -> Interface:
    return Interface(
        name=check_interface(read.name),
        nic_name=check_interface(read.nic_name),
        status=read.status,
        type=read.type,
        mac=read.mac,
        mtu=read.mtu,
        speed=read.speed,
        flags=read.flags,
        addresses=tuple(_address(text) for text in read.addresses),
    )


def _address(text: str) -> IPv4Interface | IPv6Interface:
    try:
        return ip_interface(text)
    except ValueError:
        raise BadValue(f"{text!r} is not an address with its prefix length") from None


def _written(one: Interface) -> _Interface:
    return _Interface(
        name=one.name,
        nic_name=one.nic_name,
        status=one.status,
        type=json_document.text(one.type, MAX_WORD),
        mac=None if one.mac is None else json_document.text(one.mac, MAX_MAC),
        mtu=one.mtu,
        speed=one.speed,
        flags=tuple(json_document.text(flag, MAX_WORD) for flag in one.flags[:MAX_FLAGS]),
        addresses=tuple(str(address) for address in one.addresses[:MAX_ADDRESSES]),
    )
