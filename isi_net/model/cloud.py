"""Which cloud is this: evidence of the machine and of its leases, and the verdict.

DMI's texts are those by which cloud-init (tools/ds-identify, sources/DataSource*.py) and systemd
(src/basic/virt.c) tell the clouds: AWS says `Amazon EC2` on Nitro and on metal, and on Xen gives away itself
by the BIOS' version or by a UUID that begins with ec2, in either byte order (AWS, "Detect whether a host is
an EC2 instance"); Azure has a chassis tag beside Microsoft's name, which every Hyper-V has; GCP and OCI
name themselves.

A lease is what a network says, and whoever answers first on a network may say anything.  So it is heard
after DMI, and only what no other network has a reason to say counts: 168.63.129.16, Microsoft's own address,
as DHCP server, resolver or option 245 (Azure, "What is IP address 168.63.129.16"); 169.254.169.254 as DHCP
server or resolver, which GCP and OCI share (GCP, "Compute Engine internal DNS"; OCI, "DHCP Options": the VCN
resolver), and OCI's domain; AWS' resolver at the network's base plus two together with AWS' own domain (AWS,
"DHCP option sets"): each of the two alone is seen elsewhere.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import combinations
from typing import NamedTuple

from isi_net.model.finding import Finding
from isi_net.model.lease import Lease
from isi_net.model.network import AUTO, ON_PREMISES

NOBODY = ""  # who is named when the evidence contradicts itself

DMI_FIELDS = (
    "sys_vendor",
    "product_name",
    "board_vendor",
    "bios_vendor",
    "bios_version",
    "chassis_asset_tag",
    "product_uuid",
)

_FINGERPRINTS: tuple[tuple[str, Mapping[str, str]], ...] = (
    ("AWS", {"sys_vendor": "Amazon EC2"}),
    ("AWS", {"sys_vendor": "Xen", "bios_version": r"[0-9.]+\.amazon"}),
    # One Xen in 4096 has such a UUID by chance: it counts where the BIOS does not say another version.  The
    # second form is the same UUID with its first field's bytes the other way round (SMBIOS 2.4).
    (
        "AWS",
        {
            "sys_vendor": "Xen",
            "bios_version": r"(?:[0-9.]+\.amazon)?",
            "product_uuid": r"(?i:ec2[0-9a-f]{5}|[0-9a-f]{4}2[0-9a-f]ec)-.*",
        },
    ),
    (
        "Azure",
        {"sys_vendor": "Microsoft Corporation", "chassis_asset_tag": "7783-7084-3265-9085-8269-3286-77"},
    ),
    ("GCP", {"product_name": "Google Compute Engine"}),
    ("GCP", {"sys_vendor": "Google", "product_name": "Google"}),
    ("OCI", {"chassis_asset_tag": r"OracleCloud\.com"}),
)

_AZURE_WIRE_SERVER = IPv4Address("168.63.129.16")
_LINK_LOCAL_SERVER = IPv4Address("169.254.169.254")
# Lease files of FreeBSD call it option-245, all others unknown-245; its value is four bytes in hex.
_OPTION_245 = re.compile(r"(?:unknown|option)-245")
_WIRE_SERVER_BYTES = "a8:3f:81:10"
_AWS_DOMAIN = re.compile(r"(?i:(?:.+\.)?compute\.internal|(?:.+\.)?ec2\.internal)\.?")
_OCI_DOMAIN = re.compile(r"(?i:(?:.+\.)?oraclevcn\.com)\.?")
_VPC_BITS = range(16, 29)  # AWS, "VPC CIDR blocks": a /28 to a /16

_QUOTED = 60  # characters of a text that the network may have written


class Fact(NamedTuple):
    """One field of DMI: its name, the path of its file, and what it says."""

    name: str
    path: str
    value: str


class Evidence(NamedTuple):
    """One thing that was looked at: where, what it says, and whose it can be, the likeliest first.

    `managers` is empty where it names no cloud.
    """

    where: str
    value: str
    managers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Who allocates this node's addresses, and why.

    `manager` is a cloud, `DHCP` where nothing speaks for a cloud, or empty where the evidence contradicts
    itself; `explicit` says that the settings name it.
    """

    manager: str
    explicit: bool
    evidence: tuple[Evidence, ...] = ()
    findings: tuple[Finding, ...] = ()


def of_machine(facts: Sequence[Fact]) -> tuple[Evidence, ...]:
    """What each of DMI's fields says: those of a fingerprint name their cloud, the others nobody."""
    said = {fact.name: fact.value for fact in facts}
    whose: dict[str, dict[str, None]] = {}
    for manager, marks in _FINGERPRINTS:
        if all(re.fullmatch(mark, said.get(name, "")) for name, mark in marks.items()):
            for name in marks:
                whose.setdefault(name, {})[manager] = None
    return tuple(Evidence(fact.path, fact.value, tuple(whose.get(fact.name, ()))) for fact in facts)


def of_lease(where: str, lease: Lease) -> Iterator[Evidence]:
    """What a lease says of the cloud; nothing where it says what any network may. `where` it lies."""
    named = [("DHCP server", lease.server), *(("resolver", one) for one in lease.dns_servers)]
    for what, address in named:
        if address == _AZURE_WIRE_SERVER:
            yield Evidence(where, f"{what} {address}", ("Azure",))
        elif address == _LINK_LOCAL_SERVER:
            yield Evidence(where, f"{what} {address}", ("GCP", "OCI"))
    for name, value in lease.options:
        if _OPTION_245.fullmatch(name) and value == _WIRE_SERVER_BYTES:
            yield Evidence(where, f"option 245 {_AZURE_WIRE_SERVER}", ("Azure",))
    domain = lease.domain_name or ""
    if _OCI_DOMAIN.fullmatch(domain):
        yield Evidence(where, f"domain {_short(domain)}", ("OCI",))
    if _AWS_DOMAIN.fullmatch(domain):
        bases = (int(lease.address) >> (32 - bits) << (32 - bits) for bits in _VPC_BITS)
        resolvers = {base + 2 for base in bases}
        for one in lease.dns_servers:
            if int(one) in resolvers:
                yield Evidence(where, f"resolver {one} and domain {_short(domain)}", ("AWS",))


def judge(
    wanted: str, machine: Iterable[Evidence], leases: Iterable[tuple[str, Lease]], place: str
) -> Verdict:
    """The verdict on a node's machine and its current leases, each with where it lies.

    `wanted` is what the settings name, or `auto`; findings are of `place`.  What is named is final, and
    contrary evidence a finding.  Else all that names anybody must agree: where it does not, nobody is named,
    since an address in the wrong hands is worse than one that waits.
    """
    heard = (one for where, lease in leases for one in of_lease(where, lease))
    evidence = tuple(dict.fromkeys((*machine, *heard)))
    speaking = [one for one in evidence if one.managers]
    if wanted != AUTO:
        contrary = [one for one in speaking if wanted not in one.managers]
        findings = (_contrary(place, wanted, contrary),) if contrary else ()
        return Verdict(wanted, True, evidence, findings)
    if not speaking:
        return Verdict(ON_PREMISES, False, evidence)
    agreed = [manager for manager in speaking[0].managers if all(manager in one.managers for one in speaking)]
    if agreed:
        return Verdict(agreed[0], False, evidence)
    return Verdict(NOBODY, False, evidence, (_contradictory(place, speaking),))


def _contrary(place: str, wanted: str, contrary: Sequence[Evidence]) -> Finding:
    return Finding(
        place,
        "cloud_contrary",
        "warning",
        f"[dhcp] manager is {wanted}, but {_quoted(contrary[0])}",
        "correct [dhcp] manager in isi_net.toml, or look at what says otherwise: isi_net cloud view",
    )


def _contradictory(place: str, speaking: Sequence[Evidence]) -> Finding:
    # Where all do not agree, two do not: only GCP and OCI are ever named together.
    one, other = next(
        pair for pair in combinations(speaking, 2) if not set(pair[0].managers) & set(pair[1].managers)
    )
    return Finding(
        place,
        "cloud_contradictory",
        "error",
        f"nobody is named as its external manager: {_quoted(one)}, but {_quoted(other)}",
        "name the one that is right as [dhcp] manager in isi_net.toml; see isi_net cloud view",
    )


def _quoted(one: Evidence) -> str:
    return f"{one.where} says {_short(one.value)!r}, which is {' or '.join(one.managers)}"


def _short(text: str) -> str:
    return text if len(text) <= _QUOTED else text[:_QUOTED] + "…"
