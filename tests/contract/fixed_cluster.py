"""A small cluster on disk that is the same on every day, and the commands run against it.

Everything happened on 7 February 2021.  Leases have run out since, or never will while anybody runs this.
Node 3 has a report that somebody broke, and node 4 says that it could not read all that it should have.
"""

import contextlib
import io
import os
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from pathlib import Path

import machines
import pytest

from isi_net.cli import main
from isi_net.formats import flx_config, inventory, node_report, services, tenure, wanted_services
from isi_net.model.finding import Finding
from isi_net.model.interface import Interface, Inventory
from isi_net.model.lease import Lease
from isi_net.model.merge import merge
from isi_net.model.names import GroupnetId
from isi_net.model.network import Configuration, Groupnet, Iface, Pool, Range, StaticRoute, Subnet
from isi_net.model.report import Report
from isi_net.model.service import Service, Wish, Wishes
from isi_net.model.static import with_addresses
from isi_net.model.tenure import Tenure
from isi_net.store.tree import Tree

CORPUS = Path(__file__).parents[1] / "corpus"

THEN = 1_612_715_180  # 2021-02-07T16:26:20Z
LATE = 4_070_908_800  # 2099-01-01T00:00:00Z
LAST_TURN = 2_114_380_800  # 2037-01-01T00:00:00Z, as late as every file system can say


def make(directory: Path, reported_at: int = THEN) -> Tree:
    """The cluster in `directory`, which is node 1's root; with old reports its nodes may be down."""
    tree = Tree(str(directory))
    for report in reports(reported_at):
        write(tree.report(report.devid), node_report.render(report))
    write(tree.inventory(1), inventory.render(Inventory(1, 1, "GLaDOS-1", interfaces())))
    write(tree.report(3), b'{"schema": 1, "devid": 3, "lnn": "three"}\n')
    known = with_addresses(by_hand(), Configuration())
    merged = merge(known, reports(THEN), THEN).configuration
    published = replace(
        merged,
        revision=12,
        term=3,
        published=THEN,
        author="GLaDOS-2(id2) IPMerger, term 3",
        change="pool0: made",
    )
    write(tree.revision(12), flx_config.render(published))
    write(tree.configuration, flx_config.render(published))
    write(tree.tenure(3), tenure.render(Tenure(3, 2, 2, "GLaDOS-2", 3626, THEN)))
    os.utime(tree.tenure(3), (LAST_TURN, LAST_TURN))
    write(tree.merger_lock, b"2\n")
    write(tree.settings, b'[node]\ndevid = 1\nlnn = 1\nname = "GLaDOS-1"\n[interfaces]\next-1 = "absent0"\n')
    machines.describe(tree, machines.IN_A_CLOUD["AWS Nitro"][1])
    for interface, recorded in (
        ("ext-1", "isc/08-unknown-options-and-rfc3442.leases"),
        ("ext-2", "isc/07-hostile-strings.leases"),
    ):
        write(tree.lease(interface), long_ago((CORPUS / recorded).read_bytes(), interface))
    write(tree.service_wishes, wanted_services.render(Wishes({"dhclient-ext-2": Wish(False)})))
    write(tree.services_said, services.render(said()))
    two = (CORPUS / "isc/43a-two-interfaces-one-file.leases").read_bytes()
    write(str(directory / "of-some-node.leases"), long_ago(two))
    return tree


def write(path: str, data: bytes) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(data)


def long_ago(leases: bytes, interface: str = "ext-1") -> bytes:
    """Recorded leases, of `interface`, that ran out in 2021 and not on the day of the recording."""
    return leases.replace(b"2026/11/22", b"2021/02/07").replace(
        b'interface "ext-1"', f'interface "{interface}"'.encode()
    )


def by_hand() -> Configuration:
    """What people had configured before the first lease came."""
    archive = Pool(
        number=1,
        name="archive",
        description="the tape library, and no more",
        access_zone="zone-1",
        aggregation_mode="lacp",
        manual_ranges=(
            Range(IPv4Address("10.20.31.5"), IPv4Address("10.20.31.9")),
            Range(IPv4Address("10.20.31.20"), IPv4Address("10.20.31.20")),
        ),
        manual_ifaces=(Iface(1, "ext-2"), Iface(2, "ext-2")),
        static_routes=(StaticRoute(IPv4Address("10.99.0.0"), 16, IPv4Address("10.20.31.1")),),
        rules=("rule0",),
        rebalance_policy="manual",
        sc_connect_policy="cpu_usage",
        sc_dns_zone="archive.example.com",
        sc_dns_zone_aliases=("tape.example.com", "old.example.com"),
        sc_subnet="subnet1",
        sc_suspended_nodes=(2,),
        sc_ttl=30,
    )
    subnet1 = Subnet(
        number=2,
        name="subnet1",
        addr_family="ipv4",
        prefixlen=24,
        base_addr=IPv4Address("10.20.31.0"),
        gateway=IPv4Address("10.20.31.1"),
        gateway_priority=20,
        mtu=9000,
        vlan_enabled=True,
        vlan_id=31,
        description="=1+1 is no formula",
        sc_service_addrs=(Range(IPv4Address("10.20.31.2"), IPv4Address("10.20.31.3")),),
        sc_service_name="sc.example.com",
        pools=(archive,),
        next_number=2,
    )
    subnet6 = Subnet(
        number=1,
        name="six",
        addr_family="ipv6",
        prefixlen=64,
        base_addr=IPv6Address("2001:db8::"),
        gateway=IPv6Address("2001:db8::1"),
        pools=(Pool(number=1, name="empty", alloc_method="dynamic", ipv6_perform_dad=True),),
        next_number=2,
    )
    groupnet0 = Groupnet(
        number=1,
        name="groupnet0",
        description="the first one",
        dns_servers=(IPv4Address("10.20.0.2"), IPv4Address("10.20.0.3")),
        dns_search=("example.com",),
        dns_options=("rotate",),
        next_number=2,
    )
    groupnet1 = Groupnet(number=2, name="lab-1", dns_cache_enabled=False, next_number=1)
    first = Configuration().with_groupnet(groupnet0).with_groupnet(groupnet1)
    return first.with_subnet(GroupnetId("groupnet0"), subnet1).with_subnet(GroupnetId("lab-1"), subnet6)


def reports(reported_at: int) -> list[Report]:
    """What nodes 1, 2 and 4 testify; 4 was replaced once, and has the LNN 3."""
    return [
        report(1, 1, reported_at, (lease("ext-1", "10.20.30.11", expire=LATE),)),
        report(2, 2, reported_at, (lease("ext-1", "10.20.30.12", expire=None),)),
        report(
            4,
            3,
            reported_at,
            (lease("ext-1", "10.20.30.13", expire=THEN + 3600), lease("ext-2", "10.20.30.23", expire=None)),
            (
                Finding(
                    "/var/db/dhclient/dhclient.leases.ext-1 line 7",
                    "lease_line",
                    "warning",
                    "no semicolon",
                    "look",
                ),
            ),
        ),
    ]


def said() -> tuple[Service, ...]:
    """What node 1's daemon said of its services; it is down since."""
    return (
        Service(
            name="dhclient-ext-1",
            enabled=True,
            by_hand=False,
            state="running",
            reason="ext-1 is in groupnet0.subnet0.pool0",
            pid=3627,
            since=THEN,
            starts=2,
            last_exit="killed by SIGKILL",
        ),
        Service(
            name="dhclient-ext-2", enabled=False, by_hand=True, state="stopped", reason="disabled by hand"
        ),
        Service(name="flexnet", enabled=False, by_hand=False, state="stopped", reason="nobody enabled it"),
    )


def interfaces() -> tuple[Interface, ...]:
    """What node 1 has: the one that is leased, the archive's without a cable, and its loopback."""
    return (
        Interface(
            name="ext-1",
            nic_name="ens5",
            status="up",
            type="gige",
            mac="02:00:00:00:00:0b",
            mtu=9001,
            speed=1000,
            flags=("up", "broadcast", "running", "multicast"),
            addresses=(IPv4Interface("10.20.30.11/24"), IPv6Interface("fe80::b/64")),
        ),
        Interface(name="ext-2", nic_name="ens6", status="no_carrier", type="10gige", mtu=1500),
        Interface(name="lo", nic_name="lo", status="up", type="loopback"),
    )


def report(
    devid: int, lnn: int, reported_at: int, leases: tuple[Lease, ...], problems: tuple[Finding, ...] = ()
) -> Report:
    return Report(devid, lnn, f"GLaDOS-{devid}", "AWS", "dhclient", "0.1.0", reported_at, leases, problems)


def lease(interface: str, address: str, expire: int | None) -> Lease:
    """A lease that is bound as long as it lasts."""
    return Lease(
        interface=interface,
        address=IPv4Address(address),
        prefixlen=24,
        gateway=IPv4Address("10.20.30.1"),
        server=IPv4Address("10.20.30.1"),
        dns_servers=(IPv4Address("10.20.0.2"),),
        domain_name="eu-west-1.compute.internal",
        host_name=f"ip-{address.replace('.', '-')}",
        mtu=9001,
        renew=expire,
        rebind=expire,
        expire=expire,
    )


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str


def run(directory: Path, *arguments: str) -> Ran:
    """Runs `isi_net --root . --ifs ifs ARGUMENTS` in `directory` and in this process, as its `main` would."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(directory),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main(["--root", ".", "--ifs", "ifs", *arguments])
    status = ended.value.code
    assert isinstance(status, int)
    return Ran(status, out.getvalue(), err.getvalue())
