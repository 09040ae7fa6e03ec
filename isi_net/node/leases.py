"""This node's leases, looked for as its settings say."""

from isi_net.dhcp.clients import kind
from isi_net.dhcp.leases import NodeLeases
from isi_net.dhcp.sources import chosen
from isi_net.settings import Settings
from isi_net.store.tree import Tree


def node_leases(tree: Tree, settings: Settings) -> NodeLeases:
    """All leases of the node with these settings; nothing is read yet.

    Raises BadValue where the source that they name, one from outside of this package, is not there any more.
    """
    return NodeLeases(tree, settings.interfaces, chosen(settings.source), own=kind(settings.client))
