"""A node's report as JSON: the generic format, which every reporter writes and the merger reads.

`ip_reports/DHCP/node.<devid>` crosses from one node to another, so nothing in it is trusted for being
there: every field has a type and a bound, and the file one of 1 MiB.  A lease's raw options stay at
home.  Opens nothing.
"""

from datetime import datetime
from ipaddress import IPv4Address
from typing import Annotated

import msgspec
from msgspec import Meta

from isi_net.errors import BadValue, FormatError
from isi_net.formats import json_document
from isi_net.formats.json_document import MIB, SCHEMA, Devid, Lnn, Name, Time, Word
from isi_net.formats.times import utc
from isi_net.model.finding import Finding, Severity
from isi_net.model.lease import Lease
from isi_net.model.names import check_interface
from isi_net.model.report import Report

MAX = MIB
# A lease file full of garbage yields a problem a line.  These bounds keep the report that says so
# below MAX, whatever the garbage is: two sentences of control characters, six bytes each, fifty times.
MAX_PROBLEMS = 50
MAX_SENTENCE = 1000

Sentence = Annotated[str, Meta(max_length=MAX_SENTENCE)]


class _Address(msgspec.Struct, frozen=True):
    interface: str
    address: IPv4Address
    prefixlen: Annotated[int, Meta(ge=0, le=32)] | None
    gateway: IPv4Address | None
    server: IPv4Address | None
    dns_servers: tuple[IPv4Address, ...]
    domain_name: Name | None
    host_name: Name | None
    mtu: Annotated[int, Meta(ge=0, le=65535)] | None
    renew: Time | None
    rebind: Time | None
    expire: Time | None


class _Problem(msgspec.Struct, frozen=True):
    severity: Severity
    code: Word
    place: Name
    message: Sentence
    action: Sentence


class _Report(msgspec.Struct, frozen=True):
    schema: int
    devid: Devid
    lnn: Lnn
    node: Name
    manager: Word
    source: Word
    version: Word
    reported_at: Time
    addresses: tuple[_Address, ...]
    problems: tuple[_Problem, ...]


def parse(data: bytes, name: str = "") -> Report:
    """The report that `data` holds; else NewerSchema or FormatError, which give `name` for the place."""
    read = json_document.parse(data, _Report, name, MAX)
    try:
        return Report(
            devid=read.devid,
            lnn=read.lnn,
            node=read.node,
            manager=read.manager,
            source=read.source,
            version=read.version,
            reported_at=int(json_document.seconds(read.reported_at)),
            addresses=tuple([_lease(one) for one in read.addresses]),
            problems=tuple([Finding(**msgspec.structs.asdict(one)) for one in read.problems]),
        )
    except BadValue as why:
        raise FormatError(f"addresses: {why.what}", name, why.todo) from None


def render(report: Report) -> bytes:
    """`report` as bytes.  Texts longer than their bound are cut, and so is the list of problems."""
    return json_document.render(
        _Report(
            schema=SCHEMA,
            devid=report.devid,
            lnn=report.lnn,
            node=_name(report.node),
            manager=_word(report.manager),
            source=_word(report.source),
            version=_word(report.version),
            reported_at=utc(report.reported_at),
            addresses=tuple(_address(lease) for lease in report.addresses),
            problems=tuple(_problem(one) for one in report.problems[:MAX_PROBLEMS]),
        )
    )


def _lease(read: _Address) -> Lease:
    return Lease(
        interface=check_interface(read.interface),
        address=read.address,
        prefixlen=read.prefixlen,
        gateway=read.gateway,
        server=read.server,
        dns_servers=read.dns_servers,
        domain_name=read.domain_name,
        host_name=read.host_name,
        mtu=read.mtu,
        renew=_seconds(read.renew),
        rebind=_seconds(read.rebind),
        expire=_seconds(read.expire),
    )


def _address(lease: Lease) -> _Address:
    return _Address(
        interface=lease.interface,
        address=lease.address,
        prefixlen=lease.prefixlen,
        gateway=lease.gateway,
        server=lease.server,
        dns_servers=lease.dns_servers,
        domain_name=None if lease.domain_name is None else _name(lease.domain_name),
        host_name=None if lease.host_name is None else _name(lease.host_name),
        mtu=lease.mtu,
        renew=_time(lease.renew),
        rebind=_time(lease.rebind),
        expire=_time(lease.expire),
    )


def _problem(one: Finding) -> _Problem:
    return _Problem(
        severity=one.severity,
        code=_word(one.code),
        place=_name(one.place),
        message=json_document.text(one.message, MAX_SENTENCE),
        action=json_document.text(one.action, MAX_SENTENCE),
    )


def _word(value: str) -> str:
    return json_document.text(value, 128)


def _name(value: str) -> str:
    return json_document.text(value, 255)


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(json_document.seconds(moment))


def _time(seconds: int | None) -> datetime | None:
    return None if seconds is None else utc(seconds)
