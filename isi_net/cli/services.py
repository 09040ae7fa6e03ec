"""`isi_net services`: what runs on this node beside its daemon, and is to run."""

from collections.abc import Callable
from typing import Any

import click

from isi_net import services
from isi_net.cli import complete
from isi_net.cli.grammar import Verbs
from isi_net.cli.output import Column, Record
from isi_net.cli.records import time_text
from isi_net.cli.show import Showing, listing, viewing
from isi_net.cli.stdout import say, warn
from isi_net.errors import Error, Refused
from isi_net.model.service import Service
from isi_net.settings import load
from isi_net.store.tree import Tree

COLUMNS = (
    Column("name", "Name"),
    Column("enabled", "Enabled"),
    Column("by_hand", "By Hand"),
    Column("state", "State"),
    Column("reason", "Reason"),
)
VIEW = (
    *COLUMNS,
    Column("pid", "PID"),
    Column("since", "Since"),
    Column("starts", "Starts"),
    Column("last_exit", "Last Exit", lambda value: value or []),
    Column("next_try", "Next Try"),
)


def record(one: Service) -> Record:
    """One service as scripts read it."""
    return {
        "name": one.name,
        "enabled": one.enabled,
        "by_hand": one.by_hand,
        "state": one.state,
        "reason": one.reason,
        "pid": one.pid,
        "since": time_text(one.since),
        "starts": one.starts,
        "last_exit": one.last_exit,
        "next_try": time_text(one.next_try),
    }


class _AsIsi(Verbs):
    """Takes `services -a NAME enable`, too, as `isi services` does."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args[:1] == ["-a"] and args[2:] in (["enable"], ["disable"]):
            args = [args[2], args[1]]
        return super().parse_args(ctx, args)


@click.group(cls=_AsIsi, invoke_without_command=True, no_args_is_help=True)
@click.option(
    "-a",
    "name",
    metavar="NAME [enable|disable]",
    help="Say whether the service is enabled; or enable or disable it.",
    shell_complete=complete.services,
)
@click.pass_context
def command(context: click.Context, name: str | None) -> None:
    """Services of this node: its DHCP clients, and Flexnet."""
    if name is None:
        return
    if context.invoked_subcommand is not None:
        raise click.UsageError("Behind '-a NAME' stands enable, disable, or nothing.", context)
    enabled = _service(context.obj, name, _doubt).enabled
    say([f"Service '{name}' is {'enabled' if enabled else 'disabled'}."])


@command.command("list")
@listing
@click.pass_obj
def list_(tree: Tree, showing: Showing) -> None:
    """Lists the services of this node.

    \b
    Examples:
      isi_net services list
      isi_net services list --format json
    """
    found = services.services(tree, load(tree).interfaces, _doubt)
    showing.records([record(one) for one in found], COLUMNS, VIEW)


def _named(command: Any) -> Any:
    return click.argument("name", metavar="NAME", shell_complete=complete.services)(command)


@command.command()
@_named
@viewing
@click.pass_obj
def view(tree: Tree, name: str, showing: Showing) -> None:
    """Shows one service: whether it is enabled, why, and what it does.

    \b
    Examples:
      isi_net services view dhclient-ext-1
    """
    showing.record(record(_service(tree, name, _doubt)), VIEW)


@command.command()
@_named
@click.pass_obj
def enable(tree: Tree, name: str) -> None:
    """Has a service run, from now on and after every boot.

    \b
    Examples:
      isi_net services enable dhclient-ext-1
    """
    _wish(tree, name, True)


@command.command()
@_named
@click.pass_obj
def disable(tree: Tree, name: str) -> None:
    """Has a service not run, from now on and after every boot.

    \b
    Examples:
      isi_net services disable dhclient-ext-1
    """
    _wish(tree, name, False)


@command.command()
@_named
@click.pass_obj
def restart(tree: Tree, name: str) -> None:
    """Has a service that is enabled ended and started again.

    \b
    Examples:
      isi_net services restart dhclient-ext-1
    """
    unread: list[Error] = []
    one = _service(tree, name, unread.append)
    if not one.enabled and (one.by_hand or not unread):
        raise Refused(f"the service {name!r} is disabled", todo=f"isi_net services enable {name}")
    services.wish_restart(tree, name)
    when = "" if services.daemon_runs(tree) else " when the daemon runs"
    say([f"The service '{name}' will be restarted{when}."])


def _wish(tree: Tree, name: str, enabled: bool) -> None:
    _service(tree, name)
    services.wish(tree, name, enabled)
    say([f"The service '{name}' has been {'enabled' if enabled else 'disabled'}."])


def _service(tree: Tree, name: str, doubt: Callable[[Error], object] = lambda _: None) -> Service:
    return services.service(tree, load(tree).interfaces, name, doubt)


def _doubt(why: Error) -> None:
    warn(f"what the daemon says of the services cannot be read: {why}")
