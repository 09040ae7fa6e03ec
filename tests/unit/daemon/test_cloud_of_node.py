"""A real daemon names the cloud that its node is in: by the machine, by its lease, and by neither."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from ipaddress import IPv4Address
from pathlib import Path

import machines
import pytest
from children import Child
from daemons import daemon
from patience import eventually

from isi_net.demo.cloud import block
from isi_net.flexnet import published
from isi_net.formats import node_report
from isi_net.model.report import Report
from isi_net.store.tree import Tree

SETTINGS = '[node]\ndevid = 3\nlnn = 3\nname = "n-3"\n[daemon]\npoll_interval = 0.05\n'


def write_lease(tree: Tree, address: str = "10.20.30.13", domain: str = "example.com") -> None:
    Path(tree.leases).mkdir(parents=True, exist_ok=True)
    said = block("ext-1", IPv4Address(address), time.time())
    Path(tree.lease("ext-1")).write_text(said.replace("eu-west-1.compute.internal", domain))


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A node with a lease that says nothing of any cloud."""
    found = Tree(str(tmp_path))
    Path(found.settings).parent.mkdir()
    Path(found.settings).write_text(SETTINGS)
    write_lease(found)
    return found


@pytest.fixture
def start(tree: Tree) -> Iterator[Callable[[], Child]]:
    with ExitStack() as stack:
        yield lambda: stack.enter_context(daemon(tree))


def report(tree: Tree) -> Report | None:
    path = tree.report(3)
    return node_report.parse(Path(path).read_bytes()) if os.path.exists(path) else None


def wait_for(tree: Tree, so: Callable[[Report], bool], what: str) -> Report:
    found = eventually(lambda: report(tree), what, is_so=lambda one: one is not None and so(one))
    assert found is not None
    return found


def by(manager: str) -> Callable[[Report], bool]:
    return lambda found: found.manager == manager


@pytest.mark.parametrize(
    ("machine", "manager"), [(name, one[0]) for name, one in machines.IN_A_CLOUD.items()][:3]
)
def test_the_machine_names_its_cloud(
    tree: Tree, start: Callable[[], object], machine: str, manager: str
) -> None:
    machines.describe(tree, machines.IN_A_CLOUD[machine][1])
    start()
    assert wait_for(tree, by(manager), "the report names it").problems == ()


def test_a_lease_names_the_cloud_and_an_empty_file_does_not_unname_it(
    tree: Tree, start: Callable[[], object]
) -> None:
    """dhclient empties its file before it writes it anew."""
    start()
    wait_for(tree, by("DHCP"), "nothing speaks for a cloud")
    write_lease(tree, domain="ec2.internal")
    wait_for(tree, by("AWS"), "the lease does")
    Path(tree.lease("ext-1")).write_bytes(b"")
    found = wait_for(tree, lambda one: bool(one.problems), "the file is empty")
    assert (found.manager, len(found.addresses)) == ("AWS", 1)
    write_lease(tree)
    wait_for(tree, by("DHCP"), "a lease that says nothing of a cloud")


def test_sighup_has_it_look_at_the_machine_again(tree: Tree, start: Callable[[], Child]) -> None:
    process = start()
    wait_for(tree, by("DHCP"), "nothing speaks for a cloud")
    machines.describe(tree, machines.IN_A_CLOUD["GCP"][1])
    process.send_signal(signal.SIGHUP)
    wait_for(tree, by("GCP"), "the machine does")


def test_while_the_evidence_contradicts_itself_nobody_is_named_and_addresses_stay(
    tree: Tree, start: Callable[[], object]
) -> None:
    machines.describe(tree, machines.IN_A_CLOUD["AWS Nitro"][1])
    start()
    wait_for(tree, by("AWS"), "the machine names AWS")

    def addresses() -> list[str]:
        return [str(one.address) for _, pool in published.load(tree).pools() for one in pool.assignments]

    eventually(addresses, "its address is published", is_so=lambda found: found == ["10.20.30.13"])
    revision = published.load(tree).revision

    write_lease(tree, "10.20.30.66", domain="vcn.oraclevcn.com")
    found = wait_for(tree, by(""), "nobody is named")
    assert [one.code for one in found.problems] == ["cloud_contradictory"]
    told = "node 3 ext-1: 10.20.30.66 is leased by nobody knows whom"
    eventually(lambda: told in Path(tree.log).read_text(), "the merger says so")
    assert (addresses(), published.load(tree).revision) == (["10.20.30.13"], revision)
    assert [pool.external_manager for _, pool in published.load(tree).pools()] == ["AWS"]
