"""systemd-networkd's lease file, its bytes -> `LeaseFile`: `KEY=value` lines, or JSON in newer versions.

Neither is made for others to read ("This is private data. Do not parse."), and neither tells when the lease
ends: the file is replaced only when its content changes, which a renewal does not do, so its own time says
nothing either.  So `expire` is None, and a note says why.  For JSON that is caution: it carries a lifetime
and a time, whose units and whose renewal nobody has verified.

In the lines everything is checked or escaped by networkd but the root path (option 17): a newline in it
makes lines of the server's choosing.  So of each key the first counts, and behind ROOT_PATH nothing.
Whatever the bytes are, the answer is a LeaseFile or a FormatError.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from isi_net.errors import FormatError
from isi_net.formats import options
from isi_net.model.finding import Finding
from isi_net.model.lease import LeaseFile

MAX_FILE = 256 << 10
CLIENT = "systemd-networkd"

_LINES = re.compile(rb"(?:#[^\n]*\n|\s)*+[A-Z][A-Z0-9_]*=")
_UNTRUSTED = "ROOT_PATH"
_OPTION = re.compile(r"OPTION_([1-9][0-9]{0,2})")
_HEXADECIMAL = {"CLIENTID": 61, "VENDOR_SPECIFIC": 43}


def _addresses(words: str) -> str:
    return ",".join(words.split())


def _search(words: str) -> str:
    return options.search_text(words.split())


def _routes(words: str) -> str:
    """`10.0.0.0/8,10.20.30.1 …`"""
    pairs = (word.partition(",") for word in words.split())
    return options.routes_text((to, through) for to, _, through in pairs)


# Its keys, each with the option of the same meaning and how it comes into dhclient's text.
_KEYS: Mapping[str, tuple[str, Callable[[str], str]]] = {
    "NETMASK": ("subnet-mask", str),
    "ROUTER": ("routers", _addresses),
    "SERVER_ADDRESS": ("dhcp-server-identifier", str),
    "BROADCAST": ("broadcast-address", str),
    "MTU": ("interface-mtu", str),
    "T1": ("dhcp-renewal-time", str),
    "T2": ("dhcp-rebinding-time", str),
    "LIFETIME": ("dhcp-lease-time", str),
    "DNS": ("domain-name-servers", _addresses),
    "NTP": ("ntp-servers", _addresses),
    "DOMAINNAME": ("domain-name", str),
    "DOMAIN_SEARCH_LIST": ("domain-search", _search),
    "HOSTNAME": ("host-name", str),
    "ROOT_PATH": ("root-path", str),
    "CLASSLESS_ROUTES": (options.ROUTES_NAME, _routes),
    "ROUTES": (options.ROUTES_NAME, _routes),  # before version 250
}
# In JSON the same words stand in mixed case, with underscores elsewhere or nowhere.
_PLAIN = {
    key.replace("_", ""): key for key in ("ADDRESS", *_KEYS) if key not in ("CLASSLESS_ROUTES", "ROUTES")
}


def recognises(data: bytes) -> bool:
    """Whether `data` begins as networkd does, before any byte from the network."""
    return data.lstrip()[:1] == b"{" or _LINES.match(data) is not None


def parse(data: bytes, interface: str, written: int = 0, client: str = CLIENT) -> LeaseFile:
    """The lease in `data`, the whole content of `interface`'s file; when it was `written` tells nothing.

    `client` is who wrote it: NetworkManager's internal client keeps the same lines.
    """
    del written
    if len(data) > MAX_FILE:
        raise FormatError(
            f"{len(data)} bytes are too many for a lease of {client} (the limit is {MAX_FILE})",
            todo=f"check that {client} writes it",
        )
    if not data.strip():
        return LeaseFile((), whole=False)
    if not recognises(data):
        raise FormatError(f"not a lease of {client}", todo=f"check that {client} writes it")
    problems = [options.unknown_expiry(client)]
    if data.lstrip()[:1] == b"{":
        said, whole = _json(data), True
    else:
        said, whole = _lines(data, problems), data.endswith(b"\n")
    address = options.address(said.get("ADDRESS", ""))
    if address is None:
        where = Finding("ADDRESS", "lease_without_address", "warning", "there is no IPv4 address in it")
        return LeaseFile((), (where,), whole)
    if said.get("LIFETIME") == str(options.INFINITE):
        problems = problems[1:]  # never is what it says
    lease = options.lease(interface, address, _options(said), problems=problems)
    return LeaseFile((lease,), (), whole)


def _lines(data: bytes, problems: list[Finding]) -> dict[str, str]:
    """Each key's first value, up to the first that could have forged what follows it."""
    said: dict[str, str] = {}
    complete = data[: data.rfind(b"\n") + 1]  # a line without its end may be half an address
    lines = iter(complete.decode("utf-8", "backslashreplace").split("\n"))
    for line in lines:
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            said.setdefault(key, value)
        if key == _UNTRUSTED and equals:
            break
    if any(lines):
        message = "what stands behind it is not read: a root path can forge any line"
        problems.append(Finding(_UNTRUSTED, "lines_untrusted", "info", message))
    return said


def _json(data: bytes) -> dict[str, str]:
    """The members that have a meaning here, as the lines would have them."""
    import json  # noqa: PLC0415 - only where a networkd is that new

    try:
        document = json.loads(data)
    except RecursionError:
        raise FormatError("nested too deeply", todo=f"check that {CLIENT} writes it") from None
    except ValueError as why:  # not UTF-8, not JSON, a number too long
        raise FormatError(f"not JSON: {why}", todo=f"check that {CLIENT} writes it") from None
    said: dict[str, str] = {}
    for member, value in document.items():
        key = _PLAIN.get(member.replace("_", "").upper())
        if key is not None and (text := " ".join(_words(value))):
            said.setdefault(key, text.encode("utf-8", "backslashreplace").decode())  # lone surrogates
    return said


def _words(value: Any) -> Iterator[str]:
    """A member's value: text, a number, an address as four numbers, or a list of such."""
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        yield str(value)
    elif isinstance(value, list):
        if len(value) == 4 and all(isinstance(one, int) and 0 <= one <= 255 for one in value):
            yield ".".join(str(int(one)) for one in value)
        else:
            for one in value:
                if isinstance(one, str) or (isinstance(one, list) and len(one) == 4):
                    yield from _words(one)


def _options(said: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    names = set()
    for key, value in said.items():
        name, text = _option(key, value)
        if name and name not in names:
            names.add(name)
            yield name, text


def _option(key: str, value: str) -> tuple[str, str]:
    """An option's name and text; no name where a key is no option."""
    if key in _KEYS:
        name, text = _KEYS[key]
        return name, text(value)
    match = _OPTION.fullmatch(key)
    code = int(match[1]) if match else _HEXADECIMAL.get(key)
    if code is None:
        return "", ""
    try:
        return options.said(code, bytes.fromhex(value))
    except ValueError:
        return f"unknown-{code}", options.ERROR
