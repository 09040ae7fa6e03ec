"""`isi_net reports`: what each node reports of its leases."""

import time

import click

from isi_net.cli import complete
from isi_net.cli.change import Changing, author, changing
from isi_net.cli.dhcp import lease_record
from isi_net.cli.grammar import Spelled, Verbs
from isi_net.cli.output import Column, Record
from isi_net.cli.records import problem_lines, problem_record, time_text
from isi_net.cli.show import Showing, listing, viewing
from isi_net.cli.stdout import say
from isi_net.errors import NotFound
from isi_net.merger.retire import retire, what_goes
from isi_net.model.report import Report, UnreadReport
from isi_net.model.spellings import parse_number
from isi_net.reporter import inbox
from isi_net.store.tree import Tree


def _addresses(value: list[Record]) -> list[str]:
    return [f"{one['interface']} {one['address']}" for one in value]


_HEAD = (
    Column("devid", "DevID"),
    Column("lnn", "LNN"),
    Column("node", "Node"),
    Column("source", "Source"),
    Column("reported_at", "Reported At"),
    Column("addresses", "Addresses", _addresses),
)
COLUMNS = (*_HEAD, Column("problems", "Problems", lambda value: str(len(value))))
VIEW = (
    *_HEAD,
    Column("manager", "External Manager"),
    Column("version", "Version"),
    Column("problems", "Problems", problem_lines),
)


def record(report: Report | UnreadReport, now: float) -> Record:
    """One node's report; of one that cannot be read, only whose it is and why."""
    if isinstance(report, UnreadReport):
        empty: Record = dict.fromkeys(("lnn", "node", "source", "manager", "version", "reported_at"))
        problems = [problem_record(report.finding)]
        return {"devid": report.devid, **empty, "addresses": [], "problems": problems}
    return {
        "devid": report.devid,
        "lnn": report.lnn,
        "node": report.node,
        "source": report.source,
        "manager": report.manager,
        "version": report.version,
        "reported_at": time_text(report.reported_at),
        "addresses": [lease_record(one, now) for one in report.addresses],
        "problems": [problem_record(one) for one in report.problems],
    }


_DEVID = Spelled("DEVID", parse_number(1, 2**31 - 1))


@click.group(cls=Verbs)
def command() -> None:
    """What each node reports of its leases."""


@command.command("list")
@listing
@click.pass_obj
def list_(tree: Tree, showing: Showing) -> None:
    """Lists the reports of all nodes.

    \b
    Examples:
      isi_net reports list
      isi_net reports list --format json
    """
    now = time.time()
    showing.records([record(one, now) for one in inbox.reports(tree)], COLUMNS, VIEW)


@command.command()
@click.argument("devid", type=_DEVID, metavar="DEVID", shell_complete=complete.devids)
@viewing
@click.pass_obj
def view(tree: Tree, devid: int, showing: Showing) -> None:
    """Shows the report of the node with this DEVID.

    \b
    Examples:
      isi_net reports view 4
    """
    found = next((one for one in inbox.reports(tree) if one.devid == devid), None)
    if found is None:
        raise NotFound(f"there is no report of devid {devid}", tree.reports, "see isi_net reports list")
    showing.record(record(found, time.time()), VIEW)


@command.command()
@click.argument("devid", type=_DEVID, metavar="DEVID", shell_complete=complete.devids)
@changing
@click.pass_obj
def delete(tree: Tree, devid: int, changing: Changing) -> None:
    """Retires the node with this DEVID: deletes its report, and takes its leased addresses out of all pools.

    Refused while that node's daemon reports, which takes 2.5 seconds to see: a daemon whose poll_interval
    is above 2 seconds may report again after the node was retired.  Stop it first.

    \b
    Examples:
      isi_net reports delete 4 --dry-run
      isi_net reports delete 4
    """
    goes = what_goes(tree, devid)
    if changing.dry_run:
        say(goes)
        return
    changing.ask(f"Are you sure you want to retire devid {devid} with its report and addresses?")
    retire(tree, devid, author())
