"""The node's own settings: `<root>/etc/isi_net.toml`, as the administrator wrote it.

Every key is known here, with its meaning and its default; a key that is not is an error, because a
misspelt one would silently do nothing.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from isi_net.errors import BadValue, Error, FormatError, Unreadable
from isi_net.model.names import check_interface, check_lnn
from isi_net.model.network import AUTO, CLOUDS, ON_PREMISES, Node
from isi_net.store.read import read
from isi_net.store.tree import Tree

MAX_BYTES = 1 << 20
MANAGERS = (AUTO, *sorted(CLOUDS), ON_PREMISES)

POLL_INTERVAL_SECONDS = 1.0
DEADLINE_SECONDS = 10.0
_LEAST_POLL_INTERVAL = 0.01
# More than the patience with one file that is not there just now (store/read.py, 1.5 s): with less, each such
# wait would cost the role, and what ends a process that hangs would end every daemon in its first turn.
_LEAST_DEADLINE = 2.0
_MOST_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Settings:
    """What one node's file says.  `node` is None where it names none: then there can be no daemon.

    `interfaces` maps the cluster's name to the NIC's; `poll_interval` and `deadline` are in seconds.
    """

    node: Node | None = None
    interfaces: Mapping[str, str] = field(default_factory=dict)
    manager: str = AUTO
    client: str = AUTO
    source: str = AUTO
    poll_interval: float = POLL_INTERVAL_SECONDS
    deadline: float = DEADLINE_SECONDS


def load(tree: Tree) -> Settings:
    """The settings of the node at `tree`; the defaults where it has no file.

    Raises Unreadable, FormatError (not TOML) or BadValue (a key or value that cannot be), each naming
    the file.
    """
    import tomllib  # noqa: PLC0415 - 12 ms that a command which needs no settings does not pay

    path = tree.settings
    if not os.path.lexists(path):
        return Settings()
    data, _ = read(path, MAX_BYTES)
    try:
        document = tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:  # a number too long, brackets too deep: not TOML of ours
        raise FormatError(f"not TOML: {error}", path, "correct it: man 5 isi_net.toml") from error
    try:
        return _settings(document)
    except Error as error:
        raise BadValue(error.what, f"{error.where} in {path}".strip(), error.todo) from error


def node_of(settings: Settings, tree: Tree) -> Node:
    """The node that the settings name; Unreadable where they name none."""
    if settings.node is None:
        raise Unreadable(
            "this node has no number", tree.settings, "write [node] devid, lnn and name: man 5 isi_net.toml"
        )
    return settings.node


def _settings(document: dict[str, Any]) -> Settings:
    known = {"node", "interfaces", "dhcp", "daemon"}
    _check_keys(document, known, "")
    node = _table(document, "node", {"devid", "lnn", "name"})
    dhcp = _table(document, "dhcp", {"manager", "client", "source"})
    daemon = _table(document, "daemon", {"poll_interval", "deadline"})
    return Settings(
        node=_node(node) if node else None,
        interfaces=_interfaces(_table(document, "interfaces", None)),
        manager=_one_of(dhcp, "manager", MANAGERS),
        client=_client(dhcp),
        source=_source(dhcp),
        poll_interval=_seconds(daemon, "poll_interval", POLL_INTERVAL_SECONDS, _LEAST_POLL_INTERVAL),
        deadline=_seconds(daemon, "deadline", DEADLINE_SECONDS, _LEAST_DEADLINE),
    )


def _interfaces(table: dict[str, Any]) -> dict[str, str]:
    """Each interface's NIC, which is no other one's: its lease would be both's."""
    names: dict[str, str] = {}  # by their NICs
    for name in table:
        nic = check_interface(_text(table, "interfaces", name))
        first = names.setdefault(nic, check_interface(name))
        if first != name:
            what = f"the NIC {nic} is that of {first} already"
            raise BadValue(what, f"[interfaces] {name}", "give each interface a NIC of its own")
    return {name: nic for nic, name in names.items()}


def _node(table: dict[str, Any]) -> Node:
    devid = _whole(table, "devid")
    lnn = _whole(table, "lnn") if "lnn" in table else devid
    name = _text(table, "node", "name") if "name" in table else f"node{lnn}"
    if not 1 <= len(name) <= 255 or not name.isprintable():
        raise BadValue(f"{name!r} is not a node's name", "[node] name", "use 1 to 255 printable characters")
    return Node(check_lnn(devid, "devid"), check_lnn(lnn), name)


def _check_keys(table: dict[str, Any], known: set[str], where: str) -> None:
    for key in table:
        if key not in known:
            raise BadValue(f"unknown key {key!r}", where, f"the known ones are {', '.join(sorted(known))}")


def _table(document: dict[str, Any], name: str, known: set[str] | None) -> dict[str, Any]:
    table = document.get(name, {})
    if not isinstance(table, dict):
        raise BadValue(f"{name!r} is not a table", "", f"write it as [{name}]")
    if known is not None:
        _check_keys(table, known, f"[{name}]")
    return table


def _whole(table: dict[str, Any], key: str) -> int:
    value = table.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadValue(
            "missing" if value is None else f"{value!r} is not a number", f"[node] {key}", "write a number"
        )
    return value


def _text(table: dict[str, Any], section: str, key: str) -> str:
    value = table[key]
    if not isinstance(value, str):
        raise BadValue(f"{value!r} is not a string", f"[{section}] {key}", "put it in quotes")
    return value


def _one_of(table: dict[str, Any], key: str, words: tuple[str, ...]) -> str:
    value = table.get(key, words[0])
    if value not in words:
        raise BadValue(f"{value!r} is unknown", f"[dhcp] {key}", f"use one of {', '.join(words)}")
    return str(value)


def _client(table: dict[str, Any]) -> str:
    """A kind of client that can be run, or none."""
    if table.get("client", AUTO) == AUTO:
        return AUTO
    from isi_net.dhcp.clients import WORDS  # noqa: PLC0415 - a command that runs no client does not pay for it

    return _one_of(table, "client", WORDS)


def _source(table: dict[str, Any]) -> str:
    """A source of the table, or one from outside this package."""
    value = table.get("source", AUTO)
    if value == AUTO:
        return AUTO
    if not isinstance(value, str):
        raise BadValue(f"{value!r} is not a string", "[dhcp] source", "put it in quotes")
    from isi_net.dhcp import sources  # noqa: PLC0415 - a command that reads no lease does not pay for it

    try:
        sources.chosen(value)
    except BadValue as error:
        raise BadValue(error.what, "[dhcp] source", error.todo) from error
    return value


def _seconds(table: dict[str, Any], key: str, default: float, least: float) -> float:
    value = table.get(key, default)
    if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= _MOST_SECONDS:
        what = f"{value!r} is not a time from {least:g} to {_MOST_SECONDS} s"
        raise BadValue(what, f"[daemon] {key}", "write seconds: man 5 isi_net.toml")
    return float(value)
