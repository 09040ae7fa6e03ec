"""A crash between any two steps is dull: the work is killed at each of them, until it comes through."""

import os
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from small_cluster import (
    Work,
    hidden,
    in_a_process_that_dies,
    killed_at,
    lease,
    new_merger,
    report,
    reporter,
    settle,
    settled,
    whole,
)

from isi_net.flexnet import published
from isi_net.flexnet.change import change
from isi_net.model.network import Configuration, Groupnet
from isi_net.store import staging
from isi_net.store.tree import Tree

# What is interrupted: each gives back the work, after what comes before it.


def _first(tree: Tree) -> Work:
    return new_merger(tree, 1).turn


def _publish(tree: Tree) -> Work:
    merger = new_merger(tree, 1)
    merger.turn()
    report(tree, 2, 99)
    return merger.turn


def _takeover(tree: Tree) -> Work:
    return new_merger(tree, 2).turn


def _step_down(tree: Tree) -> Work:
    merger = new_merger(tree, 1)
    merger.turn()
    return lambda: merger.role.give_back("stepped down")


def _command(tree: Tree) -> Work:
    def edit(before: Configuration) -> Configuration:
        return before.with_groupnet(Groupnet(before.next_number, "made-by-hand"))

    return lambda: change(tree, edit, author="a test")


def _report(tree: Tree) -> Work:
    return lambda: reporter(tree, 2).turn({"ext-1": lease(99)}, ())


WORKS = {
    work.__name__.strip("_"): work for work in (_first, _publish, _takeover, _step_down, _command, _report)
}


@pytest.fixture
def before(tmp_path: Path) -> Tree:
    """Three nodes that have reported, and no merger yet."""
    tree = Tree(str(tmp_path / "before"))
    for devid in (1, 2, 3):
        report(tree, devid, 10 + devid)
    return tree


@pytest.fixture
def used(before: Tree) -> Tree:
    """As `before`, with two revisions, a second name that lags, and what a holder who died left behind."""

    def work() -> None:
        merger = new_merger(before, 3)
        merger.turn()
        first = Path(before.configuration).read_bytes()
        report(before, 1, 21)
        merger.turn()
        Path(before.configuration).write_bytes(first)
        staging.stage(merger.role.staging, "flx_config.3.xml", b"half")

    in_a_process_that_dies(work)
    return before


def _copied(tree: Tree, name: str) -> Tree:
    """A copy of the cluster to break; hidden and hard-linked files stay what they are."""
    copy = Tree(os.path.join(os.path.dirname(tree.root), name))
    shutil.copytree(tree.root, copy.root)
    return copy


def _ends_well(tree: Tree, old: Configuration, new: Configuration) -> None:
    """Whoever reads finds the old or the new; and another node's next turn finishes the work."""
    found = whole(tree)
    assert found.same_network(old) or found.same_network(new)
    reporter(tree, 2).turn({"ext-1": lease(99)}, ())
    later = time.time() + 7200  # what a command left is swept after an hour
    merger = new_merger(tree, 3, clock=lambda: later)
    settle(merger)
    assert merger.role.tenure is not None
    settled(tree, later, merger.role.tenure.term)
    assert os.listdir(tree.staging) == [str(merger.role.tenure.term)]
    assert hidden(tree.reports) == []
    merger.role.give_back("released")


def _outcome(tree: Tree, prepare: Callable[[Tree], Work]) -> tuple[Configuration, Configuration]:
    """The configuration before and after the work, when nobody interrupts it."""
    calm = _copied(tree, "calm")
    old = published.load(calm)
    assert not killed_at(10**6, partial(prepare, calm))
    return old, published.load(calm)


@pytest.mark.parametrize("name", WORKS)
def test_whoever_dies_at_any_step_leaves_the_old_or_the_new_and_the_next_turn_finishes(
    name: str, request: pytest.FixtureRequest
) -> None:
    tree: Tree = request.getfixturevalue("before" if name == "first" else "used")
    old, new = _outcome(tree, WORKS[name])
    assert name not in {"first", "publish", "command"} or not new.same_network(old)
    step = 0
    died = True
    while died:
        step += 1
        copy = _copied(tree, f"step{step}")
        died = killed_at(step, partial(WORKS[name], copy))
        _ends_well(copy, old, new)
        shutil.rmtree(copy.root)
    print(f"{name}: {step - 1} crash points")
    assert step > 3


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", WORKS)
def test_whoever_recovers_may_die_at_any_step_as_well(name: str, request: pytest.FixtureRequest) -> None:
    tree: Tree = request.getfixturevalue("before" if name == "first" else "used")
    _, new = _outcome(tree, WORKS[name])
    pairs = 0
    first, died_first = 0, True
    while died_first:
        first += 1
        broken = _copied(tree, f"first{first}")
        died_first = killed_at(first, partial(WORKS[name], broken))
        second, died_second = 0, True
        while died_second:
            second += 1
            copy = _copied(broken, f"first{first}second{second}")
            died_second = killed_at(second, partial(_takeover, copy))
            found = whole(copy)
            assert found.revision <= new.revision + 1
            _ends_well(copy, found, found)
            shutil.rmtree(copy.root)
            pairs += 1
        shutil.rmtree(broken.root)
    print(f"{name}: {pairs} pairs of crash points")
