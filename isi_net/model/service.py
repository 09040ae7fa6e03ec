"""The services of a node: what the administrator wants of them, and what its daemon says of them.

`flexnet` applies the configuration; `dhclient-ext-1` is the DHCP client of the interface ext-1, whichever
program that is.  A restart is a number that grows: who sees it grow restarts once, and a wish that nobody
has seen yet is not lost.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from isi_net.model.names import is_interface

FLEXNET = "flexnet"
_CLIENT = "dhclient-"

State = Literal["running", "waiting", "stopped", "missing"]
STATES: tuple[State, ...] = get_args(State)


def client_of(interface: str) -> str:
    """The name of the service that is the interface's DHCP client: `dhclient-ext-1`."""
    return f"{_CLIENT}{interface}"


def interface_of(name: str) -> str | None:
    """The interface whose DHCP client the service of this name is; None where it is no such service."""
    interface = name.removeprefix(_CLIENT)
    return interface if interface != name and is_interface(interface) else None


def is_service(name: str) -> bool:
    """Whether a service can have this name."""
    return name == FLEXNET or interface_of(name) is not None


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody said of one service; `enabled` is None where nobody said.  `restarts` only grows."""

    enabled: bool | None = None
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the administrator wants of this node's services."""

    by_name: Mapping[str, Wish] = field(default_factory=dict)

    def of(self, name: str) -> Wish:
        """What was said of this service."""
        return self.by_name.get(name, Wish())

    def enabled(self, name: str) -> bool | None:
        """Whether somebody enabled or disabled this service; None: nobody said."""
        return self.of(name).enabled

    def with_enabled(self, name: str, enabled: bool) -> "Wishes":
        """With this service enabled, or disabled, by hand."""
        return self._with(name, replace(self.of(name), enabled=enabled))

    def with_restart(self, name: str) -> "Wishes":
        """With one more restart of this service asked for."""
        wish = self.of(name)
        return self._with(name, replace(wish, restarts=wish.restarts + 1))

    def _with(self, name: str, wish: Wish) -> "Wishes":
        return Wishes({**self.by_name, name: wish})


@dataclass(frozen=True, slots=True)
class Service:
    """One service, as it is.

    `by_hand`: whether somebody enabled or disabled it; else the daemon decides, and `reason` says what made
    it.  `state`: `waiting` means that it is to run and does not just now (`next_try`, or `reason`, says
    what for), `missing` that its program is not there.  `starts` counts the starts since the daemon's own;
    `last_exit` says how the program last ended.  Times are in seconds since the epoch.
    """

    name: str
    enabled: bool
    by_hand: bool
    state: State
    reason: str = ""
    pid: int | None = None
    since: float | None = None
    starts: int = 0
    last_exit: str = ""
    next_try: float | None = None

    def not_running(self, reason: str) -> "Service":
        """The same while nothing of it runs."""
        return replace(self, state="stopped", reason=reason, pid=None, since=None, next_try=None)


def known(interfaces: Iterable[str], wishes: Wishes, said: Iterable[Service]) -> list[str]:
    """The names of all services: of the configured interfaces, of what was wished, of what runs."""
    names = {FLEXNET, *map(client_of, interfaces), *wishes.by_name, *(one.name for one in said)}
    return sorted(name for name in names if is_service(name))


def seen(name: str, wishes: Wishes, said: Iterable[Service], daemon_runs: bool) -> Service:
    """One service as a person is to see it: a wish at once, the rest as the daemon last said it.

    Nothing of a daemon that is down is believed to run.
    """
    wish = wishes.enabled(name)
    last = next((one for one in said if one.name == name), None)
    if last is None:
        why = "the daemon has said nothing of it yet" if daemon_runs else "the daemon is down"
        why = "nobody enabled it" if name == FLEXNET else why  # of all others the daemon decides
        last = Service(name, enabled=False, by_hand=False, state="stopped", reason=why)
    if wish is not None and (wish, True) != (last.enabled, last.by_hand):
        why = "the daemon has not seen it yet" if daemon_runs else "the daemon is down"
        last = replace(last, enabled=wish, by_hand=True, reason=f"by hand; {why}")
    return last if daemon_runs or last.state == "stopped" else last.not_running("the daemon is down")
