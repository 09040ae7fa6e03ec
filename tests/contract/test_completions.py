"""What the program offers for TAB; `test_shells.py` tries it in the shells themselves."""

import os
import re
import shlex
import string
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import fixed_cluster
import pytest

from isi_net.cli import NOUNS, isi_net, shells
from isi_net.flexnet.change import change
from isi_net.formats import flx_config, inventory
from isi_net.model.interface import Interface, Inventory
from isi_net.model.network import Configuration, Groupnet, Node
from isi_net.store.tree import Tree

HOUSE = Path(__file__).parents[2]
FILES = {"bash": "isi_net.bash", "zsh": "_isi_net", "fish": "isi_net.fish"}
POOLS = ["groupnet0.subnet1.archive", "groupnet0.subnet0.pool0", "lab-1.six.empty"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fixed cluster, whose node 1 has one interface that nobody uses yet."""
    directory = tmp_path_factory.mktemp("cluster")
    tree = fixed_cluster.make(directory)
    mine = (Interface("ext-9", "ens9"), Interface("lo", "lo", type="loopback"))
    fixed_cluster.write(tree.inventory(1), inventory.render(Inventory(1, 1, "GLaDOS-1", mine)))
    return directory


def offered(root: Path, typed: str) -> list[str]:
    """The words that are offered for the last one of `isi_net --root ROOT TYPED`."""
    *args, incomplete = shlex.split(f"--root {shlex.quote(str(root))} {typed}.")
    shell = shells.SHELLS["bash"](isi_net, {}, "isi_net", shells.VARIABLE)
    return [one.value for one in shell.get_completions(args, incomplete.removesuffix("."))]


def process(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """isi_net as a process of its own."""
    return subprocess.run(
        [sys.executable, *options],
        env=os.environ | {"PYTHONPATH": str(HOUSE)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def asked(
    line: str, shell: str = "bash", *options: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """The process that a shell asks what can follow `line`."""
    question = {shells.VARIABLE: f"{shell}_complete", shells.LINE: line}
    return process(*options, "-m", "isi_net", **question, **environment)


@pytest.mark.parametrize("shell", FILES)
def test_the_file_is_what_the_program_makes(shell: str) -> None:
    made = process("-m", "isi_net", **{shells.VARIABLE: f"{shell}_source"})
    assert (made.returncode, made.stderr) == (0, "")
    assert made.stdout == (HOUSE / "completions" / FILES[shell]).read_text(), (
        f"{shells.VARIABLE}={shell}_source isi_net > completions/{FILES[shell]}"
    )


def test_there_is_a_file_for_every_shell() -> None:
    assert shells.SHELLS.keys() == FILES.keys()


def test_zsh_knows_the_file_by_its_first_line() -> None:
    assert (HOUSE / "completions/_isi_net").read_text().startswith("#compdef isi_net\n")


@pytest.mark.parametrize("instruction", ["tcsh_source", "bash", "bash_eat"])
def test_an_instruction_that_nobody_knows_is_a_usage_error(instruction: str) -> None:
    ran = process("-m", "isi_net", **{shells.VARIABLE: instruction})
    assert (ran.returncode, ran.stdout, ran.stderr) == (2, "", "")


@pytest.mark.parametrize(
    ("typed", "words"),
    {
        "": list(NOUNS),
        "po": ["pools"],
        "po v": ["view"],
        "--": ["--ifs", "--version", "--help"],
        "pools list --no-": ["--no-header", "--no-footer"],
        "pools list --format ": ["table", "json", "csv", "list"],
        "pools list --format=j": ["--format=json"],
        "pools list --alloc-method ": ["dynamic", "static", "externally_managed"],
        "pools list --external-manager A": ["AWS", "Azure"],
        "pools view ": POOLS,
        "pools modify ": POOLS,
        "pools delete ": POOLS,
        "pools create ": [],
        "pools view subnet": ["subnet1.archive", "subnet0.pool0"],
        "pools view groupnet0:subnet0:": ["groupnet0:subnet0:pool0"],
        "pools view pool0": [],
        "pools modify x --aggregation-mode l": ["lacp", "loadbalance"],
        "pools modify x --alloc-method ": ["static", "dynamic"],
        "pools modify x --ipv6-perform-dad ": ["yes", "no"],
        "pools modify x --sc-subnet ": ["subnet1", "subnet0", "six"],
        "pools modify x --add-r": ["--add-ranges"],
        "pools modify x --add-ifaces 1:": ["1:ext-1", "1:ext-2", "1:ext-9"],
        "pools modify x --remove-ifaces 1:ext-2,1:": ["1:ext-2,1:ext-1", "1:ext-2,1:ext-9"],
        "pools modify x --clear-i": ["--clear-ifaces"],
        "subnets view ": ["groupnet0.subnet1", "groupnet0.subnet0", "lab-1.six"],
        "subnets modify subnet1": ["subnet1"],
        "subnets create groupnet0.new ": ["ipv4", "ipv6"],
        "subnets create groupnet0.new ipv4 ": [],
        "groupnets view ": ["groupnet0", "lab-1"],
        "services view ": ["dhclient-ext-1", "dhclient-ext-2", "flexnet"],
        "services -a f": ["flexnet"],
        "interfaces list --owner lab": ["lab-1.six.empty"],
        "interfaces list --nodes ": ["1", "2", "3"],
        "interfaces list -n 1,": ["1,2", "1,3"],
        "interfaces list --type dyn": ["dynamic"],
        "dhcp lease show ": ["ext-1", "ext-2"],
        "reports view ": ["1", "2", "3", "4"],
        "reports delete 4": ["4"],
        "config rollback ": ["12"],
        "config diff ": ["12"],
        "config diff 12 ": ["12"],
        "merger explain G": ["GLaDOS-1", "GLaDOS-2", "GLaDOS-4"],
        "merger explain ": [*POOLS, "1", "GLaDOS-1", "2", "GLaDOS-2", "3", "GLaDOS-4"],
        "merger explain 10.20.30.2": ["10.20.30.23"],
        "pools view groupnet0.subnet0.pool0 ": [],
    }.items(),
)
def test_what_is_offered(cluster: Path, typed: str, words: list[str]) -> None:
    assert offered(cluster, typed) == words


def test_no_interface_is_offered_whose_lease_no_command_finds(tmp_path: Path) -> None:
    """Where the settings name another source, the files of our own client do not count."""
    tree = fixed_cluster.make(tmp_path)
    settings = Path(tree.settings).read_bytes()
    fixed_cluster.write(tree.settings, settings + b'[dhcp]\nsource = "networkd"\n')
    assert offered(tmp_path, "dhcp lease show ") == ["ext-1"]
    assert fixed_cluster.run(tmp_path, "dhcp", "lease", "show", "ext-2").status == 1


def commands(command: click.Command, path: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every noun and verb, with the words that lead to it."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below, f"{path}{name} ")


@pytest.mark.parametrize(("path", "command"), [pytest.param(*one, id=one[0]) for one in commands(isi_net)])
def test_every_option_and_verb_is_offered(cluster: Path, path: str, command: click.Command) -> None:
    options = [name for one in command.get_params(click.Context(command)) for name in one.opts]
    long = [one for one in options if one.startswith("--") and one != "--root"]  # which is given already
    assert offered(cluster, f"{path}--") == long
    if isinstance(command, click.Group):
        assert offered(cluster, path) == command.list_commands(click.Context(command))


def test_a_change_is_offered_at_once(tmp_path: Path) -> None:
    tree = Tree(str(tmp_path))
    change(tree, lambda now: now.with_groupnet(Groupnet(1, "groupnet0")), author="test")
    change(tree, lambda now: now.with_groupnet(Groupnet(2, "lab")), author="test")
    assert offered(tmp_path, "groupnets view ") == ["groupnet0", "lab"]
    assert offered(tmp_path, "config rollback ") == ["2", "1"]


def test_the_environment_and_the_command_line_say_which_cluster(cluster: Path, tmp_path: Path) -> None:
    by_environment = asked("isi_net groupnets view ", ISI_NET_ROOT=str(cluster))
    by_option = asked(f"isi_net --ifs={cluster}/ifs groupnets view ", ISI_NET_ROOT=str(tmp_path))
    by_home = asked("isi_net --ifs ~/ifs groupnets view ", ISI_NET_ROOT=str(tmp_path), HOME=str(cluster))
    assert {one.stdout for one in (by_environment, by_option, by_home)} == {"plain,groupnet0\nplain,lab-1\n"}


def as_garbage(tree: Tree) -> None:
    fixed_cluster.write(tree.revision(12), b"<flx_config")
    fixed_cluster.write(tree.settings, b"[node")
    fixed_cluster.write(tree.inventory(1), b"{")


def as_newer(tree: Tree) -> None:
    path = Path(tree.revision(12))
    path.write_bytes(path.read_bytes().replace(b'schema="2"', b'schema="3"'))
    fixed_cluster.write(tree.settings, b"[node]\ndevid = 1\n[of_tomorrow]\n")


def as_directories(tree: Tree) -> None:
    for path in (tree.revision(12), tree.settings, tree.report(1)):
        Path(path).unlink()
        Path(path).mkdir()


def as_files(tree: Tree) -> None:
    for path in (tree.revisions, tree.reports, tree.leases):
        Path(path).rename(f"{path}.away")
        fixed_cluster.write(path, b"")


def as_pipes(tree: Tree) -> None:
    for path in (tree.revision(12), tree.settings):
        Path(path).unlink()
        os.mkfifo(path)


def as_loops(tree: Tree) -> None:
    for path in (tree.revision(12), tree.settings):
        Path(path).unlink()
        Path(path).symlink_to(path)


def as_nothing(tree: Tree) -> None:
    Path(tree.root).rename(f"{tree.root}.away")


@pytest.mark.parametrize(
    "spoil", [as_garbage, as_newer, as_directories, as_files, as_pipes, as_loops, as_nothing]
)
def test_what_cannot_be_read_is_not_offered_and_not_complained_of(
    tmp_path: Path, spoil: Callable[[Tree], None]
) -> None:
    root = tmp_path / "cluster"
    spoil(fixed_cluster.make(root))
    for line in ("pools view ", "pools modify x --ifaces ", "dhcp lease show ", "merger explain "):
        assert offered(root, line) == []


@pytest.mark.parametrize(
    "line",
    [
        "isi_net nonsense ",
        "isi_net d v",
        "isi_net pools list --nonsense ",
        "isi_net pools view '\\",
        "isi_net",
    ],
)
def test_a_line_that_nobody_understands_has_no_completions_and_is_no_error(line: str) -> None:
    ran = asked(line)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_a_line_that_is_no_text_is_no_error() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "isi_net"],
        env=os.environb
        | {
            b"PYTHONPATH": str(HOUSE).encode(),
            shells.VARIABLE.encode(): b"fish_complete",
            shells.LINE.encode(): b"isi_net config check ./\xff",
        },
        capture_output=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"file,./\xff\n", b"")


def test_nothing_that_a_shell_would_act_on_is_offered(tmp_path: Path) -> None:
    """Whatever characters are in what other nodes, and whoever can write there, gave names to."""
    names = [*(f"x{char}y" for char in string.printable[:95]), *(f"{char}y" for char in string.punctuation)]
    tree = Tree(str(tmp_path))
    nodes = tuple(Node(number, number, name) for number, name in enumerate(names, start=1))
    hostile = Configuration(revision=1, nodes=nodes)
    fixed_cluster.write(tree.revision(1), flx_config.render(hostile))
    for name in names:
        if "/" not in name:
            fixed_cluster.write(tree.lease(name), b"")
            fixed_cluster.write(f"{tree.reports}/node.1{name}", b"")
            fixed_cluster.write(f"{tree.revisions}/flx_config.2{name}.xml", b"")
    found = offered(tmp_path, "merger explain ") + offered(tmp_path, "dhcp lease show ")
    assert {"x1y", "x-y", "x.y", "_y"} <= set(found)
    assert [one for one in found if not re.fullmatch(r"[0-9A-Za-z_][0-9A-Za-z_.:,-]*", one)] == []
    assert offered(tmp_path, "reports view ") == []
    assert offered(tmp_path, "config rollback ") == ["1"]


def loaded(ran: subprocess.CompletedProcess[str]) -> set[str]:
    """The modules that a process ran with `-X importtime` loaded."""
    return {line.rpartition("|")[2].strip() for line in ran.stderr.splitlines() if "|" in line}


def test_nouns_are_offered_without_loading_any() -> None:
    modules = loaded(asked("isi_net ", "bash", "-X", "importtime"))
    assert "isi_net.cli.shells" in modules
    assert {f"isi_net.cli.{noun}" for noun in NOUNS} & modules == set()
    assert "lxml" not in modules


def test_an_id_is_offered_for_less_than_its_command_loads(cluster: Path) -> None:
    root = {"ISI_NET_ROOT": str(cluster)}
    completing = loaded(asked("isi_net pools view ", "bash", "-X", "importtime", **root))
    running = loaded(process("-X", "importtime", "-m", "isi_net", "pools", "list", **root))
    assert completing - running <= {"click.shell_completion", "isi_net.cli.shells", "shlex"}
    assert "tabulate" in running - completing


@pytest.mark.slow
def test_completing_an_id_takes_no_longer_than_listing_them(cluster: Path) -> None:
    root = {"ISI_NET_ROOT": str(cluster)}

    def fastest(run: Callable[[], object]) -> float:
        times = []
        for _ in range(15):
            begun = time.perf_counter()
            run()
            times.append(time.perf_counter() - begun)
        return min(times)

    completing = fastest(lambda: asked("isi_net pools view ", **root))
    assert completing <= fastest(lambda: process("-m", "isi_net", "pools", "list", **root))
