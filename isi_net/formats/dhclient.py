"""The lease files of ISC, FreeBSD and OpenBSD dhclient: their bytes -> `LeaseFile`.

A lease file is a log of `lease { … }` blocks; the last complete block of an interface is its current lease,
expired or not.  The strings in it come from the network and hold quotes, semicolons, braces, newlines and
whole false leases, so nothing here splits on any of these: one regular expression takes one statement at
a time, strings and comments included, and never goes back over a byte.

Where the clients' readers differ, this one follows ISC dhclient 4.4.3 (client/clparse.c, common/conflex.c,
common/parse.c), with two exceptions: an unknown statement in a lease costs that statement alone, and a `}`
always ends its block.  Whatever the bytes are, the answer is a LeaseFile or a FormatError.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Collection
from datetime import date
from ipaddress import IPv4Address
from itertools import chain
from typing import NamedTuple, TypeVar

from isi_net.errors import FormatError
from isi_net.formats.options import default_routers, mask_bits, plausible_mtu
from isi_net.model.finding import Finding, Severity
from isi_net.model.lease import Lease, LeaseFile

# The largest file measured has 29 KB.  A block holds one DHCP packet, and a packet of 1,500 bytes, each
# written as `\ooo`, makes 6 KB: no client writes more than that in one statement, nor ten times as much
# in a block.
MAX_FILE = 1 << 20
MAX_BLOCK = 64 << 10
MAX_STATEMENT = 8 << 10

_MAX_FINDINGS = 50
_MAX_QUOTE = 60
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# Every repeat is possessive and every part may be empty: no match fails, none goes back, none keeps a stack.
# An unclosed string runs to the end of the file, and only there the terminator is empty.
_STRING = rb'"[^"\\]*+(?:\\.?[^"\\]*+)*+"?+'
_STATEMENT = re.compile(
    rb"\s*+(?:#[^\n]*+\s*+)*+"
    rb"(?P<word>[-\w]*+)\s*+"
    rb'(?P<rest>[^"#;{}]*+(?:(?:' + _STRING + rb'|#[^\n]*+)[^"#;{}]*+)*+)'
    rb"(?P<end>[;{}]?)",
    re.DOTALL,
)
_UP_TO_BRACE = re.compile(
    rb'[^"#{}]*+(?:(?:' + _STRING + rb'|#[^\n]*+)[^"#{}]*+)*+(?P<brace>[{}]?)', re.DOTALL
)
_BEGINNING = re.compile(rb"\s*+(?:#[^\n]*+\s*+)*+(?:lease6?|default-duid)\b", re.IGNORECASE)
_COMMENT_OR_STRING = re.compile(rb"#[^\n]*|(" + _STRING + rb")", re.DOTALL)
_A_STRING = re.compile(_STRING, re.DOTALL)
_ESCAPE = re.compile(rb"\\(?:([0-3][0-7]{0,2})|x([0-9a-fA-F]{2})|(.?))", re.DOTALL)
_CONTROLS = {b"t": b"\t", b"r": b"\r", b"n": b"\n", b"b": b"\b"}

_OPTION = re.compile(rb"([-\w]+(?:\.[-\w]+)?)\s*(.*)", re.DOTALL)
_QUAD = re.compile(rb"(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})")
_COMMA = re.compile(rb"\s*,\s*")
_NUMBER = re.compile(rb"\d{1,10}")
_DECIMALS = re.compile(rb"\d{1,3}(?:\s*,\s*\d{1,3})*")
_HEXADECIMALS = re.compile(rb"[0-9a-f]{1,2}(?:\s*:\s*[0-9a-f]{1,2})*", re.IGNORECASE)
_DATE = re.compile(
    rb"\d+\s+(\d{4})\s*/\s*(\d{1,2})\s*/\s*(\d{1,2})\s+(\d{1,2})\s*:\s*(\d{1,2})\s*:\s*(\d{1,2})"
    rb"(?:\s+UTC|\s+(-?\d{1,5}))?",
    re.IGNORECASE,
)
_EPOCH = re.compile(rb"epoch\s+(\d{1,12})", re.IGNORECASE)
_HOURS, _MINUTES, _LEAP_SECOND, _BYTE = 24, 60, 60, 255
_DAY_ONE = date(1970, 1, 1).toordinal()
_YEAR_10000 = (date.max.toordinal() + 1 - _DAY_ONE) * 86400

_TIMES = frozenset((b"renew", b"rebind", b"expire"))
# What else the clients write, and what tells nothing of the address or its life: `epoch` (when it was bound)
# and `ssid` are OpenBSD's, `next-server` the BSDs', `name` (of a pseudo interface) and `key` ISC's.
_OTHERS = frozenset(b"bootp epoch filename key medium name next-server released server-name ssid".split())
# Option 121: as dhclient.conf usually defines it for ISC, FreeBSD's name, both names for an option that the
# client does not know, and RFC 3442's own.
_ROUTES = "classless-routes"
_ROUTES_NAMES = frozenset(
    ("rfc3442-classless-static-routes", _ROUTES, "unknown-121", "option-121", "classless-static-routes")
)

_Value = TypeVar("_Value")


class _Statement(NamedTuple):
    """A statement of a lease: its first word in lower case, what follows it, and where it begins."""

    word: bytes
    rest: bytes
    at: int


class _Option(NamedTuple):
    """An option's name and value as they stand in the file, and where its statement begins."""

    name: str
    value: bytes
    at: int


class _Block(NamedTuple):
    """A complete `lease { … }`: where it begins, where its first statement may, and where it ends."""

    at: int
    inside: int
    end: int


class _Lines:
    """The numbers of lines, counted only when somebody asks."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._ends: list[int] | None = None

    def number(self, at: int) -> int:
        if self._ends is None:
            self._ends = [newline.start() for newline in re.finditer(rb"\n", self._data)]
        return bisect_left(self._ends, at) + 1


class _Findings:
    """What is wrong with a file or a lease; no longer a list than a person reads, however wrong it is."""

    def __init__(self, lines: _Lines) -> None:
        self._lines = lines
        self._found: list[tuple[int, Finding]] = []

    def add(self, at: int, about: str, code: str, message: str, severity: Severity = "warning") -> None:
        if len(self._found) < _MAX_FINDINGS:
            place = f"line {self._lines.number(at)} {about}".rstrip()
            self._found.append((at, Finding(place, code, severity, message)))

    def all(self) -> tuple[Finding, ...]:
        return tuple(finding for _, finding in sorted(self._found))


def recognises(data: bytes) -> bool:
    """Whether `data` begins as dhclient does; its reader takes much more."""
    return _BEGINNING.match(data.removeprefix(_BYTE_ORDER_MARK)) is not None


def parse(data: bytes, interface: str = "", only: Collection[str] = ()) -> LeaseFile:
    """The leases in `data`, the whole content of one lease file.

    OpenBSD writes no `interface` statement: in a file without any, every lease is `interface`'s.  In a file
    that has one, a lease without is nobody's and left out.  Who wants no more than the current lease of an
    interface names it in `only`, by all its names, and what stands before that lease stays unread.
    """
    if len(data) > MAX_FILE:
        raise FormatError(
            f"{len(data)} bytes are too many for a lease file (the limit is {MAX_FILE})",
            todo="check that a DHCP client writes it",
        )
    lines = _Lines(data)
    findings = _Findings(lines)
    blocks, whole = _read_file(data, findings)
    leases: list[Lease] = []
    nobodys: list[_Block] = []
    for block in reversed(blocks):
        lease = _lease(data, block, lines, findings)
        if lease is None:
            continue
        leases.append(lease)
        if not lease.interface:
            nobodys.append(block)
        elif lease.interface in only and not nobodys:
            break
    if nobodys and len(nobodys) < len(leases):
        for block in nobodys:
            message = "this lease names no interface, as others do; it is left out"
            findings.add(block.at, "", "lease_without_interface", message)
        leases = [lease for lease in leases if lease.interface]
    elif nobodys and interface:
        leases = [lease._replace(interface=interface) for lease in leases]
    return LeaseFile(tuple(reversed(leases)), findings.all(), whole)


def _read_file(data: bytes, findings: _Findings) -> tuple[list[_Block], bool]:
    """The complete blocks of `data`, and whether it is not empty and ends outside of any statement."""
    blocks: list[_Block] = []
    here: int | None = len(_BYTE_ORDER_MARK) if data.startswith(_BYTE_ORDER_MARK) else 0
    lost = False
    while here is not None:
        match = _statement(data, here)
        at, word, end = match.start("word"), match["word"].lower(), match["end"]
        rest = _without_comments(match["rest"])
        if not (word or rest or end):
            return blocks, bool(data)
        if end == b"{" and word == b"lease" and not rest:
            here = _end_of_block(data, match.end())
            if here is not None and here - at > MAX_BLOCK:
                message = f"this lease has more than {MAX_BLOCK} bytes; it is left out"
                findings.add(at, "", "lease_too_long", message)
            elif here is not None:
                blocks.append(_Block(at, match.end(), here))
        elif end == b"{" and word == b"lease6" and not rest:
            here = _end_of_block(data, match.end())
        elif end == b";" and word == b"default-duid":
            here = match.end()
        else:
            if not lost:
                message = f"`{_quote(match[0])}` is no lease; it is passed over to where one may begin"
                findings.add(at, "", "file_corrupt", message)
            lost = True
            # The token at fault ends nothing itself: not a bare `}`, nor the `;` of `lease ;`.
            itself = not rest and word in (b"", b"lease", b"lease6")
            here = _skip_to_semicolon(data, match.end() if itself else match.start("end")) if end else None
            continue
        lost = False
    findings.add(at, "", "file_cut_off", "the file ends within what begins here; that is left out")
    return blocks, False


def _skip_to_semicolon(data: bytes, here: int) -> int | None:
    """Where ISC's skip_to_semi comes to from `here`; None when the file ends before.

    That is after the next semicolon, or after a brace group when one opens before it, or after a stray `}`.
    """
    depth = 0
    while True:
        match = _statement(data, here)
        here, end = match.end(), match["end"]
        if not end:
            return here if not depth and not (match["word"] or match["rest"]) else None
        depth += (end == b"{") - (end == b"}")
        if depth <= 0 and end != b"{":
            return here


def _end_of_block(data: bytes, inside: int) -> int | None:
    """Where the block that opens just before `inside` ends, after its `}`; None when the file ends first."""
    depth, here = 1, inside
    while depth:
        match = _UP_TO_BRACE.match(data, here)
        if match is None or not match["brace"]:
            return None
        depth += 1 if match["brace"] == b"{" else -1
        here = match.end()
    return here


def _statement(data: bytes, here: int) -> re.Match[bytes]:
    return next(_STATEMENT.finditer(data, here))


def _statements(data: bytes, block: _Block) -> tuple[list[_Statement], list[_Statement]]:
    """The statements of a block, and apart from them what no semicolon ends: braces, or the block's end."""
    statements: list[_Statement] = []
    strays: list[_Statement] = []
    depth = 0
    for match in _STATEMENT.finditer(data, block.inside, block.end - 1):
        word, rest, end = match.groups()
        if depth == 0 and (word or rest or end == b"{"):
            statement = _Statement(word.lower(), _without_comments(rest), match.start("word"))
            (statements if end == b";" else strays).append(statement)
        depth += (end == b"{") - (end == b"}")
    return statements, strays


def _without_comments(text: bytes) -> bytes:
    if b"#" in text:
        text = _COMMENT_OR_STRING.sub(lambda match: match[1] or b"", text)
    return text.strip()


def _quote(text: bytes) -> str:
    text = text.strip()
    short = text if len(text) <= _MAX_QUOTE else text[: _MAX_QUOTE - 3] + b"..."
    return short.decode("utf-8", "backslashreplace")


def _lease(data: bytes, block: _Block, lines: _Lines, findings: _Findings) -> Lease | None:
    """The lease that a block is, of "" when it names no interface; None, with a finding, when it is none."""
    statements, strays = _statements(data, block)
    for word, rest, at in chain(statements, strays):
        if len(word) + len(rest) > MAX_STATEMENT:
            message = f"this statement has more than {MAX_STATEMENT} bytes; its lease is left out"
            findings.add(at, "", "lease_too_long", message)
            return None
    problems = _Findings(lines)
    # What a statement says twice, it says last: that is how the clients read it, too.
    last: dict[bytes, _Statement] = {}
    texts: list[tuple[str, str]] = []
    options: dict[str, _Option] = {}
    for statement in statements:
        word, rest, at = statement
        if word == b"option":
            if match := _OPTION.match(rest):
                name = match[1].decode().lower()
                texts.append((name, _text(match[2])))
                options[_ROUTES if name in _ROUTES_NAMES else name] = _Option(name, match[2], at)
            else:
                strays.append(statement)
        elif word in _TIMES or word in (b"interface", b"fixed-address"):
            last[word] = statement
        elif word not in _OTHERS:
            strays.append(statement)
    for word, rest, at in strays:
        text = _quote(word + b" " + rest)
        problems.add(at, "", "statement_unknown", f"`{text}` is no statement of a lease; it is passed over")

    interface = _interface(last.get(b"interface"), findings)
    address = _address(last.get(b"fixed-address"), block, findings)
    if interface is None or address is None:
        return None

    def option(name: str, read: Callable[[bytes], _Value | None], promise: str) -> _Value | None:
        found = options.get(name)
        if found is None:
            return None
        value = read(found.value)
        if value is None:
            message = f"`{_quote(found.value)}` is not {promise}; the option is not used"
            problems.add(found.at, f"option {found.name}", "option_unreadable", message)
        return value

    expire = _time(last.get(b"expire"), 0, problems)
    if b"expire" not in last:
        message = "this lease says no `expire`; it counts as expired"
        problems.add(block.at, "expire", "lease_without_expiry", message)
    routers = option("routers", _quads, "a list of IPv4 addresses")
    default_route = option(_ROUTES, _default_route, "a list of routes (RFC 3442)")
    option("dhcp-lease-time", _seconds, "a number of seconds")
    return Lease(
        interface=interface,
        address=address,
        prefixlen=option("subnet-mask", _prefixlen, "a subnet mask"),
        gateway=routers[0] if routers else next(iter(default_route or ()), None),
        server=option("dhcp-server-identifier", _quad, "an IPv4 address"),
        dns_servers=option("domain-name-servers", _quads, "a list of IPv4 addresses") or (),
        domain_name=option("domain-name", _string, "a quoted text") or None,
        host_name=option("host-name", _string, "a quoted text") or None,
        mtu=option("interface-mtu", _mtu, "an MTU from 68 to 65535"),
        renew=_time(last.get(b"renew"), expire, problems),
        rebind=_time(last.get(b"rebind"), expire, problems),
        expire=expire,
        options=tuple(texts),
        problems=problems.all(),
    )


def _interface(said: _Statement | None, findings: _Findings) -> str | None:
    if said is None:
        return ""
    interface = _string(said.rest)
    if not interface:
        message = f"`{_quote(said.rest)}` is no interface's name in quotes; the lease is left out"
        findings.add(said.at, "interface", "lease_without_interface", message)
    return interface or None


def _address(said: _Statement | None, block: _Block, findings: _Findings) -> IPv4Address | None:
    address = _quad(said.rest) if said else None
    if said is None:
        message = "this lease says no `fixed-address`; it is left out"
        findings.add(block.at, "", "lease_without_address", message)
    elif address is None:
        message = f"`{_quote(said.rest)}` is no IPv4 address; the lease is left out"
        findings.add(said.at, "fixed-address", "lease_without_address", message)
    return address


def _time(said: _Statement | None, otherwise: int | None, problems: _Findings) -> int | None:
    """The time that a statement says, in seconds since the epoch; None for never.

    `otherwise` counts where it says none: 0 for `expire`, so that a lease of unknown end is over, and
    `expire` for the two others, so that the lease is bound until then.
    """
    if said is None:
        return otherwise
    if said.rest.lower() == b"never":
        return None
    seconds = _since_the_epoch(said.rest)
    if seconds is None:
        instead = (
            "the lease counts as expired" if said.word == b"expire" else "the lease's end counts instead"
        )
        message = f"`{_quote(said.rest)}` is no time from 1970 to 9999; {instead}"
        problems.add(said.at, said.word.decode(), "time_unreadable", message)
        return otherwise
    return seconds


def _since_the_epoch(value: bytes) -> int | None:
    """`W YYYY/MM/DD HH:MM:SS`, perhaps with ` UTC` or seconds to add behind it, or `epoch N`."""
    if match := _EPOCH.fullmatch(value):
        seconds = int(match[1])
    elif match := _DATE.fullmatch(value):
        year, month, day, hour, minute, second, offset = (int(part or 0) for part in match.groups())
        if hour >= _HOURS or minute >= _MINUTES or second > _LEAP_SECOND:
            return None
        try:
            days = date(year, month, day).toordinal() - _DAY_ONE
        except ValueError:
            return None
        seconds = days * 86400 + hour * 3600 + minute * 60 + second + offset
    else:
        return None
    return seconds if 0 <= seconds < _YEAR_10000 else None


def _unescape(string: bytes) -> bytes:
    """The bytes that a quoted string stands for, as ISC's read_string has them."""
    return _ESCAPE.sub(_escaped, string[1:-1]) if b"\\" in string else string[1:-1]


def _escaped(match: re.Match[bytes]) -> bytes:
    octal, hexadecimal, character = match.groups()
    if octal is not None:
        return bytes((int(octal, 8),))
    if hexadecimal is not None:
        return bytes((int(hexadecimal, 16),))
    return _CONTROLS.get(character, character)


def _text(value: bytes) -> str:
    """An option's value as it stands, the strings in it without their quotes and escapes."""
    if b'"' in value:
        value = _A_STRING.sub(lambda match: _unescape(match[0]), value)
    return value.decode("utf-8", "backslashreplace")


def _string(value: bytes) -> str | None:
    return _text(value) if _A_STRING.fullmatch(value) else None


def _quad(value: bytes) -> IPv4Address | None:
    # No leading zeros: some read them as octal, some do not.
    match = _QUAD.fullmatch(value)
    if match is None:
        return None
    a, b, c, d = map(int, match.groups())
    return IPv4Address(a << 24 | b << 16 | c << 8 | d) if max(a, b, c, d) <= _BYTE else None


def _quads(value: bytes) -> tuple[IPv4Address, ...] | None:
    addresses = tuple(address for part in _COMMA.split(value) if (address := _quad(part)) is not None)
    return addresses if len(addresses) == value.count(b",") + 1 else None


def _prefixlen(value: bytes) -> int | None:
    mask = _quad(value)
    return None if mask is None else mask_bits(mask)


def _seconds(value: bytes) -> int | None:
    return int(value) if _NUMBER.fullmatch(value) else None


def _mtu(value: bytes) -> int | None:
    return plausible_mtu(_seconds(value))


def _default_route(value: bytes) -> tuple[IPv4Address, ...] | None:
    code = _bytes(value)
    return default_routers(code) if code else None


def _bytes(value: bytes) -> bytes | None:
    """Raw data as clients write it: `24,10,0`, `18:a:0`, or `"text"` when all of it is printable."""
    if _A_STRING.fullmatch(value):
        return _unescape(value)
    if _DECIMALS.fullmatch(value):
        numbers = [int(part) for part in value.split(b",")]
        return bytes(numbers) if max(numbers) <= _BYTE else None
    if _HEXADECIMALS.fullmatch(value):
        return bytes(int(part, 16) for part in value.split(b":"))
    return None
