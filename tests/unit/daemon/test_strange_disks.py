"""A real daemon whose own disk, or whose shared one, is not as it should be."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from children import Child
from daemons import daemon
from patience import eventually

from isi_net import services
from isi_net.demo.cloud import block
from isi_net.formats import flx_config
from isi_net.model.network import Configuration
from isi_net.store.tree import Tree

SETTINGS = """
[node]
devid = 3
[interfaces]
ext-1 = "lo"
[dhcp]
manager = "AWS"
client = "dhclient"
[daemon]
poll_interval = 0.05
"""
# Says when it is started, and asks nobody for anything.
DHCLIENT = """#!/bin/sh
touch "{started}"
exec sleep 60
"""


class Node:
    """A node in a cloud, with another dhclient's lease of its interface, and one that may be started."""

    def __init__(self, directory: Path) -> None:
        self.tree = Tree(str(directory / "root"), str(directory / "ifs"))
        self.started = directory / "started"
        self.programs = directory / "bin"
        self.lease = directory / "root/var/lib/dhclient/dhclient-lo.leases"
        for path in (Path(self.tree.settings), self.lease, self.programs / "dhclient"):
            path.parent.mkdir(parents=True, exist_ok=True)
        Path(self.tree.settings).write_text(SETTINGS)
        self.lease.write_text(block("lo", IPv4Address("10.20.30.13"), time.time()))
        program = self.programs / "dhclient"
        program.write_text(DHCLIENT.format(started=self.started))
        program.chmod(0o755)

    def wait_for(self, so: Callable[[], object], what: str) -> None:
        eventually(so, what)

    def reason(self) -> str:
        return next((one.reason for one in services.said(self.tree) if one.name == "dhclient-ext-1"), "")

    def log(self) -> str:
        path = Path(self.tree.log)
        return path.read_text() if path.exists() else ""


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


@pytest.fixture
def start(node: Node) -> Iterator[Callable[[], Child]]:
    path = f"{node.programs}:{os.environ['PATH']}"
    with ExitStack() as stack:
        yield lambda: stack.enter_context(daemon(node.tree, PATH=path))


def test_who_cannot_remember_what_it_saw_reports_and_merges_all_the_same(
    node: Node, start: Callable[[], object]
) -> None:
    Path(node.tree.joined).mkdir(parents=True)
    Path(node.tree.flexnet).mkdir(parents=True)
    Path(node.tree.configuration).write_bytes(flx_config.render(Configuration()))
    start()
    node.wait_for(lambda: os.path.exists(node.tree.revision(1)), "a revision")
    node.wait_for(lambda: "[joined_unwritable]" in node.log(), "the finding")
    written = os.stat(node.tree.tenure(1)).st_mtime_ns
    node.wait_for(lambda: os.stat(node.tree.tenure(1)).st_mtime_ns > written, "one more turn of the merger")
    node.wait_for(node.reason, "it says why it starts none")
    assert node.reason() == f"dhclient's lease is used, {node.lease}"
    assert not node.started.exists()


def test_leases_are_read_while_the_shared_file_system_is_not_the_known_one(
    node: Node, start: Callable[[], object]
) -> None:
    """Another client may turn up meanwhile, and its process be called something that nobody knows."""
    said = node.lease.read_text()
    node.lease.unlink()
    services.wish(node.tree, "dhclient-ext-1", False)
    Path(node.tree.flexnet).mkdir(parents=True)
    Path(node.tree.configuration).write_bytes(flx_config.render(Configuration()))
    start()
    node.wait_for(lambda: node.reason() == "disabled by hand", "its first turn")
    os.rename(node.tree.ifs, f"{node.tree.ifs}.away")
    node.wait_for(lambda: "mount the shared file system" in node.log(), "it waits")
    node.lease.write_text(said)
    services.wish(node.tree, "dhclient-ext-1", True)
    node.wait_for(lambda: "[two_clients]" in node.log(), "the finding")
    assert f"dhclient's lease is used, {node.lease} as well" in node.log()
    assert not os.path.exists(node.tree.revisions)
