"""The lease file of OpenBSD's dhcpleased, its bytes -> `LeaseFile`: `version: 2`, then `ip: …` and few more.

It is no more than a memory of which address to ask for next; neither mask, server nor end stand in it.  The
names behind the address come from the network, so of each line the first counts.
Whatever the bytes are, the answer is a LeaseFile or a FormatError.
"""

import re

from isi_net.errors import FormatError
from isi_net.formats import options
from isi_net.model.finding import Finding
from isi_net.model.lease import LeaseFile

MAX_FILE = 64 << 10  # dhcpleased writes 4 KiB at most
CLIENT = "dhcpleased"

_VERSION = re.compile(rb"version: ([0-9]+)\n")
_NAMES = {"host-name": "host-name", "domain-name": "domain-name", "filename": "bootfile-name"}
_UNTRUSTED = "filename"  # it comes before the names, and is the first that the server chooses freely


def recognises(data: bytes) -> bool:
    """Whether `data` begins with the version, which is dhcpleased's own."""
    return _VERSION.match(data) is not None


def parse(data: bytes, interface: str, written: int = 0) -> LeaseFile:
    """The lease in `data`, the whole content of `interface`'s file; when it was `written` tells nothing."""
    del written
    if not data:
        return LeaseFile((), whole=False)
    if len(data) > MAX_FILE or not recognises(data):
        raise FormatError(f"not a lease of {CLIENT}", todo=f"check that {CLIENT} writes it")
    said: dict[str, str] = {}
    for line in data[: data.rfind(b"\n") + 1].decode("utf-8", "backslashreplace").split("\n"):
        key, colon, value = line.partition(":")
        if colon:
            said.setdefault(key, value.strip())
        if key == _UNTRUSTED and value.strip():
            break
    address = options.address(said.get("ip", ""))
    whole = data.endswith(b"\n")
    if address is None:
        message = "there is no IPv4 address in it"
        return LeaseFile((), (Finding("ip", "lease_without_address", "warning", message),), whole)
    texts = [(_NAMES[key], value) for key, value in said.items() if value and key in _NAMES]
    lease = options.lease(interface, address, texts, problems=[options.unknown_expiry(CLIENT)])
    return LeaseFile((lease,), (), whole)
