"""How commands end, and that what they say is fit for a terminal whoever wrote it."""

import json
import os
import subprocess
import sys
import unicodedata
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import fixed_cluster
import pytest
from fixed_cluster import CORPUS, run

from isi_net.cli import exits
from isi_net.cli.output import FORMATS
from isi_net.formats import flx_config, node_report, services
from isi_net.formats import tenure as tenure_format
from isi_net.model.finding import Finding
from isi_net.model.merge import merge
from isi_net.model.service import Service
from isi_net.store.lock import FileLock
from isi_net.store.tree import Tree


@pytest.fixture
def cluster(tmp_path: Path) -> Path:
    fixed_cluster.make(tmp_path)
    return tmp_path


def shell(directory: Path, line: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Runs a line of shell in `directory`, in which `isi_net` is this one; only `environment` is set."""
    name = f'isi_net() {{ "{sys.executable}" -m isi_net --root . "$@"; }}\n'
    return subprocess.run(
        ["/bin/bash", "-c", name + line],
        cwd=directory,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        "bananas list",
        "pools peel",
        "pools list --shape round",
        "pools list --format yaml",
        "pools list --limit none",
        "pools list --limit 0",
        "pools list --sort taste",
        "pools list extra",
        "pools view",
        "pools view groupnet0",
        "pools view a.b.c.d",
        "subnets view a.b.c",
        "groupnets view bad/name",
        "reports view 0",
        "reports view four",
        "--rot / pools list",
    ],
)
def test_what_cannot_be_meant_exits_2(arguments: str, cluster: Path) -> None:
    ran = run(cluster, *arguments.split())
    assert (ran.status, ran.out) == (exits.USAGE, "")
    assert ran.err.splitlines()[-1].startswith("Error: ")


@pytest.mark.parametrize("noun", ["pools", "dhcp", "dhcp lease"])
def test_a_noun_alone_exits_2_and_shows_its_help(noun: str, cluster: Path) -> None:
    ran = run(cluster, *noun.split())
    assert (ran.status, ran.out) == (exits.USAGE, "")
    assert "Commands:" in ran.err


@pytest.mark.parametrize(
    ("arguments", "candidates"),
    [
        ("d lease show", "daemon, demo, dhcp"),
        ("pools list --no", "--no-footer, --no-header"),
    ],
)
def test_an_ambiguous_beginning_exits_2_and_lists_what_it_may_be(
    arguments: str, candidates: str, cluster: Path
) -> None:
    ran = run(cluster, *arguments.split())
    assert (ran.status, ran.out) == (exits.USAGE, "")
    assert ran.err.endswith(f" is ambiguous: it may be {candidates}.\n")


@pytest.mark.parametrize(
    ("short", "whole"),
    [
        ("po l", "pools list"),
        ("int list --externally", "interfaces list --externally-managed"),
        ("dh le li --form=csv --desc", "dhcp lease list --format csv --descending"),
        ("pools list --sort id --no-h --no-f", "pools list --sort id -a -z"),
        ("g v groupnet0", "groupnets view groupnet0"),
    ],
)
def test_a_unique_beginning_is_enough(short: str, whole: str, cluster: Path) -> None:
    ran = run(cluster, *short.split())
    assert (ran.status, ran.err) == (0, "")
    assert ran == run(cluster, *whole.split())


def complaint(cluster: Path, arguments: str) -> str:
    """The one line that a command says when it fails: it exits 1, and prints nothing."""
    ran = run(cluster, *arguments.split())
    assert (ran.status, ran.out) == (exits.FAILED, "")
    assert ran.err.startswith("Error: ")
    assert ran.err.count("\n") == 1
    return ran.err


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        ("pools view groupnet0.subnet0.pool9", "see isi_net pools list"),
        ("pools view no0.subnet0.pool0", "see isi_net pools list"),
        ("subnets view subnet9", "see isi_net subnets list"),
        ("groupnets view groupnet9", "see isi_net groupnets list"),
        ("reports view 9", "see isi_net reports list"),
    ],
)
def test_what_is_not_there_exits_1_and_says_where_to_look(arguments: str, remedy: str, cluster: Path) -> None:
    assert remedy in complaint(cluster, arguments)


READERS_OF_THE_CONFIGURATION = (
    "pools list",
    "pools view subnet0.pool0",
    "subnets list",
    "subnets view subnet0",
    "groupnets list",
    "groupnets view groupnet0",
    "interfaces list",
    "config view",
)


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("arguments", READERS_OF_THE_CONFIGURATION)
def test_a_broken_configuration_exits_1_and_is_named_with_its_line(
    arguments: str, fmt: str, cluster: Path
) -> None:
    """However early or late it breaks, not a byte of half an answer is printed."""
    path = Path(Tree(str(cluster)).revision(12))
    path.write_bytes(path.read_bytes().replace(b'name="pool0"', b'name="po ol"'))
    said = complaint(cluster, f"{arguments} --format {fmt}")
    assert f"{path} line" in said


@pytest.mark.parametrize("arguments", READERS_OF_THE_CONFIGURATION)
def test_a_configuration_that_is_no_file_exits_1_and_says_what_to_do(arguments: str, cluster: Path) -> None:
    path = Path(Tree(str(cluster)).revision(12))
    path.unlink()
    path.mkdir()
    assert f", {path}; put the file there" in complaint(cluster, arguments)


@pytest.mark.parametrize(
    "arguments", ["reports list", "reports view 1", "dhcp lease list", "interfaces list"]
)
def test_reports_that_are_no_directory_exit_1_and_are_named(arguments: str, cluster: Path) -> None:
    directory = Path(Tree(str(cluster)).reports)
    directory.rename(directory.with_name("elsewhere"))
    directory.write_text("")
    said = complaint(cluster, arguments)
    assert f", {directory}; " in said


@pytest.mark.parametrize("arguments", ["dhcp lease show", "merger status"])
def test_settings_that_are_no_toml_exit_1_and_name_the_manual(arguments: str, cluster: Path) -> None:
    settings = Path(Tree(str(cluster)).settings)
    settings.write_text("[node\n")
    said = complaint(cluster, arguments)
    assert f", {settings}; correct it: man 5 isi_net.toml" in said


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize(
    "arguments", ["dhcp lease show", "dhcp lease show ext-9", "dhcp lease show --file empty"]
)
def test_no_lease_exits_1_and_prints_nothing(arguments: str, fmt: str, tmp_path: Path) -> None:
    """So that a script can say `if lease=$(isi_net dhcp lease show ext-1)`."""
    (tmp_path / "empty").touch()
    assert "no lease" in complaint(tmp_path, f"{arguments} --format {fmt}")


def test_a_lease_file_that_is_missing_is_named(tmp_path: Path) -> None:
    assert ", missing; " in complaint(tmp_path, "dhcp lease show --file missing")


def test_a_cluster_without_anything_is_no_failure(tmp_path: Path) -> None:
    for arguments in ("pools list", "subnets list", "groupnets list", "interfaces list", "reports list"):
        assert run(tmp_path, *arguments.split(), "--format", "json") == fixed_cluster.Ran(0, "[]\n", "")


def test_merger_status_tells_by_its_exit_status_whether_the_role_is_held(cluster: Path) -> None:
    tree = Tree(str(cluster))
    free = run(cluster, "merger", "status")
    lock = FileLock(tree.merger_lock)
    lock.open()
    assert lock.try_now()
    held = run(cluster, "merger", "status")
    os.utime(tree.tenure(3), (fixed_cluster.THEN, fixed_cluster.THEN))
    stalled = run(cluster, "merger", "status")
    lock.close()
    assert [free.status, held.status, stalled.status] == [exits.FAILED, exits.DONE, exits.STALLED]
    assert "Held: No\n" in free.out
    assert "Held: Yes\n" in held.out


def test_who_has_left_office_is_not_named_while_the_next_one_takes_it(cluster: Path) -> None:
    tree = Tree(str(cluster))
    tenure = tenure_format.parse(Path(tree.tenure(3)).read_bytes())
    ended = replace(tenure, until=fixed_cluster.THEN + 1.0, ended="released")
    Path(tree.tenure(3)).write_bytes(tenure_format.render(ended))
    lock = FileLock(tree.merger_lock)
    lock.open()
    assert lock.try_now()
    status = json.loads(run(cluster, "merger", "status", "--format", "json").out)
    lock.close()
    assert status["held"]
    assert (status["devid"], status["node"], status["pid"]) == (None, None, None)


def test_isi_net_debug_shows_the_traceback(cluster: Path) -> None:
    ran = shell(cluster, "isi_net pools view subnet0.pool9", ISI_NET_DEBUG="1")
    assert (ran.returncode, ran.stdout) == (exits.FAILED, b"")
    assert ran.stderr.startswith(b"Traceback")
    assert ran.stderr.rstrip().endswith(b"isi_net pools list")


WRITERS = ("pools list", "config view --format json", "--help", "pools list --help", "--version")


@pytest.mark.parametrize("command", WRITERS)
def test_a_full_disk_exits_1_in_one_line(command: str, cluster: Path) -> None:
    ran = shell(cluster, f"isi_net {command} > /dev/full")
    assert (ran.returncode, ran.stderr.count(b"\n")) == (exits.FAILED, 1), ran.stderr
    assert ran.stderr.startswith(b"Error: ")


def test_a_closed_stdout_exits_1_in_one_line(cluster: Path) -> None:
    ran = shell(cluster, "isi_net pools list >&-")
    assert ran.returncode == exits.FAILED
    assert ran.stderr.startswith(b"Error: cannot write: it is closed, stdout; ")
    assert ran.stderr.count(b"\n") == 1


@pytest.mark.parametrize("command", ["pools list -v", "--help"])
def test_a_reader_who_has_gone_is_no_error(command: str, cluster: Path) -> None:
    ran = shell(cluster, f"isi_net {command} | head -c1 | wc -c; isi_net {command} | exec true")
    assert (ran.stdout.strip(), ran.stderr) == (b"1", b"")


@pytest.mark.parametrize(
    "command",
    [
        "pools list -v",
        "pools modify subnet0.pool0 --add-ranges 10.20.30.50 --force --dry-run 2>&1 >/dev/null",
    ],
)
def test_a_gone_reader_ends_a_command_as_it_ends_cat(command: str, cluster: Path) -> None:
    """By SIGPIPE, which a shell calls 141; the pipe's reader is gone before a listing or warning comes."""
    ran = shell(cluster, f"{{ sleep 0.2; isi_net {command}; echo $? >&2; }} | true")
    assert ran.stderr == b"141\n"


@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "latin-1"},
        {"PYTHONIOENCODING": "ascii:strict"},
        {"TERM": "dumb", "COLUMNS": "10"},
    ],
    ids=str,
)
def test_no_environment_stops_it(environment: dict[str, str], cluster: Path) -> None:
    """Nor the lack of one: HOME is never set here.  A letter that stdout lacks is shown as an escape."""
    tree = Tree(str(cluster))
    names = fixed_cluster.reports(fixed_cluster.THEN)[0]._replace(node="Zürich-Ω")
    fixed_cluster.write(tree.report(1), node_report.render(names))
    ran = shell(cluster, "isi_net reports list", **environment)
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert b"rich-" in ran.stdout
    assert ran.stdout.endswith(b"Total: 4\n")


# Escape sequences, C1 controls, line breaks of every kind, marks that turn text around, fillers and joiners
# that cannot be seen, a BOM.
HOSTILE = (
    "\x1b]0;pwned\x07\x1b[2J\x9b31m\r\n\v\f\x85\u2028\u2029"
    "\u202e\u2066\u200b\u200d\u00ad\ufeff\u3164\U000e0041\x00"
)


def unfit(text: str) -> set[str]:
    """The characters in `text` that could drive a terminal, break a line or hide."""
    kinds = ("Cc", "Cf", "Zl", "Zp", "Co", "Cs")
    return {one for one in text if unicodedata.category(one) in kinds or one == "\u3164"} - {"\n"}


def poison(tree: Tree) -> None:
    """Puts a hostile text wherever a report or a lease file can carry one."""
    good = fixed_cluster.reports(fixed_cluster.THEN)
    leases = tuple(
        one._replace(host_name=f"host{HOSTILE}", domain_name=f"domain{HOSTILE}") for one in good[0].addresses
    )
    moved = tuple(one._replace(address=IPv4Address("10.20.30.77")) for one in leases)
    told = tuple(
        Finding(f"place{HOSTILE}", f"code{HOSTILE}", severity, f"message{HOSTILE}", f"action{HOSTILE}")
        for severity in ("info", "warning", "error")
    )
    reports = [
        good[0]._replace(node=f"node{HOSTILE}", addresses=leases, problems=told),
        good[1]._replace(manager=f"manager{HOSTILE}", source=f"source{HOSTILE}", version=f"version{HOSTILE}"),
        good[2]._replace(node=f"again{HOSTILE}", lnn=1, addresses=moved),
    ]
    for report in reports:
        fixed_cluster.write(tree.report(report.devid), node_report.render(report))
    merged = merge(fixed_cluster.by_hand(), reports, fixed_cluster.THEN).configuration
    hostile = replace(merged, author=f"author{HOSTILE}", change=f"change{HOSTILE}", revision=13)
    fixed_cluster.write(tree.revision(13), flx_config.render(hostile))
    fixed_cluster.write(tree.report(5), f'{{"schema": 1, "node": "{HOSTILE}"}}'.encode())
    fixed_cluster.write(tree.report(6), f'{{"schema": 1, "devid": "\\u001b[2J", "{HOSTILE}": 1'.encode())
    service = Service("flexnet", True, True, "stopped", f"reason{HOSTILE}", last_exit=f"exit{HOSTILE}")
    fixed_cluster.write(tree.services_said, services.render((service,)))
    escaped = "".join(f"\\{byte:03o}" for byte in HOSTILE.encode())
    lease = (CORPUS / "isc/07-hostile-strings.leases").read_text().replace("}\n", "")
    lines = [
        f'option host-name "host{escaped}";',
        f'option domain-name "{HOSTILE}";',
        f"option unknown-250 {HOSTILE};",
        f"option {HOSTILE} 1;",
        f'interface "{HOSTILE}',
    ]
    for number, line in enumerate(lines):
        fixed_cluster.write(
            tree.lease(f"bad-{number}"), f"{lease}{line}\n}}\n".encode(errors="surrogatepass")
        )


@pytest.fixture(scope="module")
def poisoned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("poisoned")
    poison(fixed_cluster.make(directory))
    return directory


@pytest.mark.parametrize("fmt", [*FORMATS, "table -v"])
@pytest.mark.parametrize(
    "arguments",
    [
        "pools list",
        "pools view subnet0.pool0",
        "subnets list",
        "subnets view subnet0",
        "groupnets list",
        "groupnets view groupnet0",
        "interfaces list",
        "config view",
        "reports list",
        *(f"reports view {devid}" for devid in range(1, 8)),
        "services list",
        "services view flexnet",
        "dhcp lease list",
        "dhcp lease show",
        *(f"dhcp lease show bad-{number}" for number in range(5)),
        *(
            f"dhcp lease show --all --file var/db/dhclient/dhclient.leases.bad-{number}"
            for number in range(5)
        ),
        "merger status",
        "merger plan",
        "merger history",
        "merger explain 10.20.30.11",
        "merger explain node",
        "config check",
        "config history",
        "pools view \x1b[2J",
        "dhcp lease show \x1b[2J\u202e",
        "dhcp lease show --file \x1b[2J\u202e",
        "pools list --sort \x1b[2J\u202e",
        "\x1b[2J\u202e",
        "pools \x1b[2J\u202e",
        "pools list --\x1b[2J\u202e",
        "pools list --limit \x1b[2J\u202e",
        "reports view \x1b[2J\u202e",
    ],
    ids=ascii,
)
def test_nobody_can_reach_the_terminal(arguments: str, fmt: str, poisoned: Path) -> None:
    """Neither a DHCP server nor another node nor whoever names files, by any command, format or complaint."""
    fmt, _, verbose = fmt.partition(" ")
    options = [verbose] if verbose and " list" in arguments else []
    ran = run(poisoned, *arguments.split(" "), f"--format={fmt}", *options)
    assert ran.out or ran.err or fmt == "list"  # of nothing
    assert unfit(ran.out) == set()
    assert unfit(ran.err) == set()
    if fmt == "json":
        assert ran.out.isascii()


@pytest.mark.parametrize(
    "arguments",
    [
        "config diff",
        "config diff 12 13",
        "config rollback 12 --dry-run",
        "reports delete 4 --dry-run",
        "reports delete 4",
        "merger run",
        "daemon --once",
    ],
)
def test_nobody_can_reach_the_terminal_through_what_changes_things(arguments: str, cluster: Path) -> None:
    """Run as processes, because daemons handle signals; nobody is there to answer a question."""
    poison(Tree(str(cluster)))
    ran = shell(cluster, f"isi_net {arguments} < /dev/null")
    assert ran.returncode in (exits.DONE, exits.FAILED)
    assert b"Traceback" not in ran.stderr
    assert unfit(ran.stdout.decode()) == set()
    assert unfit(ran.stderr.decode()) == set()


def test_what_is_unfit_is_known_when_it_is_seen() -> None:
    assert unfit(HOSTILE) == set(HOSTILE) - set("\n]0;pwned[2J31m")
    assert unfit("Zürich\nΩ 日本") == set()


@pytest.mark.parametrize(
    "arguments",
    [
        "reports list",
        "reports view 1",
        "dhcp lease list",
        "merger history",
        "merger step-down",
        "merger plan",
        "merger run",
        "config history",
        "interfaces list",
        "pools list",
    ],
)
def test_an_unmounted_file_system_is_no_empty_cluster(cluster: Path, arguments: str) -> None:
    """This node has seen that something was published; nothing is made in what is there instead."""
    tree = Tree(str(cluster))
    os.makedirs(os.path.dirname(tree.joined), exist_ok=True)
    Path(tree.joined).write_text(f"{tree.ifs}\n")
    os.rename(tree.ifs, f"{tree.ifs}.away")
    os.mkdir(tree.ifs)
    ran = run(cluster, *arguments.split())
    assert (ran.status, ran.out) == (exits.FAILED, "")
    assert ran.err.startswith("Error: nothing is published here, though this node has seen")
    assert "mount the shared file system" in ran.err
    assert os.listdir(tree.ifs) == []
