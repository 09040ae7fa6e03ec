"""How long a command takes before and besides its work, in CPU time."""

from collections.abc import Iterator
from pathlib import Path

from installed import Installed
from measured import Row, cpu_of, medians, ratio
from some_cluster import publish

from isi_net.store.tree import Tree

NODES, POOLS = 252, 1000


def rows(program: Installed, directory: Path, small: bool) -> Iterator[Row]:
    trials = 3 if small else 40
    one, many = Tree(str(directory / "one-pool")), Tree(str(directory / "many-pools"))
    publish(one, 1, 1)
    publish(many, NODES, POOLS)

    def cpu(tree: Tree, *words: str) -> list[str]:
        return program.command("--root", tree.root, *words)

    environment = program.environment
    as_json = cpu(one, "pools", "list", "--format", "json")
    for what, ours, most, floor in (
        ("start: pools list --format json", as_json, 1.3, "import click, lxml.etree"),
        ("start: pools list (table)", cpu(one, "pools", "list"), 1.3, "import click, lxml.etree, tabulate"),
        ("start: --version", program.command("--version"), 1.15, "import click"),
    ):
        pair = medians(cpu_of(ours, environment), cpu_of(program.floor(floor), environment), trials)
        yield ratio(what, *pair, most, f"CPU of python -c '{floor}'")
    big = cpu(many, "pools", "list", "--format", "json")
    pair = medians(cpu_of(big, environment), cpu_of(as_json, environment), trials)
    what = f"pools list --format json, {POOLS:,} pools, {NODES} nodes"
    yield ratio(what, *pair, 2, "CPU of the same command with one pool")
