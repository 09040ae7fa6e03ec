"""What Flexnet put on this node's interfaces, as JSON: `/var/run/isi_net/flexnet`.

Addresses do not outlive a reboot, and neither does this file.  It says which addresses are ours where the
kernel does not (before Linux 5.18), and which revision each was applied by.  Opens nothing.
"""

from ipaddress import IPv4Address, IPv4Interface
from typing import Annotated

import msgspec
from msgspec import Meta

from isi_net.errors import BadValue, FormatError, NewerSchema
from isi_net.formats import json_document
from isi_net.formats.json_document import MIB, SCHEMA, Name, Number, Time, Word
from isi_net.formats.times import utc
from isi_net.model.finding import Finding, Severity
from isi_net.model.names import check_interface
from isi_net.model.nics import Applied, AppliedAddress

MAX = MIB
MAX_SENTENCE = 500

Sentence = Annotated[str, Meta(max_length=MAX_SENTENCE)]


class _Address(msgspec.Struct, frozen=True):
    nic: str
    address: IPv4Address
    prefixlen: Annotated[int, Meta(ge=0, le=32)]
    revision: Number
    since: Time
    lnn: Number = 0


class _Duplicate(msgspec.Struct, frozen=True):
    address: IPv4Address
    mac: Word


class _Finding(msgspec.Struct, frozen=True):
    severity: Severity
    code: Word
    place: Name
    message: Sentence
    action: Sentence


class _Applied(msgspec.Struct, frozen=True):
    schema: int
    revision: Number
    when: Time
    addresses: tuple[_Address, ...]
    duplicates: tuple[_Duplicate, ...]
    findings: tuple[_Finding, ...]


def parse(data: bytes, name: str = "") -> Applied:
    """What `data` says was applied; else NewerSchema or FormatError, which give `name` for the place."""
    try:
        read = json_document.parse(data, _Applied, name, MAX)
    except NewerSchema as why:
        todo = f"{why.todo}, or remove {name or 'it'}, as a reboot does"
        raise NewerSchema(why.what, why.where, todo) from None
    try:
        return Applied(
            revision=read.revision,
            when=int(json_document.seconds(read.when)),
            addresses=tuple(
                AppliedAddress(
                    check_interface(one.nic),
                    IPv4Interface((one.address, one.prefixlen)),
                    one.revision,
                    int(json_document.seconds(one.since)),
                    one.lnn,
                )
                for one in read.addresses
            ),
            duplicates=tuple((one.address, one.mac) for one in read.duplicates),
            findings=tuple(Finding(**msgspec.structs.asdict(one)) for one in read.findings),
        )
    except BadValue as why:
        raise FormatError(f"addresses: {why.what}", name, why.todo) from None


def render(applied: Applied) -> bytes:
    """`applied` as bytes.  Texts longer than their bound are cut."""
    return json_document.render(
        _Applied(
            schema=SCHEMA,
            revision=applied.revision,
            when=utc(applied.when),
            addresses=tuple(
                _Address(
                    one.nic,
                    one.address.ip,
                    one.address.network.prefixlen,
                    one.revision,
                    utc(one.since),
                    one.lnn,
                )
                for one in sorted(applied.addresses)
            ),
            duplicates=tuple(_Duplicate(*one) for one in sorted(applied.duplicates)),
            findings=tuple(_finding(one) for one in applied.findings),
        )
    )


def _finding(one: Finding) -> _Finding:
    return _Finding(
        severity=one.severity,
        code=json_document.text(one.code, 128),
        place=json_document.text(one.place, 255),
        message=json_document.text(one.message, MAX_SENTENCE),
        action=json_document.text(one.action, MAX_SENTENCE),
    )
