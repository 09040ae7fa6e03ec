"""What TAB offers for a value: what is there right now, and nothing, silently, where that cannot be told.

Each of these is the `shell_complete` of an option or argument.  They read as the commands do, from the
same files under the same `--root` and `--ifs`, and load what they read with only when they are asked.

What they offer goes into somebody's command line, so it is made of characters that mean nothing to any
shell: a node's name is free text, and the files are on a file system that every node can write.
"""

import functools
import os
import re
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any

import click

from isi_net.errors import Error
from isi_net.model.names import DEFAULT_GROUPNET
from isi_net.store.tree import REPORT, Tree, number_in

if TYPE_CHECKING:
    from isi_net.model.network import Configuration

Completer = Callable[[click.Context, click.Parameter, str], list[str]]

_SAFE = r"[0-9a-zA-Z_][0-9a-zA-Z_.:,-]*"


def _live(find: Callable[[Tree, str], Iterable[str]]) -> Completer:
    """A completer that offers what `find` gives for what has been typed so far."""

    @functools.wraps(find)
    def complete(context: click.Context, _: click.Parameter, typed: str) -> list[str]:
        try:
            found = list(find(_tree(context), typed))
        except (Error, OSError):
            return []
        return [one for one in dict.fromkeys(found) if one.startswith(typed) and re.fullmatch(_SAFE, one)]

    return complete


def _tree(context: click.Context) -> Tree:
    """The tree of the command line so far: no callback ran, and no shell has expanded `~` and `$HOME`."""
    given = context.find_root().params
    root, ifs = (os.path.expandvars(os.path.expanduser(given[name])) for name in ("root", "ifs"))
    return Tree(root, ifs)


def _configuration(tree: Tree) -> "Configuration":
    from isi_net.flexnet.published import load  # noqa: PLC0415 - and with it lxml

    return load(tree)


def _spelled(ids: Iterable[object], typed: str) -> list[str]:
    """The ids that go on from what was typed, spelled so: with `:` for `.`, or without their groupnet."""
    plain = typed.replace(":", ".")
    whole = [str(one) for one in ids]
    meant = [one for one in whole if one.startswith(plain)]
    if not meant:
        short = [one.removeprefix(f"{DEFAULT_GROUPNET}.") for one in whole]
        meant = [one for one in short if one.startswith(plain)]
    return [typed + one[len(plain) :] for one in meant]


def _one_more(known: Iterable[object], typed: str) -> list[str]:
    """The last entry of a list with commas, which does not stand in it yet."""
    before, comma, _ = typed.rpartition(",")
    return [f"{before}{comma}{one}" for one in known if str(one) not in before.split(",")]


@_live
def groupnets(tree: Tree, _: str) -> Iterable[str]:
    """The groupnets' ids."""
    return (one.name for one in _configuration(tree).groupnets)


@_live
def subnets(tree: Tree, typed: str) -> Iterable[str]:
    """The subnets' ids."""
    return _spelled((one for one, _ in _configuration(tree).subnets()), typed)


@_live
def subnet_names(tree: Tree, _: str) -> Iterable[str]:
    """The subnets' names, as a pool names one of its own groupnet."""
    return (one.subnet for one, _ in _configuration(tree).subnets())


@_live
def pools(tree: Tree, typed: str) -> Iterable[str]:
    """The pools' ids."""
    return _spelled((one for one, _ in _configuration(tree).pools()), typed)


@_live
def interfaces(tree: Tree, _: str) -> Iterable[str]:
    """This node's interfaces: those of its settings, and those that have a lease file which counts."""
    from isi_net.node.leases import node_leases  # noqa: PLC0415
    from isi_net.settings import load  # noqa: PLC0415

    return node_leases(tree, load(tree)).interfaces()


@_live
def ifaces(tree: Tree, typed: str) -> Iterable[str]:
    """Interfaces of all nodes, as many as one likes: `1:ext-1,2:ext-1`."""
    from isi_net.model.interface import LOOPBACK  # noqa: PLC0415
    from isi_net.model.network import Iface  # noqa: PLC0415
    from isi_net.reporter.inventory import read_all  # noqa: PLC0415

    configuration = _configuration(tree)
    known = {
        Iface(one.lnn, interface.name)
        for one in read_all(tree)[0]
        for interface in one.interfaces
        if interface.type != LOOPBACK
    }
    for _, pool in configuration.pools():
        known.update(pool.ifaces(configuration.lnns()))
    return _one_more(sorted(known), typed)


@_live
def nodes(tree: Tree, typed: str) -> Iterable[str]:
    """The nodes' LNNs, as many as one likes: `1,3`."""
    return _one_more(sorted(_configuration(tree).lnns().values()), typed)


@_live
def explainable(tree: Tree, typed: str) -> Iterable[str]:
    """Pools, nodes by LNN and by name, and, once one is begun, leased addresses."""
    configuration = _configuration(tree)
    yield from _spelled((one for one, _ in configuration.pools()), typed)
    for node in configuration.nodes:
        yield from (str(node.lnn), node.name)
    if typed:
        yield from (str(one.address) for _, pool in configuration.pools() for one in pool.assignments)


@_live
def devids(tree: Tree, _: str) -> Iterable[str]:
    """The devids of the nodes that have a report; none of them is read."""
    from isi_net.store.read import names  # noqa: PLC0415

    found = (number_in(name, REPORT) for name in names(tree.reports))
    return map(str, sorted(devid for devid in found if devid is not None))


@_live
def revisions(tree: Tree, _: str) -> Iterable[str]:
    """The revisions that are kept, the newest first."""
    from isi_net.store.revisions import numbers  # noqa: PLC0415

    return map(str, reversed(numbers(tree)))


def revisions_or_files(context: click.Context, parameter: click.Parameter, typed: str) -> Any:
    """The revisions that are kept, or else a file."""
    return revisions(context, parameter, typed) or click.Path().shell_complete(context, parameter, typed)


def directories(context: click.Context, parameter: click.Parameter, typed: str) -> Any:
    """Directories, which the shell itself finds."""
    return click.Path(file_okay=False).shell_complete(context, parameter, typed)


def words(known: Collection[str]) -> Completer:
    """Those of the API's own words."""

    def complete(_: click.Context, __: click.Parameter, typed: str) -> list[str]:
        return [one for one in known if one.startswith(typed)]

    return complete


def managers(_: click.Context, __: click.Parameter, typed: str) -> list[str]:
    """The external managers that there are."""
    from isi_net.model.network import CLOUDS, ON_PREMISES  # noqa: PLC0415

    return [one for one in (*sorted(CLOUDS), ON_PREMISES) if one.startswith(typed)]


@_live
def services(tree: Tree, _: str) -> Iterable[str]:
    """This node's services."""
    from isi_net import services  # noqa: PLC0415
    from isi_net.settings import load  # noqa: PLC0415

    return (one.name for one in services.services(tree, load(tree).interfaces))
