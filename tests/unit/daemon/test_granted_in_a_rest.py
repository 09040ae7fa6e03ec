"""A real daemon that is granted the role's lock while it rests."""

import os
import time
from ipaddress import IPv4Address
from pathlib import Path

from daemons import daemon
from patience import eventually

from isi_net.demo.cloud import block
from isi_net.store.lock import FileLock
from isi_net.store.tree import Tree

# The interval is longer than the test may take: what ends the rest is the lock.
SETTINGS = """
[node]
devid = 3
[dhcp]
manager = "AWS"
[daemon]
poll_interval = 60
"""


def test_it_takes_the_role_before_its_reporter_takes_a_turn(tmp_path: Path) -> None:
    """Nobody has the role until it does, and this node's leases were looked at when the rest began.

    That it rests when the lock is granted is likely, no more: a turn that has begun goes on in its order.
    """
    assert any(_takes_the_role_first(tmp_path / str(trial)) for trial in range(5))


def _takes_the_role_first(directory: Path) -> bool:
    tree = Tree(str(directory / "root"), str(directory / "ifs"))
    for path in (os.path.dirname(tree.settings), tree.leases):
        os.makedirs(path)
    Path(tree.settings).write_text(SETTINGS)
    Path(tree.lease("ext-1")).write_text(block("ext-1", IPv4Address("10.20.30.13"), time.time()))
    log = Path(tree.log)

    def line_of(words: str) -> int | None:
        said = log.read_text().splitlines() if log.exists() else []
        return next((number for number, line in enumerate(said, 1) if words in line), None)

    another = FileLock(tree.merger_lock)
    another.open()
    assert another.try_now()
    with daemon(tree):
        eventually(lambda: line_of("Flexnet: off"), "the first turn is over, and it stands in line")
        os.unlink(tree.report(3))
        os.mkdir(tree.report(3))  # so that the log tells when the reporter takes its next turn
        another.close()
        reported = eventually(lambda: line_of("not a regular file"), "the reporter takes a turn")
        taken = eventually(lambda: line_of("Taking ownership of the IPMerger role"), "it takes the role")
        return taken < reported
