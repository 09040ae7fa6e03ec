"""What a person mistypes, or should not ask for, ends in one sentence on stderr and changes no file."""

import hashlib
import json
from pathlib import Path

import fixed_cluster
import pytest
from fixed_cluster import run

FAILED, USAGE = 1, 2
POOL = "subnet0.pool0"  # externally managed; it holds 10.20.30.11 to .13 and .23

CANNOT_BE = [
    ["pools", "view", ""],
    ["pools", "view", "a.b.c.d"],
    ["pools", "view", "groupnet0..pool0"],
    ["pools", "view", "subnet0.pool0."],
    ["pools", "create", f"subnet0.{'x' * 33}"],
    ["pools", "create", "subnet0.pöl"],
    ["pools", "create", "subnet0.p\n"],
    ["pools", "create", "subnet0.p", "--ranges", "10.20.30.60-10.20.30.50"],
    ["pools", "create", "subnet0.p", "--ranges", "10.20.30.50-"],
    ["pools", "create", "subnet0.p", "--ranges", "10.20.30.50-::1"],
    ["pools", "create", "subnet0.p", "--ranges", "10.020.30.50"],
    ["pools", "create", "subnet0.p", "--ifaces", "0:ext-1"],
    ["pools", "create", "subnet0.p", "--ifaces", "65536:ext-1"],
    ["pools", "create", "subnet0.p", "--ifaces", "5-2:ext-1"],
    ["pools", "create", "subnet0.p", "--ifaces", "1:../x"],
    ["pools", "create", "subnet0.p", "--static-routes", "10.2.0.1/16-10.1.1.1"],
    ["pools", "create", "subnet0.p", "--static-routes", "10.2.0.0/33-10.1.1.1"],
    ["pools", "create", "subnet0.p", "--description", "x" * 129],
    ["pools", "create", "subnet0.p", "--description", "\x1b[31m"],
    ["pools", "create", "subnet0.p", "--sc-ttl", "2147483648"],
    ["pools", "modify", POOL, "--name", "a.b"],
    ["pools", "list", "--limit", "0"],
    ["pools", "list", "--limit", "-1"],
    ["pools", "list", "--sort", "nothing"],
    ["pools", "list", "--format", "xml"],
    ["pools", "list", "--", "--format"],
    ["subnets", "create", "new", "ipv4", "0"],
    ["subnets", "create", "new", "ipv6", "129"],
    ["subnets", "modify", "subnet0", "--mtu", "9001"],
    ["subnets", "modify", "subnet0", "--vlan-id", "4095"],
    ["subnets", "create", "new", "ipv4", "24", "--gateway", "fe80::1%eth0"],
    ["groupnets", "create", "new", "--dns-servers", "::1%x"],
    ["pools", "create", "subnet0.p", "--ranges", ""],
    ["pools", "create", "subnet0.p", "--access-zone", ""],
    ["pools", "create", "subnet0.p", "--ifaces", "1-65535:ext-1"],
    ["pools", "create", "subnet0.p", "--static-routes", "10.2.0.0/00000016-10.1.1.1"],
    ["interfaces", "list", "--nodes", "0"],
    ["reports", "delete", "1_0"],
    ["reports", "delete", "+1"],
    ["config", "rollback", "0"],
    ["config", "diff", "9" * 5000],
    ["config", "rollback", "9" * 5000],
    ["reports", "delete", "0"],
    ["dhcp", "lease", "show", "../x"],
    ["dhcp", "lease", "show", "ext-1\n", "--file", "of-some-node.leases"],
]

CANNOT_BE_DONE = [
    ["pools", "create", "subnet0.p", "--ranges", "10.20.30.0"],
    ["pools", "create", "subnet0.p", "--ranges", "10.20.30.255"],
    ["pools", "create", "subnet0.p", "--ranges", "10.20.30.1"],
    ["pools", "create", "subnet0.p", "--ranges", "10.20.30.11"],
    ["pools", "create", "subnet0.p", "--ranges", "10.99.0.1"],
    ["pools", "create", "subnet0.p", "--ranges", "2001:db8::5"],
    ["pools", "create", "subnet9.p"],
    ["pools", "modify", "subnet1.archive", "--add-ranges", "10.20.31.9"],
    ["pools", "modify", "subnet1.archive", "--add-ranges", "10.20.31.3"],
    ["subnets", "create", "new", "ipv4", "33"],
    ["subnets", "create", "new", "ipv4", "24", "--gateway", "10.20.30.254"],
    ["subnets", "modify", "subnet0", "--sc-service-addrs", "10.20.30.12"],
    ["subnets", "modify", "subnet1", "--gateway", "10.20.31.5"],
    ["subnets", "create", "new", "ipv4", "24", "--sc-service-addrs", "2001:db8::1"],
    ["subnets", "create", "new", "ipv6", "64", "--sc-service-addrs", "10.0.0.1"],
    ["subnets", "create", "new", "ipv6", "64", "--gateway", "192.0.2.1"],
    ["subnets", "create", "new", "ipv4", "24", "--gateway", "127.0.0.1"],
    ["subnets", "create", "new", "ipv6", "64", "--gateway", "ff02::1"],
    ["subnets", "modify", "subnet0", "--gateway", "10.20.30.11"],
    ["merger", "explain", "subnet0.pool9"],
    ["config", "rollback", "999"],
    ["config", "diff", "1", "999"],
    ["config", "import", "/dev/zero"],
    ["reports", "delete", "99"],
    ["merger", "explain", "10.20.30.99"],
    ["merger", "step-down"],
]

# What --force does not move, each with the reason that the refusal names.
NEVER = [
    (["pools", "create", "subnet0.p", "--alloc-method", "externally-managed"], "cannot be made"),
    (["pools", "delete", POOL], "cannot be deleted"),
    (["subnets", "delete", "subnet0"], "cannot be deleted"),
    (["groupnets", "delete", "groupnet0"], "cannot be deleted"),
    (["pools", "modify", POOL, "--alloc-method", "static"], "cannot be converted"),
    (["pools", "modify", "subnet1.archive", "--alloc-method", "externally_managed"], "cannot be converted"),
    (["pools", "modify", POOL, "--aggregation-mode", "lacp"], "aggregation_mode"),
    (["pools", "modify", POOL, "--nfsv3-rroce-only", "yes"], "NFSoRDMA"),
    (["subnets", "modify", "subnet0", "--vlan-enabled", "yes", "--vlan-id", "5"], "VLAN"),
]

DRY_RUNS = [
    ["groupnets", "create", "new"],
    ["groupnets", "modify", "groupnet0", "--name", "other"],
    ["groupnets", "delete", "lab-1"],
    ["subnets", "create", "new", "ipv6", "64", "--gateway", "2001:db8:1::1"],
    ["subnets", "modify", "subnet0", "--mtu", "1400"],
    ["subnets", "delete", "subnet1"],
    ["pools", "create", "subnet0.p", "--ranges", "10.20.30.50"],
    ["pools", "modify", POOL, "--ranges", "10.20.30.50", "--force"],
    ["pools", "delete", "subnet1.archive"],
    ["reports", "delete", "4"],
]

LISTS = [
    ["config", "history"],
    ["dhcp", "lease", "list"],
    ["groupnets", "list"],
    ["interfaces", "list"],
    ["merger", "history"],
    ["pools", "list"],
    ["reports", "list"],
    ["subnets", "list"],
]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cluster that no test here changes: that is what they are about."""
    directory = tmp_path_factory.mktemp("cluster")
    fixed_cluster.make(directory)
    return directory


@pytest.fixture
def cluster(tmp_path: Path) -> Path:
    fixed_cluster.make(tmp_path)
    return tmp_path


def words(arguments: list[str]) -> str:
    return " ".join(arguments)[:70]


def files(directory: Path) -> dict[str, str]:
    """Every path in `directory`, with what a file holds."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in directory.rglob("*")
    }


@pytest.mark.parametrize("arguments", CANNOT_BE, ids=words)
def test_what_cannot_be_is_a_usage_error(kept: Path, arguments: list[str]) -> None:
    before = files(kept)
    ran = run(kept, *arguments)
    assert (ran.status, ran.out) == (USAGE, "")
    assert ran.err.splitlines()[-1].startswith("Error: ")
    assert all(line.isprintable() for line in ran.err.splitlines())
    assert files(kept) == before


@pytest.mark.parametrize("arguments", CANNOT_BE_DONE, ids=words)
def test_what_cannot_be_done_fails_in_one_line(kept: Path, arguments: list[str]) -> None:
    before = files(kept)
    ran = run(kept, *arguments)
    assert (ran.status, ran.out, ran.err.count("\n")) == (FAILED, "", 1)
    assert ran.err.startswith("Error: ")
    assert files(kept) == before


@pytest.mark.parametrize(("arguments", "why"), NEVER, ids=lambda value: words(value) if value else "")
def test_force_does_not_make_delete_or_convert_an_externally_managed_pool(
    kept: Path, arguments: list[str], why: str
) -> None:
    before = files(kept)
    ran = run(kept, *arguments, "--force")
    assert (ran.status, ran.out, ran.err.count("\n")) == (FAILED, "", 1)
    assert why in ran.err
    assert files(kept) == before


@pytest.mark.parametrize("arguments", DRY_RUNS, ids=words)
def test_a_dry_run_says_what_it_would_change_and_changes_nothing(kept: Path, arguments: list[str]) -> None:
    before = files(kept)
    ran = run(kept, *arguments, "--dry-run")
    assert ran.status == 0
    assert ran.out
    assert files(kept) == before


@pytest.mark.parametrize("command", LISTS, ids=words)
def test_a_list_sorts_by_every_field_without_losing_a_record(kept: Path, command: list[str]) -> None:
    everything = json.loads(run(kept, *command, "--format", "json").out)
    assert everything
    for field in everything[0]:
        for way in ([], ["--descending"]):
            ran = run(kept, *command, "--format", "json", "--sort", field, *way)
            assert (ran.status, ran.err) == (0, "")
            assert sorted(map(json.dumps, json.loads(ran.out))) == sorted(map(json.dumps, everything))


def test_what_external_managers_forbid_is_free_elsewhere(cluster: Path) -> None:
    """IPv6, VLANs, aggregation and NFSoRDMA: a static pool beside the managed one may have them all."""
    for arguments in (
        ["subnets", "create", "new", "ipv6", "64", "--gateway", "2001:db8:1::1"],
        ["subnets", "modify", "new", "--vlan-enabled", "yes", "--vlan-id", "7"],
        ["pools", "create", "new.p", "--ranges", "2001:db8:1::5-2001:db8:1::9", "--aggregation-mode", "lacp"],
        ["pools", "modify", "new.p", "--nfsv3-rroce-only", "yes"],
        ["config", "check"],
    ):
        ran = run(cluster, *arguments)
        assert (ran.status, ran.err) == (0, ""), arguments


def test_an_import_cannot_oversubscribe_an_address(cluster: Path) -> None:
    exported = run(cluster, "config", "export").out
    (cluster / "draft.xml").write_text(exported.replace("10.20.31.", "10.20.30."))
    before = files(cluster)
    ran = run(cluster, "config", "import", "draft.xml", "--force")
    assert (ran.status, ran.out, ran.err.count("\n")) == (FAILED, "", 1)
    assert files(cluster) == before


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><flx_config schema="1">&a;</flx_config>',
        "<a>" * 100_000 + "</a>" * 100_000,
        '<flx_config schema="3"/>',
        "",
        "\x00",
        "not XML",
    ],
    ids=["an entity", "too deep", "a newer schema", "nothing", "a null byte", "no XML"],
)
def test_a_draft_that_is_no_configuration_is_refused_at_every_door(cluster: Path, text: str) -> None:
    (cluster / "draft.xml").write_text(text)
    before = files(cluster)
    for verb in (["import", "draft.xml", "--force"], ["check", "draft.xml"], ["diff", "draft.xml"]):
        ran = run(cluster, "config", *verb)
        assert (ran.status, ran.out, ran.err.count("\n")) == (FAILED, "", 1)
        assert "draft.xml" in ran.err
    assert files(cluster) == before
