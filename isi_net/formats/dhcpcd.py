"""dhcpcd's lease file, its bytes -> `LeaseFile`: the server's DHCPACK as it came, from the BOOTP header on.

The packet says for how many seconds; since when is the time at which the file was written, and dhcpcd
reads it back just so (dhcp.c, version 9.4.1).  A copy that does not keep its time has lost its lease's end.

`dhcpcd -U` prints the same as lines of text, in which an option can forge a line; this is never asked.
Whatever the bytes are, the answer is a LeaseFile or a FormatError.
"""

from collections.abc import Mapping
from ipaddress import IPv4Address

from isi_net.errors import FormatError
from isi_net.formats import options
from isi_net.model.finding import Finding
from isi_net.model.lease import LeaseFile

MAX_FILE = 16 << 10  # the largest frame that dhcpcd takes has 9,216 bytes

# RFC 2131, section 2.
_REPLY = 2
_YIADDR, _SNAME, _FILE, _COOKIE, _OPTIONS = 16, 44, 108, 236, 240
_MAGIC = b"\x63\x82\x53\x63"
_PAD, _END = 0, 255
_ACK = b"\x05"
_FILE_IS_OPTIONS, _SNAME_IS_OPTIONS = 1, 2


def recognises(data: bytes) -> bool:
    """Whether this is an answer of a DHCP server: no text begins with its first byte."""
    return data[:1] == bytes((_REPLY,)) and data[_COOKIE:_OPTIONS] == _MAGIC


def parse(data: bytes, interface: str, written: int) -> LeaseFile:
    """The lease in `data`, the whole content of `interface`'s file, `written` seconds after the epoch."""
    if len(data) > MAX_FILE:
        raise FormatError(
            f"{len(data)} bytes are too many for dhcpcd's lease (the limit is {MAX_FILE})",
            todo="check that dhcpcd writes it",
        )
    if data and not recognises(data) and (len(data) >= _OPTIONS or data[0] != _REPLY):
        raise FormatError("not the packet that dhcpcd keeps", todo="check that dhcpcd writes it")
    found: dict[int, bytes] = {}
    if len(data) < _OPTIONS or not _read(data[_OPTIONS:], found):
        return LeaseFile((), (options.cut_off("the packet"),) if data else (), whole=False)
    overload = found.get(options.OVERLOAD, b"\0")[:1] or b"\0"
    problems = []
    for bit, begin, end in ((_FILE_IS_OPTIONS, _FILE, _COOKIE), (_SNAME_IS_OPTIONS, _SNAME, _FILE)):
        if overload[0] & bit and not _read(data[begin:end], found):
            message = f"the options in the packet's bytes {begin} to {end} have no end; the last is left out"
            problems.append(Finding(f"byte {begin}", "option_unreadable", "warning", message))
    if found.get(options.MESSAGE_TYPE, _ACK) != _ACK:
        raise FormatError("the packet is no DHCPACK", todo="check that dhcpcd writes it")
    said = [options.said(code, value) for code, value in found.items()]
    ends = _ends(written, dict(said), problems)
    address = IPv4Address(data[_YIADDR : _YIADDR + 4])
    return LeaseFile((options.lease(interface, address, said, ends, problems),))


def _read(area: bytes, found: dict[int, bytes]) -> bool:
    """Adds the options in `area`, pieces of one option put together (RFC 3396); whether it has an end."""
    here = 0
    while here < len(area):
        code = area[here]
        if code == _END:
            return True
        if code == _PAD:
            here += 1
            continue
        begin = here + 2
        if begin > len(area) or begin + area[here + 1] > len(area):
            return False
        here = begin + area[begin - 1]
        found[code] = found.get(code, b"") + area[begin:here]
    return False


def _ends(
    written: int, said: Mapping[str, str], problems: list[Finding]
) -> tuple[int | None, int | None, int | None]:
    seconds = said.get("dhcp-lease-time", options.ERROR)
    if seconds == options.ERROR:
        message = "the server did not say for how long; dhcpcd keeps the lease for ever"
        problems.append(Finding("option dhcp-lease-time", "lease_without_expiry", "info", message))
        return None, None, None
    return options.times(written, int(seconds), said)
