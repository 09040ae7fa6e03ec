"""NetworkManager's two files of a lease, their bytes -> `LeaseFile`.

`/run/NetworkManager/devices/IFINDEX` is a GLib key file; its group `[dhcp4]` has the lease with all its
options and its end.  `internal-UUID-IFNAME.lease` has the address and nothing else, in the lines of
systemd-networkd, and outlives the lease, the connection and the machine's rest.

Values come from the network; a key file escapes newlines, so none can forge a line.
Whatever the bytes are, the answer is a LeaseFile or a FormatError.
"""

import re
from collections.abc import Iterator, Mapping

from isi_net.errors import FormatError
from isi_net.formats import networkd, options
from isi_net.model.finding import Finding
from isi_net.model.lease import LeaseFile

MAX_FILE = 256 << 10
CLIENT = "NetworkManager"

_KEY_FILE = re.compile(rb"(?:#[^\n]*\n|\s)*+\[[^\]\n]*\][ \t\r]*\n")
_GROUP, _PREFIX = "[dhcp4]", "dhcp4."
# A key file's own escapes; then NetworkManager's, of what is no printable text.
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"s": " ", "n": "\n", "t": "\t", "r": "\r"}
_OCTAL = re.compile(rb"\\(?:([0-3][0-7]{2})|(\\))")

_ADDRESSES = frozenset(
    f"{name}-servers" for name in ("domain-name", "nis", "ntp", "netbios-name", "time", "log")
) | {"routers"}
_NUMBERED = re.compile(r"private-([0-9]{1,3})")
_NO_OPTIONS = frozenset(("ip-address", "expiry", "next-server", "filename"))


def recognises(data: bytes) -> bool:
    """Whether `data` begins with a group, as NetworkManager's key files do."""
    return _KEY_FILE.match(data) is not None


def parse(data: bytes, interface: str, written: int = 0) -> LeaseFile:
    """The lease in `data`, the whole content of one of `interface`'s two files; `written` tells nothing.

    A key file without a lease is that of a device that has none.
    """
    if not recognises(data):
        return networkd.parse(data, interface, written, CLIENT)
    if len(data) > MAX_FILE:
        raise FormatError(
            f"{len(data)} bytes are too many for a device's file (the limit is {MAX_FILE})",
            todo=f"check that {CLIENT} writes it",
        )
    whole = data.endswith(b"\n")
    said = _group(data)
    if not said:
        return LeaseFile((), whole=whole)
    address = options.address(said.get("ip-address", ""))
    if address is None:
        message = "there is no IPv4 address in it"
        where = Finding("dhcp4.ip_address", "lease_without_address", "warning", message)
        return LeaseFile((), (where,), whole)
    texts = dict(_options(said))
    ends, problems = _ends(said, texts)
    lease = options.lease(interface, address, texts.items(), ends, problems)
    return LeaseFile((lease,), (), whole)


def _group(data: bytes) -> dict[str, str]:
    """The first value of each key of the lease's group, under dhclient's spelling: `domain-name`."""
    said: dict[str, str] = {}
    inside = False
    complete = data[: data.rfind(b"\n") + 1]
    for line in complete.decode("utf-8", "backslashreplace").split("\n"):
        if line.startswith("["):
            inside = line.strip() == _GROUP
        elif inside and line.startswith(_PREFIX):
            key, equals, value = line.removeprefix(_PREFIX).partition("=")
            if equals:
                said.setdefault(key.strip().replace("_", "-"), _unescaped(value.strip()))
    return said


def _unescaped(value: str) -> str:
    if "\\" not in value:
        return value
    text = _ESCAPE.sub(lambda match: _ESCAPES.get(match[1], match[1]), value)
    data = _OCTAL.sub(lambda match: match[2] or bytes((int(match[1], 8),)), text.encode())
    return data.decode("utf-8", "backslashreplace")


def _options(said: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in said.items():
        if name in _NO_OPTIONS or name.startswith("requested-"):
            continue
        if name in _ADDRESSES:
            yield name, ",".join(value.split())
        elif name == options.ROUTES_NAME:
            words = value.split()
            yield name, options.routes_text(zip(words[::2], words[1::2], strict=False))
        elif name == "domain-search":
            yield name, options.search_text(value.split())
        elif match := _NUMBERED.fullmatch(name):
            yield f"unknown-{int(match[1])}", value
        else:
            yield name, value


def _ends(
    said: Mapping[str, str], texts: Mapping[str, str]
) -> tuple[tuple[int | None, int | None, int | None], list[Finding]]:
    expiry, seconds = (_number(said.get(key, "")) for key in ("expiry", "dhcp-lease-time"))
    if expiry is None:
        return (None, None, None), [options.unknown_expiry(CLIENT)]
    if expiry >= options.INFINITE or (seconds is not None and seconds >= options.INFINITE):
        return (None, None, None), []
    if seconds is None or seconds > expiry:
        return (expiry, expiry, expiry), []
    return options.times(expiry - seconds, seconds, texts), []


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else None
