"""What reading commands print is a promise, to the byte: see goldens/README.md."""

import contextlib
import json
import os
import pty
import shlex
import subprocess
import sys
import tempfile
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import click
import fixed_cluster
import pytest

from isi_net.cli import isi_net
from isi_net.cli.output import FORMATS
from isi_net.store.lock import FileLock

GOLDENS = Path(__file__).parent / "goldens"
WRITE = os.environ.get("ISI_NET_WRITE_GOLDENS") == "1"
PROMPT = "$ isi_net "
PLACE = "/tmp/GLaDOS-1-XXXXXXXX"
OF_A_GOOD_DAY = {"interfaces-list.txt", "merger-history.txt", "merger-plan.txt", "merger-status.txt"}
REMEDY = "if that is as it should be, change the golden: goldens/README.md"

POOL_KEYS = (
    "id name groupnet subnet description access_zone addr_family alloc_method external_manager "
    "aggregation_mode ifaces ranges static_routes rules firewall_policy rebalance_policy sc_connect_policy "
    "sc_failover_policy sc_dns_zone sc_dns_zone_aliases sc_subnet sc_suspended_nodes sc_ttl "
    "nfsv3_rroce_only ipv6_perform_dad"
)
SUBNET_KEYS = (
    "id name groupnet addr_family prefixlen gateway gateway_priority mtu vlan_enabled vlan_id "
    "sc_service_addrs sc_service_name base_addr description pools dhcp_servers"
)
GROUPNET_KEYS = "id name description dns_servers dns_search dns_options dns_cache_enabled subnets"
LEASE_KEYS = (
    "interface address prefixlen gateway server dns_servers domain_name host_name mtu state renew rebind "
    "expire"
)
INTERFACE_KEYS = (
    "id lnn name nic_name status type mtu speed flags ip_addrs ipv4_gateway ipv6_gateway owners vlans"
)
REPORT_KEYS = "devid lnn node source manager version reported_at addresses problems"
SERVICE_KEYS = "name enabled by_hand state reason pid since starts last_exit next_try"
KEYS = {
    "flexnet plan": "nic command",
    "flexnet status": "enabled revision applied_revision applied addresses differences findings",
    "services list": SERVICE_KEYS,
    "services view dhclient-ext-1": SERVICE_KEYS,
    "ifs check --wait 0": "check verdict said measured unit todo hosts",
    "pools list": POOL_KEYS,
    "pools view subnet0.pool0": POOL_KEYS,
    "subnets list": SUBNET_KEYS,
    "subnets view subnet0": SUBNET_KEYS,
    "groupnets list": GROUPNET_KEYS,
    "groupnets view groupnet0": GROUPNET_KEYS,
    "interfaces list": INTERFACE_KEYS,
    "dhcp lease list": "lnn node interface address manager server state expire",
    "dhcp lease show ext-1": f"{LEASE_KEYS} options problems",
    "reports list": REPORT_KEYS,
    "reports view 1": REPORT_KEYS,
    "merger status": "held devid lnn node pid term since revision last_turn reports findings",
    "merger history": "term devid lnn node pid from until ended",
    "merger plan": "revision changes findings",
    "merger explain 10.20.30.13": "place step where says",
    "config history": "revision published term author change",
    "config check": "severity code place message action",
    "config view": "revision term published author change settings nodes groupnets",
    "cloud view": "manager explicit evidence findings",
    "settings view": "release on_premises_dhcp sbr",
    "upgrade status": "committed release nodes changes findings",
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Path]:
    """The fixed cluster, long after its daemons ended."""
    with place() as directory:
        fixed_cluster.make(directory)
        yield directory


@pytest.fixture(scope="module")
def working_cluster() -> Iterator[Path]:
    """The same on a good day: the reports are new, and somebody holds the role."""
    with place() as directory:
        lock = FileLock(fixed_cluster.make(directory, reported_at=int(time.time())).merger_lock)
        lock.open()
        assert lock.try_now()
        yield directory
        lock.close()


@contextlib.contextmanager
def place() -> Iterator[Path]:
    """A directory whose name is as long as PLACE, because what is in a table makes its columns wide."""
    with tempfile.TemporaryDirectory(prefix=PLACE.rstrip("X").removeprefix("/tmp/"), dir="/tmp") as name:
        yield Path(name)


def commands(transcript: str) -> list[str]:
    return [line.removeprefix(PROMPT) for line in transcript.splitlines() if line.startswith(PROMPT)]


def transcribed(directory: Path, command: str) -> str:
    """The command, what it prints, and how it ended if not well."""
    ran = fixed_cluster.run(directory, *shlex.split(command))
    status = f"[{ran.status}]\n" if ran.status else ""
    return f"{PROMPT}{command}\n{ran.out}{status}".replace(str(directory), PLACE)


def readers(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Every command that prints in the formats."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from readers(inner, (*path, name))
    elif any("--format" in one.opts for one in command.params):
        yield " ".join(path)


@pytest.mark.parametrize("name", sorted(file.name for file in GOLDENS.glob("*.txt")))
def test_it_prints_what_it_promised(name: str, request: pytest.FixtureRequest) -> None:
    directory = request.getfixturevalue("working_cluster" if name in OF_A_GOOD_DAY else "cluster")
    golden = GOLDENS / name
    printed = "\n".join(transcribed(directory, one) for one in commands(golden.read_text()))
    if WRITE:
        golden.write_text(printed)
    assert printed == golden.read_text(), REMEDY


@pytest.mark.parametrize("command", tuple(readers(isi_net)))
@pytest.mark.parametrize("fmt", FORMATS)
def test_every_reading_command_has_a_golden_of_every_format(command: str, fmt: str) -> None:
    asked = [one for file in GOLDENS.glob("*.txt") for one in commands(file.read_text())]
    format_of_it = "" if fmt == "table" else f" --format {fmt}"
    assert any(
        one.startswith(command) and one.endswith(format_of_it) and (format_of_it or "--format" not in one)
        for one in asked
    ), f"write `{PROMPT}{command}{format_of_it}` into a file of goldens/, and see its README.md"


@pytest.mark.parametrize("command", KEYS)
def test_json_has_these_keys(command: str, cluster: Path) -> None:
    """In this order, and the same in a listing as in a view."""
    printed = json.loads(fixed_cluster.run(cluster, *command.split(), "--format", "json").out)
    for record in printed if isinstance(printed, list) else [printed]:
        assert list(record) == KEYS[command].split(), REMEDY


@pytest.mark.parametrize("command", tuple(readers(isi_net)))
def test_keys_are_pinned_for_every_command(command: str) -> None:
    assert any(pinned.startswith(command) for pinned in KEYS)


def as_process(directory: Path, command: str, stdout: int) -> None:
    """Runs a command as a process of its own, which writes to the descriptor `stdout`."""
    subprocess.run(
        [sys.executable, "-m", "isi_net", "--root", ".", *shlex.split(command)],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "COLUMNS": "30"},
        stdout=stdout,
        check=True,
    )


def all_of(descriptor: int) -> bytes:
    """What can be read of a terminal or pipe whose writers are gone."""
    data = b""
    while True:
        try:
            piece = os.read(descriptor, 1 << 16)
        except OSError:  # how Linux says that nobody is left at the terminal
            return data
        if not piece:
            return data
        data += piece


@pytest.mark.parametrize("command", ["pools list", "interfaces list --format json", "config view"])
def test_a_terminal_a_pipe_and_the_golden_get_the_same_bytes(command: str, cluster: Path) -> None:
    """However narrow the terminal: nothing is coloured, cut or wrapped for it."""
    terminal, their_terminal = pty.openpty()
    tty.setraw(their_terminal)  # else it would write \r\n for \n
    pipe, their_pipe = os.pipe()
    got = []
    for ours, theirs in ((terminal, their_terminal), (pipe, their_pipe)):
        as_process(cluster, command, theirs)
        os.close(theirs)
        got.append(all_of(ours))
        os.close(ours)
    assert got == [fixed_cluster.run(cluster, *command.split()).out.encode()] * 2
