"""A cluster of an earlier release: what its commands and its merger do until the commit; and its settings."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import fixed_cluster
import pytest

from isi_net import __version__
from isi_net.daemon import wiring
from isi_net.demo.cloud import block
from isi_net.flexnet import published
from isi_net.formats import flx_config, node_report
from isi_net.model.names import PoolId
from isi_net.model.network import (
    EARLIER,
    ClusterSettings,
    Configuration,
    Groupnet,
    Iface,
    Pool,
    Range,
    Subnet,
)
from isi_net.store import revisions
from isi_net.store.tree import Tree

POOL_ID = PoolId("groupnet0", "subnet0", "pool0")
SETTINGS = b'[node]\ndevid = 1\nlnn = 1\nname = "GLaDOS-1"\n[dhcp]\nmanager = "AWS"\n'


def reports(directory: Path, devid: int, version: str = __version__) -> None:
    """Node `devid` has just reported, by a daemon of `version`."""
    now = int(time.time())
    lease = fixed_cluster.lease("ext-1", f"10.20.30.1{devid}", now + 9999)
    said = fixed_cluster.report(devid, devid, now, (lease,))._replace(version=version)
    fixed_cluster.write(Tree(str(directory)).report(devid), node_report.render(said))


def by_hand() -> Configuration:
    """The way of 9.6: the primary addresses in a static pool."""
    low, high = (fixed_cluster.lease("ext-1", f"10.20.30.1{n}", None).address for n in (1, 2))
    pool = Pool(
        1,
        "pool0",
        access_zone="zone-1",
        manual_ranges=(Range(low, high),),
        manual_ifaces=(Iface(1, "ext-1"), Iface(2, "ext-1")),
        sc_dns_zone="cluster.example.com",
    )
    gateway = fixed_cluster.lease("ext-1", "10.20.30.1", None).address
    subnet = Subnet(1, "subnet0", "ipv4", 24, gateway=gateway, pools=(pool,), next_number=2)
    groupnet = Groupnet(1, "groupnet0", subnets=(subnet,), next_number=2)
    return Configuration(revision=7, groupnets=(groupnet,), next_number=2, settings=EARLIER)


@pytest.fixture(params=["as a revision", "as flx_config.xml alone"])
def earlier(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A cluster of release 9.6 whose two nodes run this release already."""
    tree = Tree(str(tmp_path))
    data = flx_config.render(by_hand())
    assert b'schema="1"' in data
    assert b"<settings" not in data
    if request.param == "as a revision":
        fixed_cluster.write(tree.revision(7), data)
    fixed_cluster.write(tree.configuration, data)
    fixed_cluster.write(tree.settings, SETTINGS)
    for devid in (1, 2):
        reports(tmp_path, devid)
    return tmp_path


def run(directory: Path, words: str) -> fixed_cluster.Ran:
    return fixed_cluster.run(directory, *words.split())


def asked(directory: Path, words: str) -> dict:
    return json.loads(run(directory, f"{words} --format json").out)


def files(directory: Path) -> dict[str, bytes]:
    """Everything of Flexnet's but the reports and what a commander or merger holds."""
    flexnet = Path(Tree(str(directory)).flexnet)
    return {
        str(one.relative_to(flexnet)): one.read_bytes()
        for one in sorted(flexnet.rglob("*"))
        if one.is_file() and "ip_reports" not in one.parts
    }


# Before the commit.


def test_before_the_commit_the_merger_publishes_nothing_and_says_so(earlier: Path) -> None:
    tree = Tree(str(earlier))
    before = files(earlier)
    Path(tree.configuration).write_bytes(before["flx_config.xml"])
    ran = run(earlier, "merger run")
    assert ran.status == 0
    assert "the upgrade is not committed" in ran.err
    assert "isi_net upgrade commit" in ran.err
    assert files(earlier) == before
    assert asked(earlier, "merger plan")["changes"] == []
    for words in ("merger plan", "merger status"):
        assert [one["code"] for one in asked(earlier, words)["findings"]] == ["not_committed"]
    steps = asked(earlier, "merger explain 10.20.30.11")
    assert [one["where"] for one in steps if one["step"] == "rule"] == ["not_committed"]


def test_before_the_commit_not_even_a_lagging_copy_is_put_right(earlier: Path) -> None:
    """Whatever the earlier release left there, it may need it again."""
    tree = Tree(str(earlier))
    fixed_cluster.write(tree.revision(7), flx_config.render(by_hand()))
    Path(tree.configuration).write_bytes(b"what an earlier release left")
    before = files(earlier)
    assert run(earlier, "merger run").status == 0
    assert files(earlier) == before


def test_the_daemon_reports_before_the_commit(earlier: Path) -> None:
    tree = Tree(str(earlier))
    Path(tree.report(1)).unlink()
    lease = fixed_cluster.lease("ext-1", "10.20.30.11", None)
    fixed_cluster.write(tree.lease("ext-1"), block("ext-1", lease.address, time.time()).encode())
    before = files(earlier)
    assert wiring.run(tree, once=True) == []
    assert node_report.parse(Path(tree.report(1)).read_bytes()).addresses[0].address == lease.address
    after = {name: data for name, data in files(earlier).items() if not name.startswith("inventory/")}
    assert after == before
    assert (
        "IPMerger: revision 7: the upgrade is not committed, nothing is published; reports: 2"
        in Path(tree.log).read_text()
    )


def test_before_the_commit_commands_write_what_the_earlier_release_reads(earlier: Path) -> None:
    assert run(earlier, "pools create subnet0.pool1 --ranges 10.20.30.50-10.20.30.59").status == 0
    data = revisions.current(Tree(str(earlier))).data
    assert b'schema="1"' in data
    assert b"<settings" not in data
    flx_config.validate(data)
    assert Path(Tree(str(earlier)).configuration).read_bytes() == data


@pytest.mark.parametrize(
    "command",
    [
        "settings modify --on-premises-dhcp=true",
        "settings modify --sbr=true --dry-run",
        "settings modify --sbr=true --force",
        "pools create subnet0.pool1 --alloc-method externally_managed --aggregation-mode none",
    ],
)
def test_what_needs_the_upgrade_is_refused_with_the_command_that_commits_it(
    earlier: Path, command: str
) -> None:
    before = files(earlier)
    ran = run(earlier, command)
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.endswith("isi_net upgrade commit\n")
    assert files(earlier) == before


def test_an_import_of_a_later_release_s_file_commits_nothing(earlier: Path) -> None:
    later = replace(by_hand().without_pool(POOL_ID), settings=ClusterSettings(on_premises_dhcp=True))
    (earlier / "later.xml").write_bytes(flx_config.render(later))
    assert run(earlier, f"config import {earlier}/later.xml --force").status == 0
    after = published.load(Tree(str(earlier)))
    assert (after.settings, list(after.pools())) == (EARLIER, [])


# The commit.


def test_the_status_tells_who_runs_what_and_what_the_commit_would_change(earlier: Path) -> None:
    reports(earlier, 2, version="0.0.9")
    ran = run(earlier, "upgrade status --format json")
    assert ran.status == 1
    status = json.loads(ran.out)
    assert (status["committed"], status["release"]) == (False, None)
    assert [(one["devid"], one["version"]) for one in status["nodes"]] == [(1, __version__), (2, "0.0.9")]
    assert status["nodes"][0]["why_not"] is None
    assert "0.0.9" in status["nodes"][1]["why_not"]
    assert status["changes"][0] == "settings: release - is now 9.7.0.0"
    assert f"{POOL_ID}: alloc_method static is now externally_managed" in status["changes"]
    assert f"{POOL_ID}: 10.20.30.12 leased to node 2 ext-1 by 10.20.30.1" in status["changes"]
    assert status["findings"] == []


@pytest.mark.parametrize("force", ["", " --force", " --dry-run"])
def test_the_commit_waits_for_a_living_node_with_an_older_daemon_and_names_it(
    earlier: Path, force: str
) -> None:
    reports(earlier, 2, version="0.0.9")
    fixed_cluster.write(Tree(str(earlier)).report(3), b'{"schema": 1, "devid": 3, "lnn": "three"}\n')
    before = files(earlier)
    ran = run(earlier, f"upgrade commit{force}") if force else answered(earlier, "yes")
    assert (ran.status, ran.out) == (1, "")
    assert "node 2 GLaDOS-2: its daemon is of version 0.0.9" in ran.err
    assert "node 3: its report cannot be read" in ran.err
    assert "isi_net reports delete" in ran.err
    assert files(earlier) == before


@pytest.mark.parametrize("gone", [(1, 2), (2,)])
def test_the_commit_waits_for_a_node_of_a_pool_that_has_no_report_and_with_force_warns(
    earlier: Path, gone: tuple[int, ...]
) -> None:
    """The earlier release writes none: committed now, the pool would be static for good."""
    tree = Tree(str(earlier))
    for devid in gone:
        Path(tree.report(devid)).unlink()
    findings = asked(earlier, "upgrade status")["findings"]
    assert [one["place"] for one in findings if one["code"] == "node_silent"] == [f"LNN {n}" for n in gone]
    before = files(earlier)
    for ran in (answered(earlier, "yes"), run(earlier, "upgrade commit --dry-run")):
        assert (ran.status, ran.out) == (1, "")
        assert [f"LNN {n}: it is a member of {POOL_ID}" in ran.err for n in gone] == [True] * len(gone)
        assert "start isi_net daemon there" in ran.err
        assert "--force" in ran.err
    assert files(earlier) == before

    ran = run(earlier, "upgrade commit --force")
    assert (ran.status, ran.out) == (0, "")
    assert [f"Warning: LNN {n}: it is a member" in ran.err for n in gone] == [True] * len(gone)
    assert published.load(tree).settings.committed


def test_a_node_that_has_no_report_is_out_of_the_way_when_it_is_out_of_the_pools(earlier: Path) -> None:
    tree = Tree(str(earlier))
    Path(tree.report(2)).unlink()
    assert run(earlier, "pools modify subnet0.pool0 --remove-ifaces 2:ext-1").status == 0
    assert answered(earlier, "yes").status == 0
    pool = published.load(tree).pool(POOL_ID)
    assert pool is not None
    assert pool.alloc_method == "externally_managed"


def answered(directory: Path, answer: str) -> fixed_cluster.Ran:
    """`isi_net upgrade commit` as a process whose standard input says `answer`."""
    ran = subprocess.run(
        [sys.executable, "-m", "isi_net", "--root", str(directory), "upgrade", "commit"],
        input=f"{answer}\n",
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    return fixed_cluster.Ran(ran.returncode, ran.stdout, ran.stderr)


@pytest.mark.parametrize("answer", ["", "no", "y e s"])
def test_the_commit_asks_and_any_other_answer_changes_nothing(earlier: Path, answer: str) -> None:
    before = files(earlier)
    ran = answered(earlier, answer)
    assert (ran.status, ran.out) == (1, "")
    assert "There is no way back. (yes/[no]): " in ran.err
    assert files(earlier) == before


def test_a_dry_run_shows_the_plan_and_changes_nothing(earlier: Path) -> None:
    before = files(earlier)
    ran = run(earlier, "upgrade commit --dry-run")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.splitlines()[0] == "settings: release - is now 9.7.0.0"
    assert ran.out.splitlines() == asked(earlier, "upgrade status")["changes"]
    assert files(earlier) == before


def test_a_pool_that_stays_static_gets_no_address_that_its_cloud_never_gave_and_the_status_says_which(
    earlier: Path,
) -> None:
    """Node 1 has .12, of node 2 there is no lease: the lowest that is free would be wrong for it."""
    tree = Tree(str(earlier))
    Path(tree.report(2)).unlink()
    said = node_report.parse(Path(tree.report(1)).read_bytes())
    lease = said.addresses[0]._replace(address=IPv4Address("10.20.30.12"))
    Path(tree.report(1)).write_bytes(node_report.render(said._replace(addresses=(lease,))))

    status = asked(earlier, "upgrade status")
    assert status["changes"] == [
        "settings: release - is now 9.7.0.0",
        f"{POOL_ID}: 10.20.30.12 given to 1:ext-1",
    ]
    dry = run(earlier, "upgrade commit --force --dry-run")
    assert dry.out.splitlines() == status["changes"]
    assert [one["code"] for one in status["findings"]] == ["node_silent", "address_none", "work_around_left"]
    assert [one["message"] in dry.err for one in status["findings"]] == [True, True, True]
    assert run(earlier, "upgrade commit --force").status == 0
    pool = published.load(tree).pool(POOL_ID)
    assert pool is not None
    assert list(map(str, pool.addresses)) == ["1:ext-1 has 10.20.30.12"]


def test_the_commit_is_one_revision_that_does_everything(earlier: Path) -> None:
    ran = answered(earlier, "yes")
    assert (ran.status, ran.out) == (0, "")
    tree = Tree(str(earlier))
    after = published.load(tree)
    assert after.revision == 8
    assert after.settings == ClusterSettings()
    pool = after.pool(POOL_ID)
    assert pool is not None
    assert (pool.alloc_method, pool.external_manager) == ("externally_managed", "AWS")
    assert (pool.access_zone, pool.sc_dns_zone) == ("zone-1", "cluster.example.com")
    assert [one.devid for one in pool.assignments] == [1, 2]
    assert b'schema="2"' in Path(tree.configuration).read_bytes()
    assert Path(tree.members_of(1, 1, 1)).exists()
    assert run(earlier, "upgrade status").status == 0
    assert run(earlier, "config check").status == 0

    assert run(earlier, "merger run").status == 0
    merged = published.load(tree).pool(POOL_ID)
    assert merged is not None
    assert merged == pool


def test_committing_again_changes_nothing(earlier: Path) -> None:
    assert run(earlier, "upgrade commit --force").status == 0
    before = files(earlier)
    ran = run(earlier, "upgrade commit --force")
    assert (ran.status, ran.out, ran.err) == (0, "", "Warning: the upgrade is committed already\n")
    assert files(earlier) == before


def test_on_azure_a_pool_elsewhere_is_in_the_way_and_the_status_says_so(earlier: Path) -> None:
    tree = Tree(str(earlier))
    for path in (tree.report(1), tree.report(2)):
        said = node_report.parse(Path(path).read_bytes())
        Path(path).write_bytes(node_report.render(said._replace(manager="Azure")))
    assert run(earlier, "subnets create subnet1 ipv4 24 --gateway 10.20.31.1").status == 0
    assert run(earlier, "pools create subnet1.pool1").status == 0
    (finding,) = asked(earlier, "upgrade status")["findings"]
    assert (finding["place"], finding["code"]) == ("groupnet0.subnet1.pool1", "azure_subnet")
    ran = run(earlier, "upgrade commit --force")
    assert (ran.status, ran.out) == (1, "")
    assert "groupnet0.subnet1.pool1: on Azure all pools are in groupnet0.subnet0" in ran.err
    assert published.load(tree).settings == EARLIER
    assert run(earlier, "pools delete subnet1.pool1 --force").status == 0
    assert run(earlier, "upgrade commit --force").status == 0
    assert [pool.external_manager for _, pool in published.load(tree).pools()] == ["Azure"]


def test_there_is_no_way_back(earlier: Path) -> None:
    """Neither a rollback nor an import of what the earlier release had."""
    tree = Tree(str(earlier))
    (earlier / "before.xml").write_bytes(flx_config.render(by_hand()))
    assert run(earlier, "pools create subnet0.pool1").status == 0
    assert run(earlier, "pools delete subnet0.pool1 --force").status == 0
    old = published.load(tree)
    assert old.settings == EARLIER
    for devid in (1, 2):
        Path(tree.report(devid)).unlink()  # nobody reports: the pool stays as it is
    assert run(earlier, "upgrade commit --force").status == 0
    for command in (f"config rollback {old.revision - 1}", f"config import {earlier}/before.xml"):
        ran = run(earlier, f"{command} --force")
        assert ran.status == 0, ran.err
        assert published.load(tree).settings.committed
        assert b'schema="2"' in revisions.current(tree).data


# A new cluster, and its settings.


def test_a_new_cluster_is_committed_from_the_first_day(tmp_path: Path) -> None:
    assert run(tmp_path, "upgrade status").status == 0
    assert run(tmp_path, "groupnets create groupnet0").status == 0
    assert b'<settings release="9.7.0.0"' in Path(Tree(str(tmp_path)).revision(1)).read_bytes()


def test_settings_are_published_as_every_change_and_rolled_back_with_it(tmp_path: Path) -> None:
    assert run(tmp_path, "groupnets create groupnet0").status == 0
    assert run(tmp_path, "settings modify --on-premises-dhcp=true --dry-run").out == (
        "settings: on_premises_dhcp no is now yes\n"
    )
    ran = run(tmp_path, "settings modify --on-premises-dhcp=true")
    assert (ran.status, ran.out, ran.err) == (0, "", "")
    assert asked(tmp_path, "settings view") == {"release": "9.7.0.0", "on_premises_dhcp": True, "sbr": False}
    assert run(tmp_path, "config diff").out == "settings: on_premises_dhcp no is now yes\n"
    assert asked(tmp_path, "config view")["settings"]["on_premises_dhcp"] is True
    assert run(tmp_path, "settings modify --sbr=yes --on-premises-dhcp=yes").status == 0
    assert run(tmp_path, "config rollback 1 --force").status == 0
    assert asked(tmp_path, "settings view") == {"release": "9.7.0.0", "on_premises_dhcp": False, "sbr": False}


def test_a_setting_that_is_as_wanted_publishes_nothing(tmp_path: Path) -> None:
    assert run(tmp_path, "settings modify --sbr=yes").status == 0
    assert run(tmp_path, "settings modify --sbr=true").status == 0
    assert published.load(Tree(str(tmp_path))).revision == 1
    ran = run(tmp_path, "settings modify --sbr=maybe")
    assert (ran.status, ran.out) == (2, "")


def test_a_newer_schema_is_refused_by_all_that_writes(tmp_path: Path) -> None:
    fixed_cluster.write(Tree(str(tmp_path)).revision(7), b'<flx_config schema="3" revision="7"/>')
    for command in ("settings modify --sbr=true", "upgrade commit --force", "groupnets create groupnet0"):
        ran = run(tmp_path, command)
        assert ran.status == 1
        assert "schema 3 is newer than this program's 2" in ran.err
