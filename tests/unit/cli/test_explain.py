"""On the node that was leased it, an address is followed back to the very block of its lease file."""

import subprocess
import sys
import time
from pathlib import Path

from isi_net.demo import cloud
from isi_net.store.tree import Tree


def isi_net(directory: Path, *words: str) -> str:
    command = [sys.executable, "-m", "isi_net", "--root", str(directory), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_lease_is_followed_back_to_its_block(tmp_path: Path) -> None:
    tree = Tree(str(tmp_path))
    Path(tree.settings).parent.mkdir(parents=True)
    Path(tree.settings).write_text("[node]\ndevid = 3\n")
    Path(tree.leases).mkdir(parents=True)
    for ago in (60, 0):
        cloud.lease(tree, 3, time.time() - ago)
    isi_net(tmp_path, "daemon", "--once")
    told = isi_net(tmp_path, "merger", "explain", "10.20.30.13", "--format", "csv", "-a").splitlines()
    assert told[0].startswith(f"node 3 ext-1,lease,{tree.lease('ext-1')} block 2 of 2,")
    assert told[-1] == 'node 3 ext-1,published,groupnet0.subnet0.pool0,"10.20.30.13, since revision 1"'
