"""The whole check: meet, try one thing after the other, judge."""

import os
from collections.abc import Callable

from isi_net.check import trials
from isi_net.check.meeting import Host, meet
from isi_net.check.trials import Lock, Trial
from isi_net.check.verdict import Verdict
from isi_net.errors import Unreadable
from isi_net.store import atomic
from isi_net.store.lock import FileLock
from isi_net.store.tree import Tree

# Is told which of STEPS comes next, several times while others are waited for; the last is that all is done.
Progress = Callable[[str], None]

STEPS = ("other hosts", "exclusion", "wake-up", "link", "rename", "visibility", "")


def check(
    tree: Tree,
    host: Host,
    *,
    wanted: int | None,
    wait: float,
    seconds: float,
    clock: Callable[[], float],
    progress: Progress,
    lock: Callable[[str], Lock] = FileLock,
) -> tuple[list[Host], list[Verdict]]:
    """Whether the directory of `tree` is sound: the hosts that took part, and a verdict a check.

    It begins when `wanted` hosts are there, or without that after `wait` seconds; `seconds` is how long each
    contest lasts.  `clock` gives the seconds since the epoch.  Raises Unreadable when there is no such
    directory, NotFound when hosts stay away or leave, Refused when one takes part twice.
    """
    if not os.path.isdir(tree.ifs):
        raise Unreadable("not a directory", tree.ifs, "is the path right, and the file system mounted?")
    with meet(tree, wanted, wait, lambda: progress(STEPS[0])) as party:
        atomic.make_directory(tree.check_trial)
        party.introduce(host)
        trial = Trial(party, tree, seconds, lock, clock)
        if party.size == 1:
            return party.hosts, trials.alone(trial)
        progress("exclusion")
        exclusion = trials.exclusion(trial)
        progress("wake-up")
        wake_up = trials.wake_up(trial, excluded=exclusion.state != "broken")
        progress("link")
        link = trials.link(trial)
        progress("rename")
        rename = trials.rename(trial)
        progress("visibility")
        seen = trials.visibility(trial)
        progress("")
        return party.hosts, [exclusion, wake_up, link, rename, *seen]
