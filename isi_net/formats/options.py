"""DHCP's options, in the names and the text that ISC dhclient gives them, and a lease made out of them.

Each client keeps its options its own way: raw bytes, words with blanks, numbers in JSON.  Their formats
bring them all into dhclient's text (RFC 2132's options under the names of dhcp-options(5)), so that a lease
looks the same whoever kept it, and so that one place reads a lease's fields from their text.  dhclient.py
reads the raw text of its own files, where a string may hold anything, and shares with this room what the
values may be: `mask_bits`, `plausible_mtu`, `default_routers`.

Whatever the text is, the answer is a Lease: what cannot be read is not used, and a finding says so.
"""

from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Address
from typing import TypeVar

from isi_net.model.finding import Finding
from isi_net.model.lease import Lease

# The code of the note that a client's file does not tell when its lease ends: then `expire` is None as if
# it were never.
EXPIRY_UNKNOWN = "expiry_unknown"
INFINITE = 0xFFFFFFFF  # RFC 2131, section 3.3

ERROR = "<error>"  # what dhclient writes for a value of an impossible length
LEASE_TIME, MESSAGE_TYPE, OVERLOAD, RENEWAL_TIME, REBINDING_TIME = 51, 53, 52, 58, 59
ROUTES = 121
ROUTES_NAME = "rfc3442-classless-static-routes"

_MAX_NAMES = 64
_MAX_NAME = 255
_MAX_QUOTE = 60

_Value = TypeVar("_Value")


def unknown_expiry(client: str) -> Finding:
    """The note that `client`'s file does not tell when its lease ends."""
    return Finding(
        "expire",
        EXPIRY_UNKNOWN,
        "info",
        f"{client} does not write down when the lease ends: it counts as never",
    )


def cut_off(what: str) -> Finding:
    """The finding that a file ends before it should."""
    return Finding("end of file", "file_cut_off", "warning", f"the file ends within {what}; that is left out")


# Bytes -> text.


def said(code: int, value: bytes) -> tuple[str, str]:
    """The name of option `code`, and `value` as dhclient writes it, strings unquoted."""
    name, text = _KNOWN.get(code, (f"unknown-{code}", raw))
    return name, text(value)


def string(value: bytes) -> str:
    """NVT ASCII by RFC 2132, any bytes in truth; one NUL at the end is no part of it."""
    return value.removesuffix(b"\0").decode("utf-8", "backslashreplace")


def raw(value: bytes) -> str:
    """`a8:3f:1`, or text when all of it is printable."""
    printable = value.removesuffix(b"\0")
    if printable and all(32 <= byte < 127 for byte in printable):
        return printable.decode("ascii")
    return ":".join(f"{byte:x}" for byte in value)


def _decimals(value: bytes) -> str:
    return ",".join(map(str, value)) or ERROR


def _address_text(value: bytes) -> str:
    return str(IPv4Address(value[:4])) if len(value) >= 4 else ERROR


def _addresses_text(value: bytes) -> str:
    if not value or len(value) % 4:
        return ERROR
    return ",".join(str(IPv4Address(value[at : at + 4])) for at in range(0, len(value), 4))


def _pairs_text(value: bytes) -> str:
    if not value or len(value) % 8:
        return ERROR
    each = _addresses_text(value).split(",")
    return ",".join(f"{one} {other}" for one, other in zip(each[::2], each[1::2], strict=True))


def _number(size: int, *, signed: bool = False) -> Callable[[bytes], str]:
    def text(value: bytes) -> str:
        return str(int.from_bytes(value[:size], "big", signed=signed)) if len(value) >= size else ERROR

    return text


def _flag(value: bytes) -> str:
    return {b"\0": "false", b"\1": "true"}.get(value[:1], ERROR)


def _sizes(value: bytes) -> str:
    if not value or len(value) % 2:
        return ERROR
    return ",".join(str(int.from_bytes(value[at : at + 2], "big")) for at in range(0, len(value), 2))


def _domains(value: bytes) -> str:
    """RFC 3397: names as in RFC 1035, compressed within the option; each text ends in its root's dot."""
    found: list[str] = []
    here = 0
    while here < len(value):
        name, here = _domain(value, here)
        if not name or len(found) == _MAX_NAMES:
            return ERROR
        found.append(name)
    return ", ".join(found)


def _domain(value: bytes, here: int) -> tuple[str, int]:
    """The name at `here` and where the next one begins; no name when it is none.

    A pointer may only point before everything that was read of this name, so that following them ends.
    """
    labels: list[str] = []
    size, begin, after = 0, here, 0
    while here < len(value) and size <= _MAX_NAME:
        length = value[here]
        if length == 0:
            return "".join(labels) or ".", after or here + 1
        if length >= 0xC0 and here + 1 < len(value):
            to = (length & 0x3F) << 8 | value[here + 1]
            after = after or here + 2
            if to >= begin:
                break
            begin = here = to
        elif length < 64 and here + length < len(value):
            labels.append(_label(value[here + 1 : here + 1 + length]))
            here += 1 + length
            size += 1 + length
        else:
            break
    return "", len(value)


def _label(label: bytes) -> str:
    return (
        "".join(
            f"\\{byte:03}" if not 32 < byte < 127 else ("\\" if byte in b'.\\"' else "") + chr(byte)
            for byte in label
        )
        + "."
    )


def _names(text: Callable[[bytes], str], names: str) -> dict[int, tuple[str, Callable[[bytes], str]]]:
    """`1=subnet-mask 16=swap-server`, all of one kind."""
    return {int(code): (name, text) for code, name in (one.split("=") for one in names.split())}


# RFC 2132 and a few later ones, by dhcp-options(5).  What is not here is `unknown-N`, as in dhclient's file.
_KNOWN: Mapping[int, tuple[str, Callable[[bytes], str]]] = {
    **_names(
        _address_text,
        "1=subnet-mask 16=swap-server 28=broadcast-address 32=router-solicitation-address "
        "50=dhcp-requested-address 54=dhcp-server-identifier 118=subnet-selection",
    ),
    **_names(
        _addresses_text,
        "3=routers 4=time-servers 5=ien116-name-servers 6=domain-name-servers 7=log-servers 8=cookie-servers "
        "9=lpr-servers 10=impress-servers 11=resource-location-servers 41=nis-servers 42=ntp-servers "
        "44=netbios-name-servers 45=netbios-dd-server 48=font-servers 49=x-display-manager "
        "65=nisplus-servers 68=mobile-ip-home-agent 69=smtp-server 70=pop-server 71=nntp-server "
        "72=www-server 73=finger-server 74=irc-server 75=streettalk-server "
        "76=streettalk-directory-assistance-server 85=nds-servers 150=tftp-server-address",
    ),
    **_names(_pairs_text, "21=policy-filter 33=static-routes"),
    **_names(
        string,
        "12=host-name 14=merit-dump 15=domain-name 17=root-path 18=extensions-path 40=nis-domain "
        "47=netbios-scope 56=dhcp-message 62=nwip-domain 64=nisplus-domain 66=tftp-server-name "
        "67=bootfile-name 77=user-class 86=nds-tree-name 87=nds-context 98=uap-servers 100=pcode 101=tcode "
        "114=default-url 209=loader-configfile 210=loader-pathprefix",
    ),
    **_names(
        _flag,
        "19=ip-forwarding 20=non-local-source-routing 27=all-subnets-local 29=perform-mask-discovery "
        "30=mask-supplier 31=router-discovery 34=trailer-encapsulation 36=ieee802-3-encapsulation "
        "39=tcp-keepalive-garbage",
    ),
    **_names(
        _number(1),
        "23=default-ip-ttl 37=default-tcp-ttl 46=netbios-node-type 52=dhcp-option-overload "
        "53=dhcp-message-type 116=auto-config",
    ),
    **_names(_number(2), "13=boot-size 22=max-dgram-reassembly 26=interface-mtu 57=dhcp-max-message-size"),
    **_names(
        _number(4),
        "24=path-mtu-aging-timeout 35=arp-cache-timeout 38=tcp-keepalive-interval 51=dhcp-lease-time "
        "58=dhcp-renewal-time 59=dhcp-rebinding-time 91=client-last-transaction-time 108=v6-only-preferred",
    ),
    **_names(_number(4, signed=True), "2=time-offset"),
    **_names(_sizes, "25=path-mtu-plateau-table 117=name-service-search"),
    **_names(_decimals, f"55=dhcp-parameter-request-list {ROUTES}={ROUTES_NAME}"),
    **_names(_domains, "119=domain-search"),
    **_names(raw, "43=vendor-encapsulated-options 60=vendor-class-identifier 61=dhcp-client-identifier"),
}


# Other clients' words -> the same text.


def routes_text(routes: Iterable[tuple[str, str]]) -> str:
    """Routes, each `10.0.0.0/8` and its router, as option 121 has them (RFC 3442)."""
    code = bytearray()
    for destination, router in routes:
        network, _, length = destination.partition("/")
        to, through, prefixlen = address(network), address(router), _whole(length)
        if to is None or through is None or prefixlen is None or prefixlen > 32:
            return ERROR
        code += bytes((prefixlen, *to.packed[: (prefixlen + 7) // 8], *through.packed))
    return _decimals(bytes(code))


def search_text(domains: Iterable[str]) -> str:
    """Domains as option 119 has them: `a.example., b.example.`."""
    return ", ".join(domain if domain.endswith(".") else f"{domain}." for domain in domains)


# Text -> a lease.


def times(begin: int, seconds: int, options: Mapping[str, str]) -> tuple[int | None, int | None, int | None]:
    """When a lease of `seconds` since `begin` is to be renewed, rebound, and over: T1 and T2 as the server
    said, or RFC 2131's halves and eighths (section 4.4.5)."""
    if seconds >= INFINITE:
        return None, None, None
    second = _whole(options.get("dhcp-rebinding-time", ""))
    if second is None or second > seconds:
        second = seconds * 7 // 8
    first = _whole(options.get("dhcp-renewal-time", ""))
    if first is None or first > second:
        first = min(seconds // 2, second)
    return begin + first, begin + second, begin + seconds


def lease(
    interface: str,
    leased: IPv4Address,
    options: Iterable[tuple[str, str]],
    ends: tuple[int | None, int | None, int | None] = (None, None, None),
    problems: Iterable[Finding] = (),
) -> Lease:
    """The lease of `leased` with these options, no name twice, and with the times that `times` gives."""
    texts = tuple(options)
    said = dict(texts)
    found = list(problems)

    def option(name: str, read: Callable[[str], _Value | None], promise: str) -> _Value | None:
        if name not in said:
            return None
        value = read(said[name])
        if value is None:
            quote = said[name]
            quote = quote if len(quote) <= _MAX_QUOTE else quote[: _MAX_QUOTE - 3] + "..."
            message = f"`{quote}` is not {promise}; the option is not used"
            found.append(Finding(f"option {name}", "option_unreadable", "warning", message))
        return value

    routers = option("routers", _addresses, "a list of IPv4 addresses")
    default_route = option(ROUTES_NAME, _default_route, "a list of routes (RFC 3442)")
    renew, rebind, expire = ends
    return Lease(
        interface=interface,
        address=leased,
        prefixlen=option("subnet-mask", _prefixlen, "a subnet mask"),
        gateway=routers[0] if routers else next(iter(default_route or ()), None),
        server=option("dhcp-server-identifier", address, "an IPv4 address"),
        dns_servers=option("domain-name-servers", _addresses, "a list of IPv4 addresses") or (),
        domain_name=said.get("domain-name") or None,
        host_name=said.get("host-name") or None,
        mtu=option("interface-mtu", _mtu, "an MTU from 68 to 65535"),
        renew=renew,
        rebind=rebind,
        expire=expire,
        options=texts,
        problems=tuple(found),
    )


def address(text: str) -> IPv4Address | None:
    """The address that `text` is, if it is one; leading zeros are nobody's to guess."""
    try:
        return IPv4Address(text)
    except ValueError:
        return None


def _addresses(text: str) -> tuple[IPv4Address, ...] | None:
    found = [address(part) for part in text.split(",")]
    known = tuple(one for one in found if one is not None)
    return known if len(known) == len(found) else None


def _prefixlen(text: str) -> int | None:
    mask = address(text)
    return None if mask is None else mask_bits(mask)


def mask_bits(mask: IPv4Address) -> int | None:
    """The prefix length of a subnet mask; None when it has gaps, or masks nothing."""
    host_bits = ~int(mask) & 0xFFFFFFFF
    return None if host_bits & (host_bits + 1) or not int(mask) else 32 - host_bits.bit_length()


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None


def _mtu(text: str) -> int | None:
    return plausible_mtu(_whole(text))


def plausible_mtu(mtu: int | None) -> int | None:
    """`mtu`, when it may be one: 68 is the least that IPv4 (RFC 791) and option 26 (RFC 2132) allow."""
    return mtu if mtu is not None and 68 <= mtu <= 0xFFFF else None


def _default_route(text: str) -> tuple[IPv4Address, ...] | None:
    numbers = [_whole(part) for part in text.split(",")]
    if any(one is None or one > 255 for one in numbers):
        return None
    return default_routers(bytes(one for one in numbers if one is not None))


def default_routers(code: bytes) -> tuple[IPv4Address, ...] | None:
    """The routers of the default routes in option 121 (RFC 3442); None when it is no list of routes.

    0.0.0.0 is no router: it says that the destination is on the link.
    """
    routers: list[IPv4Address] = []
    here = 0
    while here < len(code):
        prefixlen = code[here]
        router_at = here + 1 + (prefixlen + 7) // 8
        here = router_at + 4
        if prefixlen > 32 or here > len(code):
            return None
        router = IPv4Address(code[router_at:here])
        if prefixlen == 0 and int(router):
            routers.append(router)
    return tuple(routers)
