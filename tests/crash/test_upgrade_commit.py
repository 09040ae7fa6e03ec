"""The commit of the upgrade, killed at every step: a cluster is not committed or wholly committed.

And a cluster of three real daemons that is upgraded node by node, and committed so.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path

import machines
import pytest
from children import Child
from daemons import ENVIRONMENT, command, daemon
from patience import eventually
from small_cluster import Work, killed_at, lease, new_merger, node, reporter, settle, settled, whole

from isi_net import __version__
from isi_net.cli import main
from isi_net.demo import cloud
from isi_net.flexnet import history, published
from isi_net.formats import flx_config, node_report
from isi_net.merger import upgrade
from isi_net.model.names import PoolId
from isi_net.model.network import EARLIER, Configuration, Groupnet, Iface, Pool, Range, Subnet
from isi_net.model.report import Report
from isi_net.store import revisions
from isi_net.store.tree import Tree

POOL_ID = PoolId("groupnet0", "subnet0", "pool0")
DEVIDS = (1, 2, 3)
ADDRESSES = [IPv4Address(f"10.20.30.1{devid}") for devid in DEVIDS]
BEFORE = flx_config.render(
    Configuration(
        revision=7,
        author="release 9.6",
        groupnets=(
            Groupnet(
                1,
                "groupnet0",
                subnets=(
                    Subnet(
                        1,
                        "subnet0",
                        "ipv4",
                        24,
                        gateway=IPv4Address("10.20.30.1"),
                        pools=(
                            Pool(
                                1,
                                "pool0",
                                access_zone="zone-1",
                                manual_ranges=(Range(ADDRESSES[0], ADDRESSES[-1]),),
                                manual_ifaces=tuple(Iface(devid, "ext-1") for devid in DEVIDS),
                                sc_dns_zone="cluster.example.com",
                            ),
                        ),
                        next_number=2,
                    ),
                ),
                next_number=2,
            ),
        ),
        next_number=2,
        settings=EARLIER,
    )
)


def from_9_6(tree: Tree) -> None:
    """What the earlier release left on the shared file system."""
    Path(tree.flexnet).mkdir(parents=True)
    Path(tree.configuration).write_bytes(BEFORE)


def is_committed(tree: Tree) -> bool:
    """Whether it is: then the first revision has all that belongs to it; else nothing has changed."""
    found = history.revision(tree, 8) if 8 in revisions.numbers(tree) else published.load(tree)
    pool = found.pool(POOL_ID)
    assert pool is not None
    if not found.settings.committed:
        assert found == flx_config.parse(BEFORE)
        return False
    assert (found.revision, found.settings.release) == (8, "9.7.0.0")
    assert (pool.alloc_method, pool.external_manager) == ("externally_managed", "AWS")
    assert (pool.access_zone, pool.sc_dns_zone) == ("zone-1", "cluster.example.com")
    assert [one.address for one in pool.assignments] == ADDRESSES
    assert found.nodes == tuple(node(devid) for devid in DEVIDS)
    return True


# At every step.


def _commit(tree: Tree) -> Work:
    return lambda: upgrade.commit(tree, "1", author="a test")


def test_whoever_dies_of_the_commit_leaves_it_undone_or_wholly_done(tmp_path: Path) -> None:
    tree = Tree(str(tmp_path / "before"))
    from_9_6(tree)
    for devid in DEVIDS:
        reporter(tree, devid).turn({"ext-1": lease(10 + devid)}, ())
    outcomes = []
    died = True
    while died:
        copy = Tree(str(tmp_path / f"step{len(outcomes)}"))
        shutil.copytree(tree.root, copy.root)
        died = killed_at(len(outcomes) + 1, partial(_commit, copy))
        outcomes.append(is_committed(copy))
        whole(copy)
        _commit(copy)()  # whoever tries again finishes it
        assert is_committed(copy)
        later = time.time() + 7200  # what the command left is swept after an hour
        merger = new_merger(copy, 3, clock=partial(float, later))
        settle(merger)
        assert merger.role.tenure is not None
        settled(copy, later, merger.role.tenure.term)
        merger.role.give_back("released")
        shutil.rmtree(copy.root)
    print(f"commit: {len(outcomes) - 1} crash points, committed from the {outcomes.index(True) + 1}. on")
    assert outcomes == sorted(outcomes)
    assert outcomes.count(False) > 3
    assert outcomes.count(True) > 3


def test_of_many_who_commit_at_once_one_does_and_none_fails(tmp_path: Path) -> None:
    tree = Tree(str(tmp_path))
    from_9_6(tree)
    for devid in DEVIDS:
        reporter(tree, devid).turn({"ext-1": lease(10 + devid)}, ())
    with ThreadPoolExecutor(8) as many:
        done = list(many.map(lambda _: upgrade.commit(tree, "1", author="a test"), range(8)))
    assert is_committed(tree)
    assert sorted(len(one.lines) > 0 for one in done) == [False] * 7 + [True]
    assert {one.revision for one in done} == {8}


# Three daemons.


@pytest.fixture
def trees(tmp_path: Path) -> dict[int, Tree]:
    """Three nodes in AWS, each with a lease, and what release 9.6 and its daemons left."""
    found = {devid: Tree(str(tmp_path / f"node{devid}"), str(tmp_path / "ifs")) for devid in DEVIDS}
    from_9_6(found[1])
    Path(found[1].reports).mkdir(parents=True)
    for devid, tree in found.items():
        for path in (os.path.dirname(tree.settings), tree.leases):
            os.makedirs(path)
        machines.describe(tree, machines.IN_A_CLOUD["AWS Nitro"][1])
        Path(tree.settings).write_text(
            f'[node]\ndevid = {devid}\nname = "n-{devid}"\n[daemon]\npoll_interval = 0.1\n'
        )
        cloud.lease(tree, devid, time.time())
        older = Report(devid, devid, f"n-{devid}", "AWS", "dhclient", "0.0.9", int(time.time()))
        Path(tree.report(devid)).write_bytes(
            node_report.render(older._replace(addresses=(lease(10 + devid),)))
        )
    return found


class Daemons:
    """The daemons of this release that run, by devid."""

    def __init__(self, trees: dict[int, Tree], stack: ExitStack) -> None:
        self._trees, self._stack = trees, stack
        self._running: dict[int, Child] = {}

    def start(self, devid: int) -> None:
        self._running[devid] = self._stack.enter_context(daemon(self._trees[devid]))

    def kill(self, devid: int) -> None:
        self._running[devid].kill()
        self._running[devid].wait()

    def log(self, devid: int) -> str:
        return Path(self._trees[devid].log).read_text()


@pytest.fixture
def daemons(trees: dict[int, Tree]) -> Iterator[Daemons]:
    with ExitStack() as stack:
        yield Daemons(trees, stack)


def commanded(tree: Tree, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(tree, *words), env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=30
    )


def _commit_by_command(tree: Tree) -> Work:
    return lambda: main(["--root", tree.root, "--ifs", tree.ifs, "upgrade", "commit", "--force"])


def holder(tree: Tree) -> int:
    return int(Path(tree.merger_lock).read_text())


def test_three_nodes_are_upgraded_one_after_another_and_committed_though_the_commit_is_killed(
    trees: dict[int, Tree], daemons: Daemons
) -> None:
    tree = trees[1]
    for devid in DEVIDS:
        refused = commanded(tree, "upgrade", "commit", "--force")
        assert refused.returncode == 1
        assert [one for one in DEVIDS if f"node {one} n-{one}: its daemon" in refused.stderr] == list(
            range(devid, 4)
        )
        daemons.start(devid)
        path = Path(tree.report(devid))
        eventually(
            lambda path=path: node_report.parse(path.read_bytes()).version == __version__,
            f"node {devid} reports as this release",
        )
    told = "IPMerger: revision 7: the upgrade is not committed, nothing is published; reports: 3"
    eventually(lambda: any(told in daemons.log(one) for one in DEVIDS), "the merger says why it does nothing")
    assert Path(tree.configuration).read_bytes() == BEFORE
    assert os.listdir(tree.flexnet).count("pool_members") == 0

    step = 0
    while not is_committed(tree):
        step += 1
        assert killed_at(step, partial(_commit_by_command, tree))
    assert step > 3

    def merged(devid: int) -> bool:
        return "leased addresses: 3, externally managed pools: 1, reports: 3" in daemons.log(devid)

    first = holder(tree)
    eventually(lambda: merged(first), "the merger sees the commit")
    daemons.kill(first)
    others = [one for one in DEVIDS if one != first]
    eventually(lambda: any(merged(one) for one in others), "so does the next one")
    last = published.load(tree)
    assert [one.address for _, pool in last.pools() for one in pool.assignments] == ADDRESSES
    eventually(
        lambda: Path(tree.configuration).read_bytes() == Path(tree.revision(last.revision)).read_bytes(),
        "the copy is put right",
    )
    assert Path(tree.members_of(1, 1, 1)).exists()
    assert commanded(tree, "upgrade", "status").returncode == 0
    assert commanded(tree, "config", "check").returncode == 0
