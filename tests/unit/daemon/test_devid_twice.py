"""Two real daemons of one devid on one shared directory, as of a machine cloned with its isi_net.toml."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from ipaddress import IPv4Address
from pathlib import Path

from isi_net.demo.cloud import block
from isi_net.store.tree import Tree

SETTINGS = """
[node]
devid = 3
name = "GLaDOS-3"
[interfaces]
ext-1 = "lo"
[dhcp]
manager = "AWS"
client = "none"
source = "dhclient"
[daemon]
poll_interval = 0.05
"""
HOUSE = Path(__file__).parents[3]


def isi_net(tree: Tree, *words: str) -> list[str]:
    return [sys.executable, "-m", "isi_net", "--root", tree.root, "--ifs", tree.ifs, *words]


def clone(directory: Path, number: int) -> Tree:
    """A machine of the image; its own is only what it was leased."""
    tree = Tree(str(directory / f"machine{number}"), str(directory / "ifs"))
    lease = Path(tree.root, "var/lib/dhclient/dhclient-lo.leases")
    for path in (Path(tree.settings), lease):
        path.parent.mkdir(parents=True)
    Path(tree.settings).write_text(SETTINGS)
    lease.write_text(block("lo", IPv4Address("10.20.30.10") + number, time.time()))
    return tree


def wait_for(so: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + 20
    while not so():
        assert time.monotonic() < until, what
        time.sleep(0.02)


def test_it_is_in_both_logs_and_in_the_status_of_the_merger(tmp_path: Path) -> None:
    machines = [clone(tmp_path, number) for number in (1, 2)]
    os.mkdir(machines[0].ifs)
    what = "several daemons report under this devid: "
    what += "GLaDOS-3 (LNN 3, ext-1 10.20.30.11) and GLaDOS-3 (LNN 3, ext-1 10.20.30.12)"
    with ExitStack() as running:
        for tree in machines:
            daemon = running.enter_context(subprocess.Popen(isi_net(tree, "daemon"), cwd=HOUSE))
            running.callback(daemon.terminate)
        for tree in machines:
            log = Path(tree.log)
            wait_for(lambda log=log: log.exists() and what in log.read_text(), f"the finding in {log}")
    status = isi_net(machines[0], "merger", "status")
    shown = subprocess.run(status, cwd=HOUSE, capture_output=True, text=True, check=False).stdout
    assert what in " ".join(shown.split())
