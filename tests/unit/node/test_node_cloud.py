"""What stays known of a node's cloud while its leases come and go, and its machine is what it is."""

import os
import time
from ipaddress import IPv4Address
from pathlib import Path

import machines
import pytest

from isi_net.demo.cloud import block
from isi_net.model.network import Node
from isi_net.node.cloud import NodeCloud
from isi_net.node.leases import node_leases
from isi_net.settings import Settings
from isi_net.store.tree import Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A node that its lease, one of AWS', tells the cloud of."""
    found = Tree(str(tmp_path))
    os.makedirs(found.leases)
    Path(found.lease("ext-1")).write_text(block("ext-1", IPv4Address("10.20.30.13"), time.time()))
    return found


def test_a_lease_that_cannot_be_read_just_now_does_not_move_the_node_out_of_its_cloud(tree: Tree) -> None:
    leases, cloud = node_leases(tree, Settings()), NodeCloud(tree, Settings())
    assert cloud.by_leases(leases.read()).manager == "AWS"
    Path(tree.lease("ext-1")).write_bytes(b"")
    found = leases.read()
    assert [one.lease for one in found] == [None]
    assert cloud.by_leases(found).manager == "AWS"
    assert NodeCloud(tree, Settings()).by_leases(found).manager == "DHCP"


def test_an_interface_that_is_gone_is_not_remembered(tree: Tree) -> None:
    leases, cloud = node_leases(tree, Settings()), NodeCloud(tree, Settings())
    assert cloud.by_leases(leases.read()).manager == "AWS"
    os.unlink(tree.lease("ext-1"))
    assert cloud.by_leases(leases.read()).manager == "DHCP"


def test_the_machine_alone_is_asked_without_forgetting_what_leases_said(tree: Tree) -> None:
    cloud = NodeCloud(tree, Settings())
    found = node_leases(tree, Settings()).read()
    assert cloud.by_leases(found).manager == "AWS"
    assert cloud.by_machine().manager == "DHCP"
    Path(tree.lease("ext-1")).write_bytes(b"")
    assert cloud.by_leases(node_leases(tree, Settings()).read()).manager == "AWS"


@pytest.mark.parametrize(("node", "place"), [(None, "this node"), (Node(3, 1, "n"), "node 3")])
def test_a_finding_is_of_the_node_that_the_settings_name(tree: Tree, node: Node | None, place: str) -> None:
    machines.describe(tree, machines.IN_A_CLOUD["GCP"][1])
    settings = Settings(node=node)
    verdict = NodeCloud(tree, settings).by_leases(node_leases(tree, settings).read())
    assert [(one.place, one.code) for one in verdict.findings] == [(place, "cloud_contradictory")]
