"""A cluster's files for the benches: reports of any number of nodes, and configurations of any size."""

import os
import time
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

from isi_net.formats import flx_config, node_report
from isi_net.model.lease import Lease
from isi_net.model.merge import merge
from isi_net.model.names import GroupnetId
from isi_net.model.network import Configuration, Pool, Range
from isi_net.model.report import Report
from isi_net.store.tree import Tree

# In one /16 with the nodes that have daemons (`nodes.py`).
FIRST = IPv4Address("10.20.32.0")
ROUTER = IPv4Address("10.20.30.1")
DAY = 86400


def report(devid: int, address: IPv4Address | None = None, later: int = 0) -> Report:
    """What a node says whose lease is good for a day; `later` is in seconds."""
    now = int(time.time()) + later
    lease = Lease(
        "ext-1",
        address or FIRST + devid,
        16,
        ROUTER,
        ROUTER,
        dns_servers=(IPv4Address("10.20.0.2"),),
        domain_name="eu-west-1.compute.internal",
        host_name=f"ip-10-20-{devid}",
        mtu=9001,
        renew=now + DAY // 2,
        rebind=now + DAY * 7 // 8,
        expire=now + DAY,
    )
    return Report(devid, devid, f"GLaDOS-{devid}", "AWS", "dhclient", "0.1.0", now, (lease,))


def write_report(tree: Tree, said: Report) -> None:
    """Puts a report in its place as a reporter does, but for the fsyncs, which nobody measures here."""
    path = tree.report(said.devid)
    write(f"{path}.new", node_report.render(said))
    os.rename(f"{path}.new", path)


def write_reports(tree: Tree, nodes: int) -> None:
    for devid in range(1, nodes + 1):
        write_report(tree, report(devid))


def write(path: str, data: bytes) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    Path(path).write_bytes(data)


def publish(tree: Tree, nodes: int, pools: int) -> None:
    """A published configuration: `nodes` members in the leased pool, and as many pools as one likes."""
    now = int(time.time())
    merged = merge(Configuration(), [report(devid) for devid in range(1, nodes + 1)], now).configuration
    subnet_id, subnet = next(iter(merged.subnets()))
    by_hand = tuple(_pool(number) for number in range(2, pools + 1))
    subnet = replace(subnet, pools=subnet.pools + by_hand, next_number=pools + 1)
    full = merged.with_subnet(GroupnetId(subnet_id.groupnet), subnet)
    data = flx_config.render(replace(full, revision=1, term=1, published=now, author="bench"))
    flx_config.validate(data)
    write(tree.revision(1), data)
    write(tree.configuration, data)


def _pool(number: int) -> Pool:
    low = IPv4Address("10.20.128.0") + 16 * number
    return Pool(number, f"pool{number - 1}", manual_ranges=(Range(low, low + 15),))
