"""What is wanted of a node's services as JSON: `/var/db/isi_net/services`.

The node's own file, which outlives a reboot.  Opens nothing.
"""

import msgspec

from isi_net.errors import FormatError
from isi_net.formats import json_document
from isi_net.formats.json_document import MIB, SCHEMA, Number
from isi_net.model.service import Wish, Wishes, is_service

MAX = MIB
MAX_SERVICES = 1000


class _Wish(msgspec.Struct, frozen=True):
    name: str
    enabled: bool | None
    restarts: Number


class _Wishes(msgspec.Struct, frozen=True):
    schema: int
    services: tuple[_Wish, ...]


def parse(data: bytes, name: str = "") -> Wishes:
    """The wishes in `data`; else NewerSchema or FormatError, which give `name` for the place."""
    wishes: dict[str, Wish] = {}
    services = json_document.parse(data, _Wishes, name, MAX).services
    if len(services) > MAX_SERVICES:
        what = f"{len(services)} services are more than the {MAX_SERVICES} that this file may have"
        raise FormatError(what, name, "take away those that this node has not")
    for one in services:
        if not is_service(one.name):
            raise FormatError(f"{one.name!r} is no service", name, "correct the name")
        if one.name in wishes:
            raise FormatError(f"{one.name!r} stands there twice", name, "take one of them away")
        wishes[one.name] = Wish(one.enabled, one.restarts)
    return Wishes(wishes)


def render(wishes: Wishes) -> bytes:
    """`wishes` as bytes, by name."""
    by_name = sorted(wishes.by_name.items())
    services = tuple(_Wish(name, wish.enabled, wish.restarts) for name, wish in by_name)
    return json_document.render(_Wishes(SCHEMA, services))
