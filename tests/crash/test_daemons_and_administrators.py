"""Eight daemons and eight administrators at once, and a daemon killed every tenth of a second."""

import os
import random
import signal
import subprocess
import threading
import time
from collections import defaultdict
from pathlib import Path

import pytest
from daemons import start_daemon
from patience import eventually

from isi_net.demo import cloud
from isi_net.errors import Conflict
from isi_net.flexnet import history, published
from isi_net.flexnet.change import change
from isi_net.formats import flx_config
from isi_net.model.network import Configuration, Groupnet
from isi_net.store import revisions
from isi_net.store.tree import Tree

DAEMONS, ADMINISTRATORS, SECONDS = 8, 8, 25.0
SETTINGS = '[node]\ndevid = {0}\nlnn = {0}\nname = "node-{0}"\n[daemon]\npoll_interval = 0.1\n'


def with_one_more(name: str, configuration: Configuration) -> Configuration:
    return configuration.with_groupnet(Groupnet(configuration.next_number, name))


@pytest.mark.slow
def test_nobody_loses_a_change_and_no_term_has_two_publishers(tmp_path: Path) -> None:
    trees = {
        devid: Tree(str(tmp_path / f"node{devid}"), str(tmp_path / "ifs")) for devid in range(1, 1 + DAEMONS)
    }
    for devid, tree in trees.items():
        for path in (os.path.dirname(tree.settings), tree.leases):
            os.makedirs(path)
        Path(tree.settings).write_text(SETTINGS.format(devid))
        cloud.lease(tree, devid, time.time())
    published_by: dict[int, set[str]] = defaultdict(set)
    made: list[str] = []
    lost: list[str] = []
    seen: set[int] = set()
    until = time.monotonic() + SECONDS

    def administer(number: int) -> None:
        tree, count = Tree(str(tmp_path), str(tmp_path / "ifs")), 0
        while time.monotonic() < until:
            name = f"a{number}-{count}"
            try:
                change(
                    tree, lambda one, name=name: with_one_more(name, one), author=f"administrator {number}"
                )
                made.append(name)
            except Conflict:
                lost.append(name)  # five lost races: it says so, and nothing of it is published
            count += 1
            time.sleep(random.uniform(0.05, 0.3))

    def watch() -> None:
        tree = trees[1]
        while time.monotonic() < until:
            for number in set(revisions.numbers(tree)) - seen:
                try:
                    data = Path(tree.revision(number)).read_bytes()
                except FileNotFoundError:
                    continue
                flx_config.validate(data)
                head = flx_config.head(data)
                seen.add(number)
                if "IPMerger" in head.author:
                    published_by[head.term].add(head.author)
            time.sleep(0.02)

    daemons = {devid: start_daemon(tree, stderr=subprocess.DEVNULL) for devid, tree in trees.items()}
    threads = [threading.Thread(target=administer, args=(number,)) for number in range(ADMINISTRATORS)]
    threads.append(threading.Thread(target=watch))
    kills = 0
    try:
        for thread in threads:
            thread.start()
        while time.monotonic() < until:
            devid = random.choice(list(daemons))
            daemons[devid].send_signal(signal.SIGKILL)
            daemons[devid].wait()
            cloud.lease(trees[devid], devid, time.time())
            daemons[devid] = start_daemon(trees[devid], stderr=subprocess.DEVNULL)
            kills += 1
            time.sleep(0.1)
        for thread in threads:
            thread.join()
        eventually(lambda: len(addresses(trees[1])) == DAEMONS, "every address is published")
    finally:
        for daemon in daemons.values():
            daemon.terminate()
        for daemon in daemons.values():
            daemon.wait()

    last = published.load(trees[1])
    names = [groupnet.name for groupnet in last.groupnets]
    print(
        f"{last.revision} revisions, {kills} SIGKILLs, {len(made)} changes by hand, {len(lost)} given up, "
        f"{len(published_by)} terms that published"
    )
    assert kills > SECONDS
    assert set(made) <= set(names)
    assert not set(lost) & set(names)
    assert len(names) == len(set(names))
    assert all(len(authors) == 1 for authors in published_by.values()), published_by
    assert addresses(trees[1]) == {f"10.20.30.{10 + devid}": devid for devid in trees}
    assert [one.revision for one in history.heads(trees[1])] == sorted(
        revisions.numbers(trees[1]), reverse=True
    )


def addresses(tree: Tree) -> dict[str, int]:
    return {
        str(one.address): one.devid for _, pool in published.load(tree).pools() for one in pool.assignments
    }
