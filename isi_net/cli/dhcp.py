"""`isi_net dhcp`: what DHCP servers leased."""

import os
import re
import time

import click

from isi_net.cli import complete
from isi_net.cli.grammar import Verbs
from isi_net.cli.output import Column, Record
from isi_net.cli.records import problem_lines, problem_record, time_text
from isi_net.cli.show import Showing, listing, viewing
from isi_net.cli.stdout import warn
from isi_net.errors import NotFound
from isi_net.model.finding import Finding
from isi_net.model.lease import Lease
from isi_net.model.names import check_interface
from isi_net.model.report import Report
from isi_net.store.tree import LEASE_PREFIX, Tree

_INTERFACE = Column("interface", "Interface")
_ADDRESS = Column("address", "Address")
_SERVER = Column("server", "DHCP Server")
_STATE = Column("state", "State")
_EXPIRE = Column("expire", "Expire", lambda value: value or "never")

SHOWN = (
    _INTERFACE,
    _ADDRESS,
    Column("prefixlen", "Prefix Length"),
    Column("gateway", "Gateway"),
    _SERVER,
    Column("dns_servers", "DNS Servers"),
    Column("domain_name", "Domain Name"),
    Column("host_name", "Host Name"),
    Column("mtu", "MTU"),
    _STATE,
    Column("renew", "Renew", lambda value: value or "never"),
    Column("rebind", "Rebind", lambda value: value or "never"),
    _EXPIRE,
    Column("options", "Options", lambda value: [f"{name} {text}" for name, text in value.items()]),
    Column("problems", "Problems", problem_lines),
)
SHOWN_SEVERAL = (_INTERFACE, _ADDRESS, Column("prefixlen", "Prefix Length"), _SERVER, _STATE, _EXPIRE)
LISTED = (
    Column("lnn", "LNN"),
    Column("node", "Node"),
    _INTERFACE,
    _ADDRESS,
    Column("manager", "External Manager"),
    _SERVER,
    _STATE,
    _EXPIRE,
)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def lease_record(lease: Lease, now: float) -> Record:
    """What a server promised, as a report carries it."""
    return {
        "interface": lease.interface,
        "address": str(lease.address),
        "prefixlen": lease.prefixlen,
        "gateway": _text(lease.gateway),
        "server": _text(lease.server),
        "dns_servers": [str(one) for one in lease.dns_servers],
        "domain_name": lease.domain_name,
        "host_name": lease.host_name,
        "mtu": lease.mtu,
        "state": lease.state(now),
        "renew": time_text(lease.renew),
        "rebind": time_text(lease.rebind),
        "expire": time_text(lease.expire),
    }


def whole_lease_record(lease: Lease, problems: tuple[Finding, ...], now: float) -> Record:
    """One lease with everything that its server said."""
    said = {"options": dict(lease.options), "problems": [problem_record(one) for one in problems]}
    return lease_record(lease, now) | said


def reported_lease_record(report: Report, lease: Lease, now: float) -> Record:
    """One lease of some node, as its report has it."""
    return {
        "lnn": report.lnn,
        "node": report.node,
        "interface": lease.interface,
        "address": str(lease.address),
        "manager": report.manager,
        "server": _text(lease.server),
        "state": lease.state(now),
        "expire": time_text(lease.expire),
    }


@click.group(cls=Verbs)
def command() -> None:
    """What DHCP servers leased."""


@command.group(cls=Verbs)
def lease() -> None:
    """Leases: of this node, of a file, or of all nodes."""


@lease.command()
@click.argument("interface", required=False, shell_complete=complete.interfaces)
@click.option("--file", "path", type=click.Path(), help="Read this lease file, of any node or none.")
@click.option(
    "--all", "everything", is_flag=True, help="Every lease in the files, not the current ones only."
)
@viewing
@click.pass_obj
def show(tree: Tree, interface: str | None, path: str | None, everything: bool, showing: Showing) -> None:
    """Shows this node's current lease of INTERFACE, or of each interface.

    Exits 1, printing nothing, when there is none.

    \b
    Examples:
      isi_net dhcp lease show ext-1
      isi_net dhcp lease show --format json
      isi_net dhcp lease show --file dhclient.leases.ext-1 --all
    """
    # `dhcp lease list` needs none of these
    from isi_net.dhcp.leases import of_file  # noqa: PLC0415
    from isi_net.node.leases import node_leases  # noqa: PLC0415
    from isi_net.settings import load  # noqa: PLC0415

    now = time.time()
    if interface is not None:
        check_interface(interface)
    if path is not None:
        name = interface or _interface_of(path)
        found = of_file(path, interface, name, everything)
    else:
        found = node_leases(tree, load(tree)).find(interface, everything)
    shown = [whole_lease_record(one, problems, now) for one, problems in found.leases]
    if not shown:
        what = f"no lease of {interface}" if interface else "no lease"
        if found.problems:
            raise NotFound(f"{what}: {', and '.join(str(one) for one in found.problems)}")
        where = path or (
            tree.lease(interface) if interface else os.path.join(tree.leases, f"{LEASE_PREFIX}*")
        )
        raise NotFound(what, where, "is a DHCP client running?")
    for problem in found.problems:
        warn(str(problem))
    if everything or len(shown) > 1:
        showing.records(shown, SHOWN_SEVERAL, SHOWN)
    else:
        showing.record(shown[0], SHOWN)


def _interface_of(path: str) -> str:
    """The interface that a file's own name tells, for files that tell it nowhere else.

    `…leases.em0` (OpenBSD), `em0.lease` (dhcpcd), `internal-UUID-em0.lease` (NetworkManager).
    """
    name = os.path.basename(path)
    _, found, interface = name.rpartition("leases.")
    if found:
        return interface
    stem = name.removesuffix(".lease")
    return re.sub(r"^internal-[0-9a-f-]{36}-", "", stem) if stem != name else ""


@lease.command("list")
@listing
@click.pass_obj
def list_(tree: Tree, showing: Showing) -> None:
    """Lists every node's leases, from the reports.

    \b
    Examples:
      isi_net dhcp lease list
      isi_net dhcp lease list --format json --sort expire
    """
    from isi_net.reporter import inbox  # noqa: PLC0415 - `dhcp lease show` needs none of it

    now = time.time()
    reports = (one for one in inbox.reports(tree) if isinstance(one, Report))
    found = [reported_lease_record(report, lease, now) for report in reports for lease in report.addresses]
    showing.records(found, LISTED)
