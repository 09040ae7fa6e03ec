"""The services' part of the daemon: its DHCP clients and Flexnet, as commands want them."""

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from isi_net.daemon.watch import WakeUps
from isi_net.dhcp.leases import InterfaceLease
from isi_net.dhcp.service import DHCPClients, Rules
from isi_net.dhcp.supervisor import Supervisor
from isi_net.errors import Error, FormatError, Unreadable, Unwritable
from isi_net.flexnet import published
from isi_net.flexnet.apply import Flexnet
from isi_net.model.finding import Finding
from isi_net.model.network import Configuration, Node
from isi_net.model.service import FLEXNET, Service, Wish
from isi_net.model.turn import Turn
from isi_net.services import FollowedWishes, Saying
from isi_net.settings import Settings
from isi_net.store import atomic
from isi_net.store.tree import Tree

# Between two looks at who is in which pool, for the DHCP clients' sake.
NETWORK_SECONDS = 5.0


class Kept:
    """What of the services outlives a change of the settings: clients that are still wanted run on."""

    def __init__(
        self, tree: Tree, wake_ups: WakeUps, log: Callable[[str], None], ticking: Callable[[], float]
    ) -> None:
        """`log` takes what clients say; `ticking` is in seconds that never jump."""
        self.supervisor = Supervisor(log, ticking, time.time, wake_ups.attend, wake_ups.neglect)
        self.wishes, self.saying = FollowedWishes(tree), Saying(tree)
        self.flexnet_starts = 0
        self.wake, self.ticking = wake_ups.wake, ticking
        with contextlib.suppress(Unwritable):  # whoever writes a wish there says why it cannot be
            atomic.make_directory(os.path.dirname(tree.service_wishes))  # so that the first one is heard


class Serving:
    """The services of one node between two changes of its settings; each is a part of the loop."""

    def __init__(
        self,
        tree: Tree,
        settings: Settings,
        node: Node,
        in_cloud: bool,
        network: published.Following,
        leases: Callable[[], tuple[InterfaceLease, ...] | None],
        kept: Kept,
    ) -> None:
        """`in_cloud` is whether a cloud gives the addresses; `leases` gives them as they were last read, None
        while they never were.
        """
        self._tree, self._kept, self._leases = tree, kept, leases
        self._started: int | None = None  # for which of the restarts asked for; None while Flexnet is off
        self._interfaces = settings.interfaces
        self._network, self._due = network, kept.ticking()
        rules = Rules(node, settings.interfaces, settings.client, settings.source, in_cloud)
        self._clients = DHCPClients(tree, rules, kept.supervisor, kept.ticking)
        self._flexnet = Flexnet(network, node, settings.interfaces, time.time, kept.ticking, kept.wake)

    def parts(self) -> Mapping[str, Callable[[], Turn]]:
        """The turns to take, by name."""
        return {"DHCPClients": self._run_clients, "Flexnet": self._apply}

    def directories(self) -> list[str]:
        """Where what matters to the services may change: the wishes, and what Flexnet applies."""
        wishes = os.path.dirname(self._tree.service_wishes)
        return [wishes] if self._started is None else [wishes, self._tree.revisions]

    def close(self) -> None:
        """Lets go of the kernel; clients and addresses stay."""
        self._flexnet.close()

    def _run_clients(self) -> Turn:
        turn = self._clients.turn(self._kept.wishes.look(), self._look(), self._leases())
        services = self._clients.services
        unsaid = self._say("DHCPClients", services) if services is not None else ()
        return replace(turn, findings=(*turn.findings, *self._kept.wishes.findings(), *unsaid))

    def _look(self) -> Configuration | None:
        """The published configuration: all nodes ask the shared file system for it, so not at every turn.

        Why it cannot be read, the merger says; clients run on without it.
        """
        if not self._interfaces:
            return Configuration()
        if self._kept.ticking() >= self._due:
            self._due = self._kept.ticking() + NETWORK_SECONDS
            with contextlib.suppress(Unreadable, FormatError):
                self._network.look()
        return self._network.last

    def _apply(self) -> Turn:
        """Flexnet's turn, when it is enabled; nothing is taken away when it is disabled."""
        wishes = self._kept.wishes.look()
        wish = wishes.of(FLEXNET) if wishes is not None else Wish()
        self._start_or_end(wish)
        turn, trouble = Turn(f"off; isi_net services enable {FLEXNET}"), "its last turn failed, see the log"
        try:
            if self._started is not None:
                turn = self._flexnet.turn()
            trouble = hindrance(turn)
        except Error as why:
            trouble = str(why)
            raise
        finally:
            one = replace(self._flexnet.service(wish.enabled), starts=self._kept.flexnet_starts)
            if trouble:
                one = replace(one, state="waiting", reason=trouble)
            unsaid = self._say("Flexnet", [one])
        return replace(turn, findings=(*turn.findings, *unsaid))

    def _start_or_end(self, wish: Wish) -> None:
        """Has Flexnet begin anew where it was not enabled, or a restart was asked for."""
        started = wish.restarts if wish.enabled else None
        if started is None or started != self._started:
            self._flexnet.close()
            self._kept.flexnet_starts += started is not None
        self._started = started

    def _say(self, part: str, services: Iterable[Service]) -> tuple[Finding, ...]:
        """Says what a part's services are; where that cannot be written, people miss it, and nothing else."""
        try:
            self._kept.saying.say(part, services)
        except Unwritable as why:
            what = f"what the services are cannot be said: {why.what}"
            return (Finding(why.where, "services_unwritable", "warning", what, why.todo),)
        return ()


def hindrance(turn: Turn) -> str:
    """What keeps Flexnet from changing anything at all, whatever NIC it is; empty where nothing does."""
    found = (one for one in turn.findings if one.severity == "error" and one.place == "Flexnet")
    return next((f"{one.message}; {one.action}" for one in found), "")
