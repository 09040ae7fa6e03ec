"""Where leases come from: a table of the DHCP clients that are understood, one line each.

A new one is a file in `formats/` and a line here; or, from outside of this package, an entry point of the
group `isi_net.lease_sources` that is a Source, chosen by its name as `[dhcp] source`.
"""

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from isi_net.errors import BadValue, Unreadable
from isi_net.formats import dhclient, dhcpcd, dhcpleased, networkd, networkmanager
from isi_net.model.lease import LeaseFile
from isi_net.model.network import AUTO
from isi_net.store.read import names, read
from isi_net.store.tree import Tree

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "isi_net.lease_sources"

_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_MAX_INDEX_FILE = 1 << 16  # sysfs says 4096 of every file


@dataclass(frozen=True, slots=True)
class Source:
    """One kind of DHCP client.

    `name` is its word in `[dhcp] source` and in reports.  `places` are where its files may lie below the
    root; in them `{nic}` stands for the NIC's name, `{index}` for its number in the kernel, and `{uuid}`, in
    the last part, for whichever UUIDs there are.  `parse` makes a LeaseFile of a file's bytes, the name of
    the NIC (for files that do not tell) and the time at which it was written, in seconds since the epoch;
    or it raises FormatError, and nothing else whatever the bytes are.  What a file cannot tell, a finding
    of its leases says (`formats/options.py`, unknown_expiry).  `recognises` tells whether bytes are of
    this kind, by what no DHCP server can have put there.
    """

    name: str
    places: tuple[str, ...]
    parse: Callable[[bytes, str, int], LeaseFile]
    recognises: Callable[[bytes], bool]

    def files(self, tree: Tree, nic: str) -> list[str]:
        """Where the lease of `nic` may lie.  Raises Unreadable when a directory cannot be listed."""
        found = []
        for place in self.places:
            index = interface_index(tree, nic) if "{index}" in place else ""
            if index is None:
                continue
            path = tree.elsewhere(place.format(nic=nic, index=index, uuid="{uuid}"))
            directory, name = os.path.split(path)
            before, uuid, after = name.partition("{uuid}")
            if not uuid:
                found.append(path)
                continue
            pattern = re.compile(re.escape(before) + _UUID + re.escape(after))
            found += [os.path.join(directory, one) for one in names(directory) if pattern.fullmatch(one)]
        return found


def _dhclient(data: bytes, nic: str, written: int) -> LeaseFile:
    """dhclient's own files say when they were written."""
    del written
    return dhclient.parse(data, nic)


# Each lists the places of every system, because no system's name is needed to look there.
TABLE = (
    Source(
        "dhcpcd", ("var/lib/dhcpcd/{nic}.lease", "var/db/dhcpcd/{nic}.lease"), dhcpcd.parse, dhcpcd.recognises
    ),
    Source("networkd", ("run/systemd/netif/leases/{index}",), networkd.parse, networkd.recognises),
    Source(
        "networkmanager",
        ("run/NetworkManager/devices/{index}", "var/lib/NetworkManager/internal-{uuid}-{nic}.lease"),
        networkmanager.parse,
        networkmanager.recognises,
    ),
    Source("dhcpleased", ("var/db/dhcpleased/{nic}",), dhcpleased.parse, dhcpleased.recognises),
    Source(
        "dhclient",
        (
            "var/lib/dhcp/dhclient.{nic}.leases",  # Debian and Ubuntu with ifupdown
            "var/lib/dhcp/dhclient.leases",  # Debian, by hand
            "var/db/dhclient.leases.{nic}",  # FreeBSD, OpenBSD
            "var/lib/NetworkManager/dhclient-{uuid}-{nic}.lease",  # RHEL
            "var/lib/dhclient/dhclient-{uuid}-{nic}.lease",  # RHEL 7
            "var/lib/dhclient/dhclient-{nic}.leases",  # RHEL 6, Amazon Linux
            "var/lib/dhclient/dhclient-{nic}.lease",
            "var/lib/dhclient/dhclient--{nic}.leases",  # Amazon Linux 2
            "var/lib/dhclient/dhclient--{nic}.lease",
        ),
        _dhclient,
        dhclient.recognises,
    ),
)
DHCLIENT = TABLE[-1]


def chosen(word: str) -> tuple[Source, ...]:
    """The sources that `[dhcp] source` means: all of the table for `auto`, else the one.

    Raises BadValue for a word that neither the table nor an entry point has.
    """
    if word == AUTO:
        return TABLE
    return next(((one,) for one in TABLE if one.name == word), None) or (_from_outside(word),)


def _points() -> "dict[str, EntryPoint]":
    from importlib.metadata import entry_points  # noqa: PLC0415 - 40 ms, for who names such a source

    return {point.name: point for point in entry_points(group=GROUP)}


def _all_from_outside() -> Iterator[Source]:
    """Those that can be loaded: who asks what some bytes are asked for none of them by name."""
    for name in sorted(_points()):
        with contextlib.suppress(BadValue):
            yield _from_outside(name)


def _from_outside(word: str) -> Source:
    points = _points()
    if word not in points:
        known = ", ".join((AUTO, *sorted((*(one.name for one in TABLE), *points))))
        raise BadValue(f"{word!r} is unknown", todo=f"use one of {known}")
    try:
        source = points[word].load()
    except (ImportError, AttributeError) as error:
        raise BadValue(
            f"{word!r}, which is {points[word].value}, cannot be loaded: {error}", todo="install it again"
        ) from error
    if not isinstance(source, Source):
        raise BadValue(f"{word!r}, which is {points[word].value}, is no Source", todo="ask who wrote it")
    return source


def recognised(data: bytes, nic: str, written: int) -> LeaseFile:
    """The leases in `data`, of whichever client wrote it: of the table, else from outside of this package.

    Raises FormatError.
    """
    candidates = chain(TABLE, _all_from_outside())
    # dhclient's own reader takes any text, and so the complaint about what nobody knows is dhclient's.
    return next((one for one in candidates if one.recognises(data)), DHCLIENT).parse(data, nic, written)


def interface_index(tree: Tree, nic: str) -> str | None:
    """The kernel's number of a NIC, as text; None where there is no such NIC, or no sysfs below the root."""
    try:
        text = read(tree.interface_index(nic), _MAX_INDEX_FILE)[0].strip()
    except Unreadable:
        return None
    return text.decode("ascii") if re.fullmatch(b"[1-9][0-9]{0,9}", text) else None
