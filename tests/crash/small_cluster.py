"""A small cluster in one directory, for tests that break it: its parts, and what must always be so."""

import os
import signal
import sys
import time
from collections.abc import Callable
from ipaddress import IPv4Address

from isi_net.flexnet import published
from isi_net.formats import flx_config, node_report, pool_members
from isi_net.merger.merger import Merger
from isi_net.merger.role import Role
from isi_net.model.lease import Lease
from isi_net.model.merge import merge
from isi_net.model.network import Configuration, Node
from isi_net.model.report import Report
from isi_net.model.turn import Turn
from isi_net.reporter.inbox import Inbox
from isi_net.reporter.reporter import Reporter, Witness
from isi_net.store import revisions
from isi_net.store.read import names
from isi_net.store.tree import MEMBERS, REPORT, TERM, Tree, number_in

ROUTER = IPv4Address("10.20.30.1")

CHANGING = {
    f"os.{call}"
    for call in (
        "rename",
        "link",
        "symlink",
        "mkdir",
        "remove",
        "rmdir",
        "utime",
        "truncate",
        "chmod",
        "chown",
    )
}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC

Work = Callable[[], object]


def node(devid: int) -> Node:
    return Node(devid, devid, f"n-{devid}")


def lease(host: int) -> Lease:
    """An endless lease of 10.20.30.<host>."""
    return Lease("ext-1", IPv4Address(f"10.20.30.{host}"), 24, ROUTER, ROUTER)


def reporter(tree: Tree, devid: int, clock: Callable[[], float] = time.time) -> Reporter:
    return Reporter(tree, Witness(node(devid), "AWS", "dhclient", "1"), clock)


def report(tree: Tree, devid: int, host: int) -> Report:
    """Node `devid` reports 10.20.30.<host>."""
    return reporter(tree, devid).turn({"ext-1": lease(host)}, ())


def new_merger(
    tree: Tree,
    devid: int,
    *,
    clock: Callable[[], float] = time.time,
    ticking: Callable[[], float] = time.monotonic,
    log: Callable[[str], None] = lambda line: None,
) -> Merger:
    role = Role(tree, node(devid), devid, 10.0, clock, ticking, None)
    return Merger(tree, node(devid), role, published.Following(tree), clock, log)


def settle(merger: Merger) -> Turn:
    """Turns until none is wanted at once; three must do."""
    for _ in range(3):
        turn = merger.turn()
        if not turn.again:
            return turn
    raise AssertionError(f"it never rests: {turn.sentence}")


def whole(tree: Tree) -> Configuration:
    """What any reader finds at any moment: everything whole.  Gives back the current configuration."""
    configuration = published.load(tree)
    if os.path.lexists(tree.configuration):
        with open(tree.configuration, "rb") as file:
            data = file.read()
        flx_config.validate(data)
        assert flx_config.parse(data).revision <= configuration.revision
    for number in revisions.numbers(tree):
        with open(tree.revision(number), "rb") as file:
            data = file.read()
        flx_config.validate(data)
        assert flx_config.parse(data).revision == number
    for name in names(tree.reports):
        if number_in(name, REPORT):
            with open(os.path.join(tree.reports, name), "rb") as file:
                node_report.parse(file.read(), name)
    for name in names(tree.pool_members):
        assert MEMBERS.fullmatch(name), name
        with open(os.path.join(tree.pool_members, name), "rb") as file:
            assert pool_members.parse(file.read(), name).revision <= configuration.revision
    return configuration


def settled(tree: Tree, now: float, term: int) -> Configuration:
    """What is so when the merger of `term` has settled everything: all names say the same, nothing is
    left over, and another merge would change nothing.
    """
    configuration = whole(tree)
    current = revisions.current(tree)
    with open(tree.configuration, "rb") as file:
        assert file.read() == current.data
    expected = {
        os.path.basename(tree.members_of(*configuration.numbers(pool_id))): pool_members.render(
            configuration.revision, pool_id, pool, configuration.nodes
        )
        for pool_id, pool in configuration.pools()
        if pool.externally_managed
    }
    found = {}
    for name in names(tree.pool_members):
        with open(os.path.join(tree.pool_members, name), "rb") as file:
            found[name] = file.read()
    assert found == expected
    assert merge(configuration, Inbox(tree).read(), now).configuration.same_network(configuration)
    assert [name for name in names(tree.staging) if TERM.fullmatch(name)] == [str(term)]
    assert names(tree.term_staging(term)) == []
    assert hidden(tree.flexnet, tree.revisions, tree.pool_members, tree.tenures, tree.staging) == []
    return configuration


def in_a_process_that_dies(work: Callable[[], object]) -> None:
    """Does `work` in a process of its own, which then is gone without a word."""
    child = os.fork()
    if not child:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


def killed_at(step: int, prepare: Callable[[], Work]) -> bool:
    """Whether a child that does what `prepare` gives back was killed before its `step`-th change.

    By a real SIGKILL, before the call that would have changed something on the disk.  What Python announces
    (sys.addaudithook: opening for writing, link, rename, mkdir, rmdir, remove, utime, truncate, chmod) is
    counted; write(2) and fsync(2) are not announced, but what they write is seen by nobody before the link
    or rename that follows, which is.
    """
    child = os.fork()
    if not child:
        left = step

        def hook(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal left
            if event in CHANGING or (event == "open" and int(str(arguments[2])) & WRITING):
                left -= 1
                if not left:
                    os.kill(os.getpid(), signal.SIGKILL)

        status = 1
        try:
            work = prepare()
            sys.addaudithook(hook)
            work()
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, "the child failed"
    return False


def hidden(*directories: str) -> list[str]:
    """The half-written files that lie in `directories`."""
    return [name for directory in directories for name in names(directory) if name.startswith(".")]
