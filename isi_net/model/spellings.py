"""Ranges, routes, interfaces and switches as people type them; BadValue for what cannot be one.

10.1.1.5-10.1.1.9    a range; one address alone is a range of one
10.2.0.0/16-10.1.1.1 a static route
1-4:ext-1            an interface on several nodes
1,3-5                nodes
"""

import ipaddress
import re
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import TypeVar

from isi_net.errors import BadValue
from isi_net.model.addresses import IPAddress, why_no_destination
from isi_net.model.names import MAX_LNN, check_interface, check_lnn
from isi_net.model.network import Iface, Range, StaticRoute

Value = TypeVar("Value")
Nothing = TypeVar("Nothing")

_DOMAIN = re.compile(r"[0-9a-zA-Z_-]{1,63}(\.[0-9a-zA-Z_-]{1,63})*\.?")
_SWITCH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def parse_address(text: str) -> IPAddress:
    """An IPv4 or IPv6 address; one with a zone (`fe80::1%eth0`) means something on one node only."""
    try:
        if "%" in text:
            raise ValueError
        return ipaddress.ip_address(text.strip())
    except ValueError:
        raise BadValue(f"{text!r} is not an IP address", todo="write it as 10.1.1.5") from None


def parse_ipv4(text: str) -> IPv4Address:
    """An IPv4 address."""
    address = parse_address(text)
    if not isinstance(address, IPv4Address):
        raise BadValue(f"{text!r} is not an IPv4 address", todo="write it as 10.1.1.5")
    return address


def parse_range(text: str) -> Range:
    """`10.1.1.5-10.1.1.9`, or one address."""
    low_text, dash, high_text = text.partition("-")
    low = parse_address(low_text)
    high = parse_address(high_text) if dash else low
    if low.version != high.version:
        raise BadValue(f"the range {text!r} mixes IPv4 and IPv6", todo="write it as 10.1.1.5-10.1.1.9")
    if int(low) > int(high):
        raise BadValue(f"the range {text!r} is the wrong way round", todo=f"write {high}-{low}")
    return Range(low, high)


def parse_route(text: str) -> StaticRoute:
    """`10.2.0.0/16-10.1.1.1`: to that network by this gateway."""
    network_text, dash, gateway_text = text.partition("-")
    subnet_text, slash, length_text = network_text.partition("/")
    if not (dash and slash and length_text.isascii() and length_text.isdigit() and len(length_text) <= 3):
        raise BadValue(f"{text!r} is not a static route", todo="write it as 10.2.0.0/16-10.1.1.1")
    subnet, gateway, length = parse_address(subnet_text), parse_address(gateway_text), int(length_text)
    if subnet.version != gateway.version or length > subnet.max_prefixlen:
        raise BadValue(f"{text!r} is not a static route", todo="write it as 10.2.0.0/16-10.1.1.1")
    if why := why_no_destination(subnet, length):
        raise BadValue(why, todo="give the network's own address")
    return StaticRoute(subnet, length, gateway)


def parse_ifaces(text: str) -> tuple[Iface, ...]:
    """`3:ext-1`, or `1-4:ext-1` for one on each of several nodes."""
    nodes, colon, name = text.strip().partition(":")
    if not colon:
        raise BadValue(f"{text!r} is not an interface", todo="write it as 1:ext-1 or 1-4:ext-1")
    return tuple(Iface(lnn, check_interface(name)) for lnn in parse_lnns(nodes))


def parse_lnns(text: str) -> tuple[int, ...]:
    """`3`, or `3-5`: logical node numbers."""
    first, dash, last = text.strip().partition("-")
    numbers = (first, last) if dash else (first, first)
    if not all(one.isascii() and one.isdigit() and len(one) <= 6 for one in numbers):
        raise BadValue(f"{text!r} is not an LNN", todo="write it as 3 or 3-5")
    low, high = (check_lnn(int(one)) for one in numbers)
    if low > high or high > MAX_LNN:
        raise BadValue(f"the LNNs {text!r} are the wrong way round", todo=f"write {high}-{low}")
    return tuple(range(low, high + 1))


def parse_domain(text: str) -> str:
    """A domain's name, up to 253 characters (RFC 1035, section 2.3.4)."""
    if not (_DOMAIN.fullmatch(text) and len(text) <= 253):
        raise BadValue(f"{text!r} is not a domain", todo="write it as example.com")
    return text


def parse_number(low: int, high: int) -> Callable[[str], int]:
    """A reader of whole numbers from `low` to `high`."""

    def parse(text: str) -> int:
        if not (
            text.isascii() and text.isdigit() and len(text) <= len(str(high)) and low <= int(text) <= high
        ):
            raise BadValue(f"{text!r} is out of range", todo=f"use a number from {low} to {high}")
        return int(text)

    return parse


def parse_text(longest: int, least: int = 0) -> Callable[[str], str]:
    """A reader of printable text of `least` to `longest` characters."""

    def parse(text: str) -> str:
        if not least <= len(text) <= longest or not text.isprintable():
            raise BadValue(f"{text[:40]!r} is no text of {least} to {longest} printable characters")
        return text

    return parse


def or_nothing(parse: Callable[[str], Value], nothing: Nothing) -> Callable[[str], Value | Nothing]:
    """A reader that takes the empty text for `nothing`, and leaves the rest to `parse`."""
    return lambda text: parse(text) if text else nothing


def parse_switch(text: str) -> bool:
    """`true`, `false`, `yes` or `no`."""
    try:
        return _SWITCH[text.strip().lower()]
    except KeyError:
        raise BadValue(f"{text!r} is neither yes nor no", todo="write true, false, yes or no") from None
