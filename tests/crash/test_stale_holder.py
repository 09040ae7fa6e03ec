"""A holder that was stopped right before it publishes publishes nothing, however late it goes on.

The child stops itself (a real SIGSTOP) after its last look at the lock, or right before the very call that
would publish.  A second holder takes over as it can when a cluster file system has given the lock away: to
everybody else the lock file is another one.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from small_cluster import new_merger, node, report, settle, settled

from isi_net.errors import Conflict, Error, Fenced, LockLost
from isi_net.flexnet import published
from isi_net.flexnet.publish import publish
from isi_net.flexnet.second_names import Members, SecondName
from isi_net.merger.role import Role
from isi_net.model.merge import merge
from isi_net.reporter.inbox import Inbox
from isi_net.store import revisions
from isi_net.store.tree import Tree


def _stops_itself(done: Callable[[], None], told: int) -> None:
    """In the child: does `done`, says how it ended, and ends."""
    said = "published"
    try:
        done()
    except Error as error:
        said = type(error).__name__
    except BaseException as surprise:  # noqa: BLE001 - it is what the parent wants to know
        said = repr(surprise)
    os.write(told, json.dumps(said).encode())
    os._exit(0)


class Stale:
    """A holder in a process of its own, stopped."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._read, write = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            os.close(self._read)
            _stops_itself(work, write)
        os.close(write)
        _, status = os.waitpid(self.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status), f"it never stopped: {self._said()}"

    def goes_on(self) -> str:
        """How it ended, in the name of an error, or `published`."""
        os.kill(self.pid, signal.SIGCONT)
        said = self._said()
        os.waitpid(self.pid, 0)
        return said

    def _said(self) -> str:
        with os.fdopen(self._read) as told:
            return str(json.loads(told.read() or '"nothing"'))


def stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def stop_at(event: str) -> None:
    """Stops this process right before its next call that Python announces as `event`."""
    stopped = False

    def hook(name: str, arguments: object) -> None:
        nonlocal stopped
        if name == event and not stopped:
            stopped = True
            stop()

    sys.addaudithook(hook)


def _holder(tree: Tree, prepare: Callable[[], None], check: Callable[[Role], None]) -> Callable[[], None]:
    """Takes the role as node 1 and publishes what it merges, with `check` for its last question."""

    def work() -> None:
        role = Role(tree, node(1), 1, 10.0, time.time, time.monotonic, None)
        assert role.turn(lambda: published.load(tree).term) is not None
        before = published.current(tree)
        after = merge(before.configuration, Inbox(tree).read(), time.time()).configuration
        after = replace(after, author="the stale one", published=1)
        prepare()
        after = publish(tree, role.staging, before, after, lambda: check(role)).configuration
        current = revisions.current(tree)
        SecondName(tree).settle(role.staging, current)
        Members(tree).settle(role.staging, after, role.check)

    return work


def after_the_check(tree: Tree) -> Callable[[], None]:
    """Stopped when the lock was found ours, before anything is staged."""

    def check(role: Role) -> None:
        role.check()
        stop()

    return _holder(tree, lambda: None, check)


def before_the_link(tree: Tree) -> Callable[[], None]:
    """Stopped when the file is staged, right before the call that publishes it."""
    return _holder(tree, lambda: stop_at("os.link"), lambda role: role.check())


def before_the_second_name(tree: Tree) -> Callable[[], None]:
    """Stopped when its revision is published, right before the rename that says so in `flx_config.xml`."""
    return _holder(tree, lambda: stop_at("os.rename"), lambda role: role.check())


WORKS = (after_the_check, before_the_link, before_the_second_name)


def _trial(tree: Tree, work: Callable[[Tree], Callable[[], None]], host: int) -> str:
    """Stops a holder, lets a second one take over and publish, lets the first go on."""
    report(tree, 1, host)
    report(tree, 2, host + 1)
    stale = Stale(work(tree))
    # The file server has given its lock away: to everybody else it is another file.
    Path(tree.merger_lock + ".new").write_bytes(b"")
    os.rename(tree.merger_lock + ".new", tree.merger_lock)
    report(tree, 2, host + 2)
    merger = new_merger(tree, 2)
    settle(merger)
    assert merger.role.tenure is not None
    before = {name: (Path(tree.revisions) / name).read_bytes() for name in os.listdir(tree.revisions)}
    said = stale.goes_on()
    after = {name: (Path(tree.revisions) / name).read_bytes() for name in os.listdir(tree.revisions)}
    assert after == before
    assert b"the stale one" not in Path(tree.configuration).read_bytes()
    settled(tree, time.time(), merger.role.tenure.term)
    merger.role.give_back("released", rest=False)
    return said


@pytest.mark.parametrize("work", WORKS)
def test_a_holder_that_was_stopped_before_it_published_publishes_nothing(
    tmp_path: Path, work: Callable[[Tree], Callable[[], None]]
) -> None:
    tree = Tree(str(tmp_path))
    for trial in range(3):
        assert _trial(tree, work, 10 + 10 * trial) in {"Fenced", "LockLost", "Conflict"}


def test_a_holder_that_was_stopped_before_the_fence_finds_its_term_over(tmp_path: Path) -> None:
    """Both counted the same next term; the second took it, and a third the one after: the first one's
    directory can be made again, and nobody would ever remove it.
    """
    tree = Tree(str(tmp_path))
    report(tree, 1, 11)
    settle(first := new_merger(tree, 3))
    first.role.give_back("released", rest=False)

    def work() -> None:
        role = Role(tree, node(1), 1, 10.0, time.time, time.monotonic, None)
        stop_at("os.mkdir")
        if role.turn(lambda: published.load(tree).term) is None:
            raise LockLost("it has not got the role")

    stale = Stale(work)
    for devid in (2, 3):
        os.unlink(tree.merger_lock)
        merger = new_merger(tree, devid)
        settle(merger)
        merger.role.give_back("released", rest=False)
    assert os.listdir(tree.staging) == ["3"]
    assert stale.goes_on() == "LockLost"
    assert os.listdir(tree.staging) == ["3"]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_many_stopped_holders_publish_nothing(tmp_path: Path) -> None:
    tree = Tree(str(tmp_path))
    until = time.monotonic() + 60
    ended: dict[str, int] = {}
    trial = 0
    while time.monotonic() < until:
        trial += 1
        work = WORKS[trial % len(WORKS)]
        said = f"{work.__name__}: {_trial(tree, work, 10 + 3 * (trial % 80))}"
        ended[said] = ended.get(said, 0) + 1
    print(f"{trial} trials: {ended}")
    assert {one.split(": ")[1] for one in ended} <= {Fenced.__name__, LockLost.__name__, Conflict.__name__}
