"""The reporter's part of the daemon: this node's leases, and what they tell of its cloud, are reported."""

import time
from collections.abc import Callable

from isi_net import __version__
from isi_net.dhcp.leases import InterfaceLease
from isi_net.model.cloud import NOBODY
from isi_net.model.network import CLOUDS, Node
from isi_net.model.turn import Turn
from isi_net.node.cloud import NodeCloud
from isi_net.node.leases import node_leases
from isi_net.reporter.inventory import Stocktaker
from isi_net.reporter.reporter import Reporter, Witness
from isi_net.settings import Settings
from isi_net.store.tree import Tree


class Reporting:
    """Reads and reports, turn by turn; `found` are the leases as they were last read, None before that."""

    def __init__(self, tree: Tree, settings: Settings, node: Node, ticking: Callable[[], float]) -> None:
        """`ticking` is in seconds that never jump."""
        self._leases, self._cloud = node_leases(tree, settings), NodeCloud(tree, settings)
        self._reporter = Reporter(tree, Witness(node, NOBODY, settings.source, __version__), time.time)
        self._stocktaker = Stocktaker(tree, node, settings.interfaces, ticking)
        self.found: tuple[InterfaceLease, ...] | None = None
        self.directories = self._leases.directories
        self.look_at_machine = self._cloud.look_at_machine

    def machine_is_in_cloud(self) -> bool:
        """Whether the settings or the machine itself, whatever its leases say, tell of a cloud."""
        return self._cloud.by_machine().manager in CLOUDS

    def read(self) -> None:
        """Reads the leases.  Raises what reading raises; `found` are the last ones then."""
        self.found = self._leases.read()

    def turn(self) -> Turn:
        """Reports the leases as they were read.  Raises what reading and writing a report raise."""
        found = self.found or ()
        cloud = self._cloud.by_leases(found)
        problems = [*cloud.findings, *(problem for one in found for problem in one.problems)]
        sources = ", ".join(sorted({one.source for one in found if one.lease}))
        leases = {one.interface: one.lease for one in found}
        report = self._reporter.turn(leases, problems, sources, cloud.manager)
        said = ", ".join(f"{lease.interface} {lease.address}" for lease in report.addresses)
        findings = (*report.problems, *self._stocktaker.turn())
        return Turn(f"{said or 'no lease'}, by {report.manager or 'nobody knows whom'}", findings)
