"""The examples of the manual and of the helps work: each is run, on a small cluster in a directory.

What would change something runs with `--dry-run`.  The recipes for cron are run by sh, as they stand.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from contextlib import closing
from ipaddress import IPv4Address
from pathlib import Path

import click
import fixed_cluster
import pytest
from fixed_cluster import Ran
from manual import HOUSE, OVERVIEW, PAGES, literal_blocks, plain

from isi_net.cli import isi_net
from isi_net.demo.cloud import block
from isi_net.formats import node_report
from isi_net.store.lock import FileLock
from isi_net.store.tree import Tree

# Seconds until each node's lease expires.
LIFE = {1: 86400, 2: 1800, 3: None, 4: 86400}


def helps(command: click.Command) -> list[str]:
    """The help of a command and of all below it."""
    inner: list[click.Command] = []
    if isinstance(command, click.Group):
        context = click.Context(command)
        names = command.list_commands(context)
        inner = [one for name in names if (one := command.get_command(context, name))]
    return [command.help or "", *(text for one in inner for text in helps(one))]


def examples() -> list[str]:
    """Every line of a page or a help that runs isi_net, without what a shell makes of it before or behind."""
    lines = [line for text in helps(isi_net) for line in text.splitlines()]
    for page in PAGES.values():
        for section in page.values():
            lines += [plain(one)[4:] for one in section.all() if one.startswith((".Dl ", ".Ql isi_net "))]
            for shown in literal_blocks(section):
                lines += shown.replace("\\\n", " ").splitlines()
    found = (re.match(r"(?:.*\$\()? *isi_net ([^|>&;()]*)", line) for line in lines)
    return sorted({one[1].removesuffix(" .").strip() for one in found if one})


def reported(tree: Tree, devid: int, manager: str = "AWS") -> None:
    """Writes the report of a node that was leased 10.20.30.1<devid>."""
    now, life = int(time.time()), LIFE[devid]
    lease = fixed_cluster.lease("ext-1", f"10.20.30.1{devid}", None if life is None else now + life)
    report = fixed_cluster.report(devid, devid, now, (lease,))._replace(manager=manager)
    fixed_cluster.write(tree.report(devid), node_report.render(report))


def make(directory: Path) -> Tree:
    """Four nodes that AWS leased an address each, and what has to lie about for the examples."""
    tree = Tree(str(directory))
    for devid in LIFE:
        reported(tree, devid)
    settings = b'[node]\ndevid = %d\nname = "GLaDOS-%d"\n[interfaces]\next-1 = "ens5"\n'
    fixed_cluster.write(tree.settings, settings % (1, 1))
    other = Tree(str(directory / "srv/node1"), str(directory / "srv/ifs"))
    fixed_cluster.write(other.settings, settings % (1, 1))
    lease = block("ext-1", IPv4Address("10.20.30.11"), time.time()).encode()
    for path in (tree.lease("ext-1"), other.lease("ext-1"), str(directory / "dhclient.leases.ext-1")):
        fixed_cluster.write(path, lease)
    done(directory, "merger run")
    done(directory, "groupnets modify groupnet0 --dns-servers 10.20.0.2")
    for file in ("network.xml", "draft.xml"):
        (directory / file).write_text(done(directory, "config export").out)
    for number in range(3, 15):
        done(directory, f"groupnets modify groupnet0 --description revision-{number}")
    return tree


def done(directory: Path, words: str) -> Ran:
    ran = fixed_cluster.run(directory, *words.split())
    assert ran.status == 0, ran.err
    return ran


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """One as it comes, and one in which all was created and enabled that examples create and enable."""
    bare, full = (tmp_path_factory.mktemp(name) for name in ("bare", "full"))
    make(bare)
    shutil.copytree(bare, full, dirs_exist_ok=True)
    for example in examples():
        if {"create", "enable"} & set(example.split()):
            fixed_cluster.run(full, *shlex.split(example))  # of two that make the same the second is refused
    return [bare, full]


@pytest.fixture
def clusters(made: list[Path], tmp_path: Path) -> list[Path]:
    """Those two, for one test alone: an example must not live on what another has just done."""
    return [Path(shutil.copytree(one, tmp_path / one.name)) for one in made]


def tried(directory: Path, example: str) -> Ran:
    """Runs an example in a cluster's directory.

    What lasts, or wants other hosts or network cards, shows its help instead, behind the words of the
    example: an option or command that is not known is an error before that.
    """
    words = [re.sub("^/(srv|tmp)/", rf"{directory}/\1/", word) for word in shlex.split(example)]
    command = meant(words)
    if {"demo", "flexnet", "ifs"} & set(words) or ("daemon" in words and "--once" not in words):
        return fixed_cluster.run(directory, *words, "--help")
    if "daemon" in words:  # its watchdog wants a stderr of its own
        ran = subprocess.run(
            [sys.executable, "-m", "isi_net", *words],
            env={**os.environ, "PYTHONPATH": str(HOUSE)},
            capture_output=True,
            text=True,
            check=False,
        )
        return Ran(ran.returncode, ran.stdout, ran.stderr)
    if any("--dry-run" in one.opts for one in command.params):
        words.append("--dry-run")
    if words[-2:] == ["merger", "run"]:
        return fixed_cluster.run(directory, *words)
    with closing(role_held(directory)), closing(role_held(directory / "srv/node1", directory / "srv/ifs")):
        return fixed_cluster.run(directory, *words)


def role_held(root: Path, ifs: Path | str = "") -> FileLock:
    lock = FileLock(Tree(str(root), str(ifs)).merger_lock)
    lock.open()
    assert lock.try_now()
    return lock


def meant(words: list[str]) -> click.Command:
    """The command that these words run."""
    context = isi_net.make_context("isi_net", list(words), resilient_parsing=True)
    command: click.Command = isi_net
    rest = [*context._protected_args, *context.args]
    while isinstance(command, click.Group):
        _, found, rest = command.resolve_command(context, rest)
        assert found is not None
        command = found
    return command


def test_examples_are_found_in_pages_and_helps() -> None:
    found = examples()
    assert "merger explain GLaDOS-3" in found
    assert "merger status" in found
    assert "po l --desc" in found
    assert "dhcp lease list --format csv -a" in found


@pytest.mark.parametrize("example", examples())
def test_an_example_works(example: str, clusters: list[Path]) -> None:
    """In one of the clusters: what one example makes another may not make again, or want to be there."""
    ran = [tried(directory, example) for directory in clusters]
    assert 0 in [one.status for one in ran], ran


def test_an_example_that_is_wrong_would_be_found(clusters: list[Path]) -> None:
    for wrong in ("pools view pool9.pool9", "pools list --shape round", "reports delete 9", "demo --dirr x"):
        assert {tried(directory, wrong).status for directory in clusters} <= {1, 2}


# The recipes for cron.


@pytest.fixture
def cluster(tmp_path: Path) -> Path:
    make(tmp_path)
    return tmp_path


def recipe(number: int, cluster: Path) -> str:
    """What a recipe of isi_net(8) prints in this cluster; what it keeps in /var/db, it keeps there."""
    program = cluster / "bin/isi_net"
    fixed_cluster.write(str(program), f'#!/bin/sh\nexec {sys.executable} -m isi_net "$@"\n'.encode())
    program.chmod(0o755)
    (cluster / "var/db").mkdir(exist_ok=True)
    script = literal_blocks(OVERVIEW["CRON"])[number].replace("/var/db/", f"{cluster}/var/db/")
    ran = subprocess.run(
        ["/bin/sh"],
        input=script,
        env={
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(HOUSE),
            "ISI_NET_ROOT": str(cluster),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stderr == ""
    return ran.stdout


def test_there_are_three_recipes() -> None:
    assert len(literal_blocks(OVERVIEW["CRON"])) == 3


def test_the_first_recipe_warns_when_nobody_holds_the_role_or_its_holder_is_stuck(cluster: Path) -> None:
    tree = Tree(str(cluster))
    assert recipe(0, cluster) == "No node holds the IP Merger's role: start isi_net daemon\n"
    with closing(role_held(cluster)):
        assert recipe(0, cluster) == ""
        os.utime(tree.tenure(1), (0, 0))
        assert recipe(0, cluster) == "The IP Merger is stuck: see isi_net merger status\n"


def test_the_second_recipe_lists_the_leases_that_expire_within_the_hour(cluster: Path) -> None:
    listed = recipe(1, cluster).splitlines()
    assert [one.split(",")[:4] for one in listed] == [["2", "GLaDOS-2", "ext-1", "10.20.30.12"]]


def test_the_third_recipe_alerts_when_the_manager_of_an_interface_changes(cluster: Path) -> None:
    tree = Tree(str(cluster))
    assert recipe(2, cluster) == ""
    assert recipe(2, cluster) == ""
    reported(tree, 3, manager="DHCP")
    os.unlink(tree.report(4))  # a node that is silent is no change
    assert recipe(2, cluster) == "3:ext-1: was AWS, is DHCP\n"
    reported(tree, 4)
    assert recipe(2, cluster) == ""
