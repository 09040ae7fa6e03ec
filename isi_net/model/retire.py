"""The configuration without one node: what is left when it is retired."""

from dataclasses import replace

from isi_net.model.network import Configuration


def without_node(configuration: Configuration, devid: int) -> Configuration:
    """Without the leased addresses of `devid`, and without its name."""
    for pool_id, pool in list(configuration.pools()):
        kept = tuple(one for one in pool.assignments if one.devid != devid)
        if kept != pool.assignments:
            configuration = configuration.with_pool(pool_id.subnet_id, replace(pool, assignments=kept))
    return replace(configuration, nodes=tuple(node for node in configuration.nodes if node.devid != devid))
