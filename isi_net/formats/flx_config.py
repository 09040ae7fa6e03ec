"""flx_config.xml: the whole network configuration as XML, and the only file of the house that knows lxml.

The tables below are the format: each element's attributes in the order in which they are written, and
how each is read.  flx_config.rng says the same to other programs, in RELAX NG, and is stricter: it bounds
what Python would take (an MTU of 3), and wants every attribute that has a value.  `parse` is strict
itself and leaves the schema alone, since it reads at every turn of the merger; only when it meets
something that it can not read does it ask the schema which rule that breaks.  `validate` is for files that
people edit, and `render_checked` for what is about to be published.

Schema 1 is what releases before 9.7 wrote.  It has no settings of the cluster, is read as a configuration
whose upgrade is not committed, and is written for one; schema 2 is for all others.

The file is on a file system that every node can write, so it is not trusted: no DOCTYPE, hence no
entities; no network; libxml2's own limits on depth and size.  Opens nothing but its own schema.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache, cached_property, lru_cache
from ipaddress import IPv6Address
from typing import Any, get_args

from lxml import etree

from isi_net.errors import BadValue, FormatError, NewerSchema
from isi_net.formats import times
from isi_net.model.addresses import QUAD, IPAddress, ipv4, spelled, why_no_destination
from isi_net.model.names import INTERFACE, check_interface, check_lnn, check_name
from isi_net.model.network import (
    EARLIER,
    MAX_PRIORITY,
    MIN_PRIORITY,
    AddrFamily,
    AggregationMode,
    AllocMethod,
    Assignment,
    Balancing,
    ClusterSettings,
    Configuration,
    GivenAddress,
    Groupnet,
    Iface,
    Node,
    Pool,
    Range,
    RebalancePolicy,
    StaticRoute,
    Subnet,
)

SCHEMA, SCHEMA_BEFORE = 2, 1
MAX = 64 * 1024 * 1024
_HEAD_BYTES = 8192
NAME = "flx_config.xml"
NAME_OF_SCHEMA, NAME_OF_SCHEMA_BEFORE = "flx_config.rng", "flx_config-1.rng"

_MAX_DEVID = 2**31 - 1
_NODES = 1 << 15  # more than a cluster has: what is read of them is read at every publication
_MAX_DIGITS = 18
_RELEASE = re.compile(r"[0-9]{1,5}(?:\.[0-9]{1,5}){1,3}", re.ASCII)

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}


class _Unread(Exception):
    """Something that parse() can not read: what, and on which line."""

    def __init__(self, element: etree._Element, what: str) -> None:
        super().__init__(what)
        self.line: int = element.sourceline or 0  # type: ignore[assignment]  # lxml-stubs leaves it open


# How attributes are read: each of these gives the value, or raises ValueError or BadValue.

Reader = Callable[[str], Any]


def _number(text: str) -> int:
    """Digits and nothing else: int() would take `+5`, ` 5 `, `1_000` and the digits of other scripts."""
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
        raise ValueError(f"{text!r} is not a number")
    return int(text)


def _id(text: str) -> int:
    if (number := _number(text)) < 1:
        raise ValueError("0 is not an id")
    return number


def _priority(text: str) -> int:
    if not MIN_PRIORITY <= (number := _number(text)) <= MAX_PRIORITY:
        raise ValueError(f"{text} is not {MIN_PRIORITY} to {MAX_PRIORITY}")
    return number


@lru_cache(maxsize=_NODES)
def _devid(text: str) -> int:
    if (number := _id(text)) > _MAX_DEVID:
        raise ValueError(f"{text} is not a devid")
    return number


@lru_cache(maxsize=_NODES)
def _lnn(text: str) -> int:
    return check_lnn(_number(text))


def _boolean(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError(f"{text!r} is neither true nor false")
    return text == "true"


def _one_of(*words: str) -> Reader:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"{text!r} is not {' or '.join(words)}")
        return text

    return read


def _ip(text: str) -> IPAddress:
    return _ipv6(text) if ":" in text else ipv4(text)


@lru_cache(maxsize=1024)
def _ipv6(text: str) -> IPv6Address:
    if "%" in text:
        raise ValueError(f"{text!r} has a zone, which means something on one node only")
    return IPv6Address(text)


def _release(text: str) -> str:
    if not (_RELEASE.fullmatch(text) and ClusterSettings(text).committed):
        raise ValueError(f"{text!r} is no release that has settings: 9.7 is the first")
    return text


_name: Reader = check_name
_interface: Reader = lru_cache(maxsize=1024)(check_interface)
_text: Reader = str

# The format.


@dataclass(frozen=True)
class _Kind:
    """A kind of element: its attributes in the order in which they are written, and its children's tags.

    `optional` attributes have a default in the model, which stands where a file leaves them out.  `many` is
    the model's class, of a kind of which there are thousands that mostly say what stands there anyway.
    """

    tag: str
    needed: Mapping[str, Reader]
    optional: Mapping[str, Reader] = field(default_factory=dict)
    children: tuple[str, ...] = ()
    many: type | None = None

    @cached_property
    def readers(self) -> Mapping[str, Reader]:
        return {**self.needed, **self.optional}

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset(self.needed)

    @cached_property
    def defaults(self) -> frozenset[tuple[str, str]]:
        """The optional attributes of `many`, as the defaults are written: nobody need read them."""
        known = () if self.many is None else fields(self.many)
        return frozenset(
            (one.name, str(one.default).lower() if isinstance(one.default, bool) else str(one.default))
            for one in known
            if one.name in self.optional and one.default is not None
        )


_FLX_CONFIG = _Kind(
    "flx_config",
    needed={"schema": _one_of("1", "2"), "revision": _number, "term": _number, "published": times.parse},
    optional={"author": _text, "change": _text, "next_number": _number},
    children=("settings", "node", "groupnet"),
)
_SETTINGS = _Kind(
    "settings", needed={"release": _release}, optional={"on_premises_dhcp": _boolean, "sbr": _boolean}
)
_NODE = _Kind("node", needed={"devid": _devid, "lnn": _lnn, "name": _text})
_GROUPNET = _Kind(
    "groupnet",
    needed={"number": _id, "name": _name},
    optional={"description": _text, "dns_cache_enabled": _boolean, "next_number": _number},
    children=("dns_server", "dns_search", "dns_option", "subnet"),
)
_DNS_SERVER = _Kind("dns_server", needed={"address": _ip})
_DNS_SEARCH = _Kind("dns_search", needed={"domain": _text})
_DNS_OPTION = _Kind("dns_option", needed={"value": _text})
_SUBNET = _Kind(
    "subnet",
    needed={
        "number": _id,
        "name": _name,
        "addr_family": _one_of(*get_args(AddrFamily)),
        "prefixlen": _number,
    },
    optional={
        "base_addr": _ip,
        "gateway": _ip,
        "gateway_priority": _priority,
        "mtu": _number,
        "vlan_enabled": _boolean,
        "vlan_id": _number,
        "description": _text,
        "sc_service_name": _text,
        "next_number": _number,
    },
    children=("sc_service_addr", "dhcp_server", "pool"),
)
_SC_SERVICE_ADDR = _Kind("sc_service_addr", needed={"low": _ip, "high": _ip})
_DHCP_SERVER = _Kind("dhcp_server", needed={"address": ipv4})
_POOL = _Kind(
    "pool",
    needed={"number": _id, "name": _name},
    optional={
        "alloc_method": _one_of(*get_args(AllocMethod)),
        "external_manager": _text,
        "description": _text,
        "access_zone": _text,
        "aggregation_mode": _one_of(*get_args(AggregationMode)),
        "firewall_policy": _text,
        "rebalance_policy": _one_of(*get_args(RebalancePolicy)),
        "sc_connect_policy": _one_of(*get_args(Balancing)),
        "sc_failover_policy": _one_of(*get_args(Balancing)),
        "sc_dns_zone": _text,
        "sc_subnet": _text,
        "sc_ttl": _number,
        "nfsv3_rroce_only": _boolean,
        "ipv6_perform_dad": _boolean,
    },
    children=("iface", "range", "static_route", "rule", "sc_dns_zone_alias", "sc_suspended_node"),
    many=Pool,
)
_IFACE = _Kind("iface", needed={"lnn": _lnn, "name": _interface}, optional={"address": _ip})
_MANUAL = _Kind("range", needed={"low": _ip, "high": _ip, "origin": _one_of("manual")})
_LEASED = _Kind(
    "range",
    needed={
        "low": ipv4,
        "high": ipv4,
        "origin": _one_of("leased"),
        "devid": _devid,
        "interface": _interface,
    },
    optional={"server": ipv4},
)
_STATIC_ROUTE = _Kind("static_route", needed={"subnet": _ip, "prefixlen": _number, "gateway": _ip})
_RULE = _Kind("rule", needed={"name": _text})
_SC_DNS_ZONE_ALIAS = _Kind("sc_dns_zone_alias", needed={"name": _text})
_SC_SUSPENDED_NODE = _Kind("sc_suspended_node", needed={"lnn": _lnn})


# Bytes to values.


def parse(data: bytes, name: str = NAME) -> Configuration:
    """The configuration that `data` holds; else NewerSchema, or FormatError with line and reason."""
    return _parsed(_root(data, name), name)


def _parsed(root: etree._Element, name: str) -> Configuration:
    try:
        return _configuration(root)
    except _Unread as why:
        # Two voices: ours knows the value, the schema's knows the rule.
        rules = [rule for line, rule in _broken_rules(root) if line == why.line]
        what = f"{why} ({_schema_of(root)}: {rules[0]})" if rules else str(why)
        raise FormatError(what, name, line=why.line) from None


def head(data: bytes, name: str = NAME) -> Configuration:
    """The configuration's own facts (revision, term, when, who, what changed) without network and settings.

    For the history of many revisions: only the beginning of `data` is read.
    """
    parser: Any = etree.XMLPullParser(
        events=("start",), resolve_entities=False, no_network=True, load_dtd=False
    )
    try:
        parser.feed(data[:_HEAD_BYTES])
        _, root = next(iter(parser.read_events()))
    except (etree.XMLSyntaxError, StopIteration):
        raise FormatError("not XML", name) from None
    _check_schema(root, name)
    try:
        values = _values(root, _FLX_CONFIG)
    except _Unread as why:
        raise FormatError(str(why), name, line=why.line) from None
    del values["schema"]
    return Configuration(**values)


def validate(data: bytes, name: str = NAME) -> None:
    """FormatError, with the line and the rule, when `data` is not what the RELAX NG schema describes."""
    _validate(_root(data, name), name)


def _validate(root: etree._Element, name: str) -> None:
    for line, rule in _broken_rules(root):
        raise FormatError(f"{rule} ({_schema_of(root)})", name, line=line)


def render_checked(configuration: Configuration, name: str = NAME) -> bytes:
    """As `render`; FormatError where `parse` or `validate` would raise it for what comes of that.

    Of the lines of nodes and of leased ranges, which there may be any number of in any order, neither is
    asked about those that both are sure to let pass: libxml2 needs 20 us for a leased range, a regular
    expression half of one.  A property test holds that the verdict is the same.
    """
    data = render(configuration)
    _check_size(data, name)
    root = _root(_plain_line().sub(b"", data), name)
    _parsed(root, name)
    _validate(root, name)
    return data


@cache  # only who publishes needs it
def _plain_line() -> re.Pattern[bytes]:
    """A node or a leased range as most of them are: narrower than `parse` and the schema, never wider."""
    devid, lnn, name = "[1-9][0-9]{0,8}", "[1-9][0-9]{0,3}", "[ !#-%'-;=?-~]{0,255}"
    node = f'  <node devid="{devid}" lnn="{lnn}" name="{name}"/>'
    leased = (
        f'        <range low="({QUAD})" high="\\1" origin="leased" '
        f'devid="{devid}" interface="{INTERFACE}"(?: server="{QUAD}")?/>'
    )
    return re.compile(f"^(?:{node}|{leased})$".encode(), re.MULTILINE)


def _root(data: bytes, name: str) -> etree._Element:
    """The root element of `data`, of a schema that this program knows."""
    _check_size(data, name)
    # The parser below reads UTF-8 and nothing else, so a DOCTYPE has no second spelling.
    if (place := data.find(b"<!DOCTYPE")) != -1:
        line = 1 + data.count(b"\n", 0, place)
        raise FormatError("a DOCTYPE has no place in this file", name, line=line)
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as why:
        raise FormatError(f"not XML: {why.msg}", name, line=why.lineno or 0) from None
    _check_schema(root, name)
    return root


def _check_size(data: bytes, name: str) -> None:
    if len(data) > MAX:
        raise FormatError(f"{len(data)} bytes are more than the {MAX} that this file may have", name)


def _check_schema(root: etree._Element, name: str) -> None:
    schema = root.get("schema", "")
    if schema.isascii() and schema.isdigit() and len(schema) <= _MAX_DIGITS and int(schema) > SCHEMA:
        raise NewerSchema(
            f"schema {schema} is newer than this program's {SCHEMA}", name, "upgrade isi_net on this node"
        )


def _schema_of(root: etree._Element) -> str:
    return NAME_OF_SCHEMA_BEFORE if root.get("schema") == str(SCHEMA_BEFORE) else NAME_OF_SCHEMA


@cache
def _schema(name: str) -> etree.RelaxNG:
    return etree.RelaxNG(file=os.path.join(os.path.dirname(__file__), name))


def _broken_rules(root: etree._Element) -> list[tuple[int, str]]:
    """What the schema says against this document, with the lines; 0 where libxml2 has forgotten, and last."""
    schema = _schema(_schema_of(root))
    if schema.validate(root):
        return []
    rules = [(entry.line, entry.message) for entry in schema.error_log]
    return sorted(rules, key=lambda rule: rule[0] == 0) or [(0, "not valid")]


def _configuration(root: etree._Element) -> Configuration:
    if root.tag != _FLX_CONFIG.tag:
        raise _Unread(root, f"<{root.tag}> is not <{_FLX_CONFIG.tag}>")
    if stray := _stray_text(root):
        raise _Unread(root, f"text between the elements: {stray[:32]!r}")
    values = _values(root, _FLX_CONFIG)
    if values.pop("schema") == str(SCHEMA_BEFORE):
        for iface in root.iter(_IFACE.tag):
            if "address" in iface.attrib:
                raise _Unread(iface, f"address of <{_IFACE.tag}> has no place in schema {SCHEMA_BEFORE}")
    children = _children(root, _FLX_CONFIG)
    return Configuration(
        **values,
        settings=_settings(root, children.get("settings", [])),
        nodes=tuple(Node(**_values(one, _NODE)) for one in children.get("node", ())),
        groupnets=tuple(map(_groupnet, children.get("groupnet", ()))),
    )


def _settings(root: etree._Element, found: list[etree._Element]) -> ClusterSettings:
    """The settings, which schema 2 has once, and schema 1 not at all."""
    if root.get("schema") == str(SCHEMA_BEFORE):
        if found:
            raise _Unread(found[0], f"<{_SETTINGS.tag}> has no place in schema {SCHEMA_BEFORE}")
        return EARLIER
    if len(found) != 1:
        raise _Unread(found[1] if found else root, f"<{_FLX_CONFIG.tag}> has one <{_SETTINGS.tag}>")
    return ClusterSettings(**_values(found[0], _SETTINGS))


def _stray_text(root: etree._Element) -> str:
    return str(root.xpath("normalize-space()"))


# What stands inside a groupnet, subnet or pool: how all elements of a tag are read, as fields of the model.

_Inside = Callable[[list[etree._Element]], dict[str, Any]]


def _groupnet(element: etree._Element) -> Groupnet:
    return Groupnet(**_told(element, _GROUPNET))


def _subnet(element: etree._Element) -> Subnet:
    subnet = Subnet(**_told(element, _SUBNET))
    version, bits = (4, 32) if subnet.addr_family == "ipv4" else (6, 128)
    if subnet.prefixlen > bits:
        raise _Unread(element, f"{subnet.prefixlen} is no prefix length of {subnet.addr_family}")
    ranges = (*subnet.sc_service_addrs, *(one for pool in subnet.pools for one in pool.manual_ranges))
    given = (one.address for pool in subnet.pools for one in pool.addresses)
    for address in (subnet.base_addr, subnet.gateway, *(one.low for one in ranges), *given):
        if address is not None and address.version != version:
            raise _Unread(element, f"{address} in an {subnet.addr_family} subnet")
    return subnet


def _pool(element: etree._Element) -> Pool:
    return Pool(**_told(element, _POOL))


def _ifaces_of_pool(elements: list[etree._Element]) -> dict[str, Any]:
    ifaces, addresses = [], []
    for element in elements:
        values = _values(element, _IFACE)
        ifaces.append(iface := Iface(values["lnn"], values["name"]))
        if "address" in values:
            addresses.append(GivenAddress(iface, values["address"]))
    return {"manual_ifaces": tuple(ifaces), "addresses": tuple(addresses)}


def _ranges_of_pool(elements: list[etree._Element]) -> dict[str, Any]:
    manual, leased = [], []
    for element in elements:
        if element.get("origin") == "leased":
            leased.append(_assignment(element))
        else:
            manual.append(_range(element, _MANUAL))
    return {"manual_ranges": tuple(manual), "assignments": tuple(leased)}


def _range(element: etree._Element, kind: _Kind) -> Range:
    values = _values(element, kind)
    low, high = values["low"], values["high"]
    if low.version != high.version or int(low) > int(high):
        raise _Unread(element, f"{low}-{high} is not a range")
    return Range(low, high)


def _assignment(element: etree._Element) -> Assignment:
    values = _values(element, _LEASED)
    if values["low"] != values["high"]:
        raise _Unread(element, "a leased range is one address, but low and high differ")
    return Assignment(values["low"], values["devid"], values["interface"], values.get("server"))


def _static_route(element: etree._Element) -> StaticRoute:
    route = StaticRoute(**_values(element, _STATIC_ROUTE))
    if route.subnet.version != route.gateway.version:
        raise _Unread(element, f"{route} is not a route")
    if why := why_no_destination(route.subnet, route.prefixlen):
        raise _Unread(element, f"{route} is not a route: {why}")
    return route


def _each(name: str, read: Callable[[etree._Element], Any]) -> _Inside:
    """Reads elements as the field `name` of the model, one by one."""
    return lambda elements: {name: tuple(map(read, elements))}


def _only(kind: _Kind) -> Callable[[etree._Element], Any]:
    """Reads an element that is its one attribute."""
    (name,) = kind.needed
    return lambda element: _values(element, kind)[name]


_INSIDE: Mapping[str, _Inside] = {
    "dns_server": _each("dns_servers", _only(_DNS_SERVER)),
    "dns_search": _each("dns_search", _only(_DNS_SEARCH)),
    "dns_option": _each("dns_options", _only(_DNS_OPTION)),
    "subnet": _each("subnets", _subnet),
    "sc_service_addr": _each("sc_service_addrs", lambda one: _range(one, _SC_SERVICE_ADDR)),
    "dhcp_server": _each("dhcp_servers", _only(_DHCP_SERVER)),
    "pool": _each("pools", _pool),
    "iface": _ifaces_of_pool,
    "range": _ranges_of_pool,
    "static_route": _each("static_routes", _static_route),
    "rule": _each("rules", _only(_RULE)),
    "sc_dns_zone_alias": _each("sc_dns_zone_aliases", _only(_SC_DNS_ZONE_ALIAS)),
    "sc_suspended_node": _each("sc_suspended_nodes", _only(_SC_SUSPENDED_NODE)),
}


def _told(element: etree._Element, kind: _Kind) -> dict[str, Any]:
    """What `element` says, attributes and children, as fields of the model; the others are defaults."""
    children = _children(element, kind)
    told = _values(element, kind)
    for tag, those in children.items():
        told.update(_INSIDE[tag](those))
    return told


def _values(element: etree._Element, kind: _Kind) -> dict[str, Any]:
    """The attributes of `element`, read; without those of the kind's `defaults`."""
    readers, attributes = kind.readers, _attributes(element)
    if defaults := kind.defaults:
        attributes = [one for one in attributes if one not in defaults]
    try:
        values = {name: readers[name](text) for name, text in attributes}
    except (KeyError, ValueError, BadValue):
        raise _unread(element, kind) from None
    if missing := kind.names - values.keys():
        raise _Unread(element, f"<{kind.tag}> lacks {', '.join(sorted(missing))}")
    if not kind.children and len(element):
        raise _Unread(element[0], f"<{kind.tag}> has nothing inside")
    return values


def _attributes(element: etree._Element) -> list[tuple[str, str]]:
    return element.items()  # type: ignore[return-value]  # lxml-stubs has bytes there as well


def _unread(element: etree._Element, kind: _Kind) -> _Unread:
    """What is wrong with the first attribute of `element` that cannot be read."""
    for name, text in _attributes(element):
        if name not in kind.readers:
            return _Unread(element, f"<{kind.tag}> has no attribute {name!r}")
        try:
            kind.readers[name](text)
        except (ValueError, BadValue) as why:
            return _Unread(element, f"{name} of <{kind.tag}>: {why}")
    raise AssertionError("every attribute can be read")


def _children(element: etree._Element, kind: _Kind) -> dict[str, list[etree._Element]]:
    """The children of `element` by their tags, of which there are those that occur."""
    children: dict[str, list[etree._Element]] = {}
    for child in element:
        if (those := children.get(child.tag)) is None:
            if child.tag not in kind.children:
                raise _Unread(child, f"<{child.tag}> has no place in <{kind.tag}>")
            those = children[child.tag] = []
        those.append(child)
    return children


# Values to bytes.  Text is built here and not by lxml, which takes twice as long for ten thousand addresses;
# a property test holds that all of it parses and keeps the schema.


def render(configuration: Configuration) -> bytes:
    """`configuration` as bytes: one element a line, in an order that depends on nothing else."""
    settings = configuration.settings
    schema = SCHEMA if settings.committed else SCHEMA_BEFORE
    children = (
        *((_element(1, _SETTINGS, _fields(settings, _SETTINGS)),) if settings.committed else ()),
        *map(_rendered_node, configuration.nodes),
        *(_rendered_groupnet(one) for one in configuration.groupnets),
    )
    published = times.render(configuration.published)
    values = _fields(configuration, _FLX_CONFIG, schema=schema, published=published)
    text = "<?xml version='1.0' encoding='UTF-8'?>\n" + _element(0, _FLX_CONFIG, values, children)
    return text.encode()


def _rendered_groupnet(groupnet: Groupnet) -> str:
    return _element(
        1,
        _GROUPNET,
        _fields(groupnet, _GROUPNET),
        (
            *(_element(2, _DNS_SERVER, {"address": one}) for one in groupnet.dns_servers),
            *(_element(2, _DNS_SEARCH, {"domain": one}) for one in groupnet.dns_search),
            *(_element(2, _DNS_OPTION, {"value": one}) for one in groupnet.dns_options),
            *(_rendered_subnet(one) for one in groupnet.subnets),
        ),
    )


def _rendered_subnet(subnet: Subnet) -> str:
    return _element(
        2,
        _SUBNET,
        _fields(subnet, _SUBNET),
        (
            *(_element(3, _SC_SERVICE_ADDR, one._asdict()) for one in subnet.sc_service_addrs),
            *(_element(3, _DHCP_SERVER, {"address": one}) for one in subnet.dhcp_servers),
            *(_rendered_pool(one) for one in subnet.pools),
        ),
    )


def _rendered_pool(pool: Pool) -> str:
    addresses = {one.iface: one.address for one in pool.addresses}
    ifaces = ({**one._asdict(), "address": addresses.get(one)} for one in pool.manual_ifaces)
    return _element(
        3,
        _POOL,
        _fields(pool, _POOL),
        (
            *(_element(4, _IFACE, one) for one in ifaces),
            *(_element(4, _MANUAL, {**one._asdict(), "origin": "manual"}) for one in pool.manual_ranges),
            *map(_rendered_assignment, pool.assignments),
            *(_element(4, _STATIC_ROUTE, one._asdict()) for one in pool.static_routes),
            *(_element(4, _RULE, {"name": one}) for one in pool.rules),
            *(_element(4, _SC_DNS_ZONE_ALIAS, {"name": one}) for one in pool.sc_dns_zone_aliases),
            *(_element(4, _SC_SUSPENDED_NODE, {"lnn": one}) for one in pool.sc_suspended_nodes),
        ),
    )


# The two of which there are ten thousand are written without their tables, in an eighth of the time.


def _rendered_node(one: Node) -> str:
    return f'  <node devid="{one.devid}" lnn="{one.lnn}" name="{_short(one.name)}"/>\n'


def _rendered_assignment(one: Assignment) -> str:
    address = spelled(one.address)
    server = "" if one.server is None else f' server="{spelled(one.server)}"'
    return (
        f'        <range low="{address}" high="{address}" origin="leased" '
        f'devid="{one.devid}" interface="{_short(one.interface)}"{server}/>\n'
    )


def _fields(thing: object, kind: _Kind, **given: object) -> dict[str, object]:
    """The fields of `thing` that are attributes of `kind`; `given` are those that it has otherwise."""
    return {name: given[name] if name in given else getattr(thing, name) for name in kind.readers}


def _element(depth: int, kind: _Kind, values: Mapping[str, object], children: Iterable[str] = ()) -> str:
    """One element and what is inside it, each on its own line; an attribute that is None is left out."""
    margin = "  " * depth
    attributes = "".join(
        f' {name}="{_text_of(value)}"' for name, value in values.items() if value is not None
    )
    inside = "".join(children)
    if not inside:
        return f"{margin}<{kind.tag}{attributes}/>\n"
    return f"{margin}<{kind.tag}{attributes}>\n{inside}{margin}</{kind.tag}>\n"


@cache  # 2 ms, which a command that only reads does not pay
def _special() -> re.Pattern[str]:
    """What XML 1.0 can not carry in an attribute as it stands, or (the second half) at all."""
    return re.compile('[&<>"\t\n\r]|[^ -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]')


def _text_of(value: object) -> str:
    if isinstance(value, str):
        return _escaped(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _escaped(text: str) -> str:
    return _special().sub(lambda found: _ESCAPES.get(found[0], "\ufffd"), text)


# For names, which are short: what is kept of them is little.
_short = lru_cache(maxsize=_NODES)(_escaped)
