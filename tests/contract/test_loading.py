"""What a command loads before it answers: a fact for each, where a time would be a guess.

Most of what a reading command costs is what it imports, and one line at the top of a shared module is
paid by all of them.  `tests/bench/run.py --only start` says what it comes to.
"""

import importlib
import os
import pkgutil
import subprocess
import sys
import textwrap
from pathlib import Path

import click
import fixed_cluster
import pytest

from isi_net.cli import NOUNS, changing

HOUSE = Path(__file__).parents[2]

# Prints on its last line what stands in sys.modules as the process ends.
PROGRAM = """
import sys
try:
    {program}
finally:
    print(*sys.modules, file=sys.stderr)
"""

# What a reading command may load of the standard library besides what click and lxml do.
STANDARD = {"_json", "copy", "dataclasses", "gc", "ipaddress", "json"}

# What isi_net depends on (pyproject.toml), by the names that are imported.
DEPENDENCIES = {"click", "inotify_simple", "lxml", "msgspec", "portalocker", "psutil", "tabulate"}

# What `pools list --format json` loads of ours: an addition here is paid by every listing.
READING = {
    "isi_net",
    "isi_net.__main__",
    "isi_net.cli",
    "isi_net.cli.complete",
    "isi_net.cli.exits",
    "isi_net.cli.grammar",
    "isi_net.cli.output",
    "isi_net.cli.pools",
    "isi_net.cli.records",
    "isi_net.cli.show",
    "isi_net.cli.stdout",
    "isi_net.errors",
    "isi_net.flexnet",
    "isi_net.flexnet.published",
    "isi_net.formats",
    "isi_net.formats.flx_config",
    "isi_net.formats.times",
    "isi_net.model",
    "isi_net.model.addresses",
    "isi_net.model.names",
    "isi_net.model.network",
    "isi_net.model.text",
    "isi_net.store",
    "isi_net.store.atomic",
    "isi_net.store.read",
    "isi_net.store.revisions",
    "isi_net.store.staging",
    "isi_net.store.tree",
}


def loaded(program: str, *arguments: str) -> set[str]:
    """The modules that a process loads which runs `program` with `arguments`."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(program=program), *arguments],
        env=os.environ | {"PYTHONPATH": str(HOUSE), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(ran.stderr.splitlines()[-1].split())


def loaded_by(cluster: Path, command: str) -> set[str]:
    """The modules that `isi_net COMMAND` loads."""
    program = "from isi_net.__main__ import main; main()"
    return loaded(program, "--root", str(cluster), *command.split())


def packages(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("cluster")
    fixed_cluster.make(directory)
    return directory


def test_a_listing_loads_what_it_needs_and_no_more(cluster: Path) -> None:
    floor = loaded("import click, lxml.etree")
    found = loaded_by(cluster, "pools list --format json")
    assert {name for name in found - floor if name.startswith("isi_net")} == READING
    assert packages(found) - packages(floor) <= STANDARD | {"isi_net"}


@pytest.mark.parametrize("noun", ["groupnets", "subnets", "pools"])
@pytest.mark.parametrize("verb", ["list", "view"])
def test_every_noun_of_the_configuration_is_read_as_cheaply(cluster: Path, noun: str, verb: str) -> None:
    ids = {"groupnets": "groupnet0", "subnets": "subnet0", "pools": "subnet0.pool0"}
    command = f"{noun} {verb} --format json" + (f" {ids[noun]}" if verb == "view" else "")
    ours = {name for name in loaded_by(cluster, command) if name.startswith("isi_net")}
    assert ours <= READING - {"isi_net.cli.pools"} | {f"isi_net.cli.{noun}"}  # and no other noun


def test_a_table_loads_tabulate_besides(cluster: Path) -> None:
    as_json = loaded_by(cluster, "pools list --format json")
    as_table = loaded_by(cluster, "pools list")
    assert packages(as_table) - packages(as_json) - packages(loaded("import tabulate")) == set()
    assert {name for name in as_table - as_json if name.startswith("isi_net")} == set()


def test_a_change_loads_what_it_needs_when_it_is_asked_for(cluster: Path) -> None:
    listing = loaded_by(cluster, "pools list --format json")
    change = loaded_by(cluster, "pools modify subnet0.pool0 --sc-ttl 5 --dry-run")
    assert {
        "isi_net.cli.changing.pools",
        "isi_net.cli.change",
        "isi_net.model.spellings",
    } <= change - listing


@pytest.mark.parametrize(
    ("command", "needs"),
    {
        "config history": {"lxml"},
        "config view": {"lxml"},
        "dhcp lease list": {"msgspec"},
        "dhcp lease show ext-1": set(),
        "groupnets list": {"lxml"},
        "interfaces list": {"lxml", "msgspec"},
        "merger history": {"lxml", "msgspec", "portalocker"},
        "pools list": {"lxml"},
        "reports list": {"lxml", "msgspec"},
        "subnets list": {"lxml"},
    }.items(),
)
def test_a_command_loads_the_dependencies_that_its_answer_is_made_with(
    cluster: Path, command: str, needs: set[str]
) -> None:
    found = packages(loaded_by(cluster, f"{command} --format json"))
    assert found & DEPENDENCIES == {"click"} | needs


@pytest.mark.parametrize("noun", [one.name for one in pkgutil.iter_modules(changing.__path__)])
def test_every_verb_that_is_loaded_later_is_the_nouns(noun: str) -> None:
    group = importlib.import_module(f"isi_net.cli.{noun}").command
    module = importlib.import_module(f"isi_net.cli.changing.{noun}")
    verbs = {one.name: one for one in vars(module).values() if isinstance(one, click.Command)}
    assert verbs
    assert verbs == {name: group.get_command(click.Context(group), name) for name in verbs}


def test_what_lives_long_is_still_looked_through_for_garbage() -> None:
    """Later than Python would by itself, but a daemon's memory has its bound."""
    program = """
    import gc
    from isi_net.__main__ import main
    try:
        main()
    finally:
        print(gc.isenabled(), gc.get_threshold()[0])
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), "--version"],
        env=os.environ | {"PYTHONPATH": str(HOUSE)},
        capture_output=True,
        text=True,
        check=True,
    )
    enabled, threshold = ran.stdout.splitlines()[-1].split()
    assert enabled == "True"
    assert 0 < int(threshold) <= 100_000


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_no_noun_is_loaded_to_tell_the_version_or_the_nouns(cluster: Path, option: str) -> None:
    found = loaded_by(cluster, option)
    assert {f"isi_net.cli.{noun}" for noun in NOUNS} & found == set()
    assert {"lxml", "json", "dataclasses", "ipaddress"} & found == set()
