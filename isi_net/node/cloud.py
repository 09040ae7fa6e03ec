"""The cloud that this node is in, by its settings, its machine and its leases."""

from collections.abc import Iterable

from isi_net.cloud import dmi
from isi_net.dhcp.leases import InterfaceLease
from isi_net.model.cloud import Verdict, judge, of_machine
from isi_net.model.lease import Lease
from isi_net.settings import Settings
from isi_net.store.tree import Tree


class NodeCloud:
    """What is known of the node's cloud; whoever keeps one remembers what was heard."""

    def __init__(self, tree: Tree, settings: Settings) -> None:
        self._tree, self._manager = tree, settings.manager
        self._place = "this node" if settings.node is None else f"node {settings.node.devid}"
        self._heard: dict[str, tuple[str, Lease]] = {}
        self.look_at_machine()

    def look_at_machine(self) -> None:
        """Reads what tells the cloud that this machine is in; it does not change while the machine runs."""
        self._machine = of_machine(dmi.facts(self._tree))

    def by_machine(self) -> Verdict:
        """The verdict by the settings and the machine itself, whatever its leases say."""
        return judge(self._manager, self._machine, (), self._place)

    def by_leases(self, found: Iterable[InterfaceLease]) -> Verdict:
        """The verdict by the leases as they were found, too: by the last one of each interface that could be
        read, since one that is being written just now does not move the node out of its cloud.
        """
        known = {one.interface: one for one in found}
        heard = {name: (one.path or name, one.lease) for name, one in known.items() if one.lease}
        self._heard = {name: one for name, one in (self._heard | heard).items() if name in known}
        return judge(self._manager, self._machine, self._heard.values(), self._place)
