"""Many publishers at once, some of them killed: no update is lost, no number given twice.

Each publisher adds a groupnet that nobody else adds, so that the last configuration says by itself whose
changes are in it.
"""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex

import pytest

from isi_net.errors import Conflict, Fenced
from isi_net.flexnet import published
from isi_net.flexnet.publish import publish
from isi_net.formats import flx_config
from isi_net.model.network import Configuration, Groupnet
from isi_net.store import atomic, revisions
from isi_net.store.tree import Tree


def add(tree: Tree, name: str) -> int:
    """Publishes the configuration with a groupnet `name` more, however often somebody else is faster.

    Gives back how often that was.
    """
    lost = 0
    directory = tree.command_staging(token_hex(8))
    atomic.make_directory(directory)
    while True:
        before = published.current(tree)
        known = before.configuration
        after = known.with_groupnet(Groupnet(known.next_number, name))
        try:
            publish(tree, directory, before, after, lambda: None)
        except Conflict:
            lost += 1
            continue
        atomic.remove(directory)
        return lost


def names_in(configuration: Configuration) -> set[str]:
    return {one.name for one in configuration.groupnets}


def _publisher(tree: Tree, told: int, number: int, over: Callable[[], bool]) -> None:
    """In a child: adds one after the other, and says so after each."""
    count = lost = 0
    try:
        while not over():
            name = f"g-{number}-{count}"
            lost += add(tree, name)
            os.write(told, f"{name}\n".encode())
            count += 1
        os.write(told, f"lost {lost}\n".encode())
    except BaseException as surprise:  # noqa: BLE001 - the parent must hear of it
        os.write(told, f"failed {surprise!r}\n".encode())
    finally:
        os._exit(0)


def _race(
    tree: Tree, publishers: int, seconds: float, kill_every: float, least: int = 0
) -> tuple[int, int, int]:
    """How many changes were published, how many lost a race and tried again, and how many were killed.

    It lasts until its time is over and `least` changes are there, which takes longer on a slow disk.
    """
    read, told = os.pipe()
    until = time.monotonic() + seconds
    draw = random.Random(0)
    children: dict[int, None] = {}
    number = kills = 0

    def over() -> bool:
        return time.monotonic() >= until and published.load(tree).revision >= least

    def start() -> None:
        nonlocal number
        number += 1
        child = os.fork()
        if not child:
            os.close(read)
            _publisher(tree, told, number, over)
        children[child] = None

    for _ in range(publishers):
        start()
    while not over():
        time.sleep(kill_every * draw.uniform(0.5, 1.5))
        victim = draw.choice(list(children))
        os.kill(victim, signal.SIGKILL)
        os.waitpid(victim, 0)
        del children[victim]
        kills += 1
        start()
    os.close(told)
    with os.fdopen(read) as lines:  # so much fits into a pipe: 64 KiB are 6,000 names
        said = lines.read().splitlines()
    for child in children:
        os.waitpid(child, 0)
    failed = [line for line in said if line.startswith("failed")]
    assert not failed, failed
    lost = sum(int(line.split()[1]) for line in said if line.startswith("lost"))
    told_names = {line for line in said if line.startswith("g-")}

    final = published.load(tree)
    assert told_names <= names_in(final), "an update was lost"
    # One that was killed may have published without having said so: at most one a kill.
    assert len(names_in(final)) - len(told_names) <= kills
    assert len(final.groupnets) == len(names_in(final)) == final.revision
    kept = revisions.numbers(tree)
    assert kept == list(range(kept[0], final.revision + 1))
    assert len(kept) <= revisions.KEPT + publishers  # each may have died before it pruned
    earlier: set[str] = set()
    for kept_number in kept:
        data = Path(tree.revision(kept_number)).read_bytes()
        flx_config.validate(data)
        configuration = flx_config.parse(data)
        assert configuration.revision == kept_number
        assert len(configuration.groupnets) == kept_number
        assert earlier <= names_in(configuration)
        earlier = names_in(configuration)
    return final.revision, lost, kills


def test_no_update_is_lost_in_a_short_race(tmp_path: Path) -> None:
    done = _race(Tree(str(tmp_path)), publishers=3, seconds=1.0, kill_every=0.1, least=10)
    print("{} published, {} races lost and run again, {} killed".format(*done))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_update_is_lost_in_long_races(tmp_path: Path) -> None:
    until = time.monotonic() + 60
    races, total = 0, [0, 0, 0]
    while time.monotonic() < until:
        races += 1
        done = _race(Tree(str(tmp_path / str(races))), publishers=2 + races % 5, seconds=4.0, kill_every=0.05)
        total = [one + more for one, more in zip(total, done, strict=True)]
    print(f"{races} races: {{}} published, {{}} lost and run again, {{}} killed".format(*total))


@pytest.mark.parametrize("asleep", [revisions.KEPT, revisions.KEPT + 1, 2 * revisions.KEPT])
@pytest.mark.parametrize("at", [0, 5])
def test_a_publisher_that_slept_through_a_pruning_has_lost(tmp_path: Path, asleep: int, at: int) -> None:
    """Its number is free again: only the age of what it changed tells."""
    tree = Tree(str(tmp_path))
    for number in range(at):
        add(tree, f"before-{number}")
    before = published.current(tree)
    directory = tree.command_staging("0123456789abcdef")
    atomic.make_directory(directory)
    for number in range(asleep):
        add(tree, f"meanwhile-{number}")
    kept = revisions.numbers(tree)
    late = before.configuration.with_groupnet(Groupnet(before.configuration.next_number, "late"))
    with pytest.raises(Conflict):
        publish(tree, directory, before, late, lambda: None)
    assert revisions.numbers(tree) == kept
    assert "late" not in names_in(published.load(tree))
    assert os.listdir(directory) == []


def test_a_publisher_whose_staging_directory_was_swept_publishes_nothing(tmp_path: Path) -> None:
    tree = Tree(str(tmp_path))
    directory = tree.command_staging("0123456789abcdef")
    late = Configuration().with_groupnet(Groupnet(1, "late"))
    with pytest.raises(Fenced):
        publish(tree, directory, published.current(tree), late, lambda: None)
    assert published.load(tree) == Configuration()
