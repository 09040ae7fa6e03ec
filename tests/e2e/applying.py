"""Flexnet in a process of its own, in a node's namespace, that ends when the test wants it to.

python applying.py ROOT IFS [STEPS]   takes turns until nothing is left to do, and prints the steps; killed
                                      (SIGKILL, as by a power cut) right before step number STEPS + 1
"""

import os
import signal
import sys
import threading
import time

from isi_net import settings
from isi_net.flexnet.apply import Flexnet
from isi_net.flexnet.probe import Timing
from isi_net.flexnet.published import Following
from isi_net.model.steps import Step
from isi_net.store.tree import Tree

HASTY = Timing(wait=0.02, least=0.05, most=0.1, announce_wait=0.1, announce_interval=0.05)


def run(root: str, ifs: str, most: int) -> None:
    tree = Tree(root, ifs)
    known = settings.load(tree)
    taken: list[Step] = []

    def may_go_on(step: Step) -> None:
        if len(taken) == most:
            os.kill(os.getpid(), signal.SIGKILL)
        taken.append(step)
        print(step, flush=True)

    woken = threading.Event()
    flexnet = Flexnet(
        *(Following(tree), settings.node_of(known, tree), known.interfaces),
        *(time.time, time.monotonic, woken.set),
        timing=HASTY,
        may_go_on=may_go_on,
    )
    quiet = 0
    until = time.monotonic() + 30
    while quiet < 3 and time.monotonic() < until:
        before = len(taken)
        turn = flexnet.turn()
        quiet = quiet + 1 if len(taken) == before and "asking" not in turn.sentence else 0
        woken.wait(0.05)
        woken.clear()
    for finding in turn.findings:
        print(f"# {finding.code}: {finding}", flush=True)
    flexnet.close()


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else -1)
