"""`isi_net interfaces list`: what nodes say of their interfaces, beside what pools and reports say."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv6Interface
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from isi_net.cli import interfaces, pools
from isi_net.cli.interfaces import Wanted, holds, records
from isi_net.cli.output import Record
from isi_net.formats import flx_config, inventory, node_report
from isi_net.model.interface import Interface, Inventory
from isi_net.model.lease import Lease
from isi_net.model.network import Assignment, Configuration, Groupnet, Iface, Node, Pool, Subnet
from isi_net.model.report import OLD_SECONDS, Report
from isi_net.store.tree import Tree

NOW = 4_000_000_000  # long after any test is run: a report of then is not old
ADDRESS = IPv4Address("10.20.30.11")

POOL0 = Pool(
    1,
    "pool0",
    "externally_managed",
    "AWS",
    aggregation_mode="none",
    assignments=(Assignment(ADDRESS, 1, "ext-1", None),),
)
POOL1 = Pool(2, "pool1", "static", manual_ifaces=(Iface(1, "ext-1"), Iface(2, "ext-1"), Iface(1, "ext-3")))
SUBNET = Subnet(1, "subnet0", "ipv4", 24, gateway=IPv4Address("10.20.30.1"), pools=(POOL0, POOL1))
CONFIGURATION = Configuration(
    revision=1, nodes=(Node(1, 1, "GLaDOS-1"),), groupnets=(Groupnet(1, "groupnet0", subnets=(SUBNET,)),)
)

EXT_1 = Interface(
    "ext-1",
    "ens5",
    "up",
    "10gige",
    "02:fc:00:00:00:01",
    9000,
    10000,
    ("up", "running"),
    (IPv4Interface("10.20.30.11/24"), IPv6Interface("fe80::1/64")),
)
EXT_2 = Interface("ext-2", "ens6", "no_carrier", addresses=(IPv4Interface("10.9.0.1/8"),))
EXT_3 = Interface("ext-3", "ens7", "inactive")
SPARE = Interface("ens8", "ens8", "inactive")
LO = Interface("lo", "lo", "up", "loopback", mtu=65536, addresses=(IPv4Interface("127.0.0.1/8"),))
INVENTORY = Inventory(1, 1, "GLaDOS-1", (EXT_1, EXT_2, EXT_3, SPARE, LO))

REPORT = Report(1, 1, "GLaDOS-1", "AWS", "dhclient", "1", NOW, (Lease("ext-1", ADDRESS, mtu=1400),))


def listed(
    reports: tuple[Report, ...] = (REPORT,), inventories: tuple[Inventory, ...] = (INVENTORY,)
) -> dict[str, Record]:
    return {one["id"]: one for one in records(CONFIGURATION, reports, inventories, NOW)}


def names(wanted: Wanted) -> list[str]:
    return [name for name, one in listed().items() if wanted(one)]


def test_an_interface_shows_what_its_node_says_beside_its_owners() -> None:
    one = listed()["1:ext-1"]
    assert one == {
        "id": "1:ext-1",
        "lnn": 1,
        "name": "ext-1",
        "nic_name": "ens5",
        "status": "up",
        "type": "10gige",
        "mtu": 9000,
        "speed": 10000,
        "flags": ["up", "running"],
        "ip_addrs": ["10.20.30.11", "fe80::1"],
        "ipv4_gateway": "10.20.30.1",
        "ipv6_gateway": None,
        "owners": one["owners"],
        "vlans": [],
    }
    assert [(own["id"], own["ip_addrs"]) for own in one["owners"]] == [
        ("groupnet0.subnet0.pool0", ["10.20.30.11"]),
        ("groupnet0.subnet0.pool1", []),
    ]


def test_an_mtu_that_the_api_has_no_room_for_is_null() -> None:
    assert listed()["1:lo"]["mtu"] is None


def test_an_interface_without_inventory_is_unknown_but_for_its_lease_and_owners() -> None:
    one = listed(inventories=())["1:ext-1"]
    assert (one["status"], one["nic_name"], one["mtu"]) == ("unknown", "ext-1", 1400)
    assert one["ip_addrs"] == ["10.20.30.11"]
    assert listed()["2:ext-1"]["status"] == "unknown"


def test_an_interface_that_has_no_address_yet_shows_none() -> None:
    """However many its owners gave it."""
    bare = replace(INVENTORY, interfaces=(replace(EXT_1, addresses=()),))
    assert listed(inventories=(bare,))["1:ext-1"]["ip_addrs"] == []


@pytest.mark.parametrize(("age", "status"), [(OLD_SECONDS, "up"), (OLD_SECONDS + 1, "unknown")])
def test_the_status_of_a_node_whose_report_is_old_is_unknown(age: int, status: str) -> None:
    one = listed(reports=(REPORT._replace(reported_at=NOW - age),))["1:ext-1"]
    assert (one["status"], one["nic_name"], len(one["ip_addrs"])) == (status, "ens5", 2)


def test_the_inventory_of_a_node_without_a_report_counts_for_nothing() -> None:
    """It was retired; what a pool still has of it is shown."""
    assert {name: one["status"] for name, one in listed(reports=()).items()} == dict.fromkeys(
        ("1:ext-1", "1:ext-3", "2:ext-1"), "unknown"
    )


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(), ["1:ext-1", "1:ext-2", "1:ext-3", "2:ext-1"]),
        (Wanted(show_inactive=True), ["1:ens8", "1:ext-1", "1:ext-2", "1:ext-3", "2:ext-1"]),
        (Wanted(nodes=(2, 3)), ["2:ext-1"]),
        (Wanted(network="internal"), ["1:lo"]),
        (Wanted(network="all", nodes=(1,)), ["1:ext-1", "1:ext-2", "1:ext-3", "1:lo"]),
        (Wanted(externally_managed=True), ["1:ext-1"]),
        (Wanted(owner_type="static"), ["1:ext-1", "1:ext-3", "2:ext-1"]),
        (Wanted(owner="subnet0.pool1"), ["1:ext-1", "1:ext-3", "2:ext-1"]),
        (Wanted(owner="pool2"), []),
        (Wanted(external_manager="aws"), ["1:ext-1"]),
        (Wanted(external_manager="Azure"), []),
        # ext-1 has such an owner and such a type, but no owner is both.
        (Wanted(owner="pool0", owner_type="static"), []),
        (Wanted(owner="pool1", externally_managed=True), []),
    ],
)
def test_a_filter_keeps(wanted: Wanted, expected: list[str]) -> None:
    assert names(wanted) == expected


@pytest.mark.parametrize(
    ("part", "held"),
    [
        ("groupnet0.subnet1.pool10", True),
        ("groupnet0:subnet1", True),
        ("groupnet0", True),
        ("subnet1", True),
        ("subnet1.pool10", True),
        ("pool10", True),
        ("pool1", False),
        ("groupnet0.pool10", False),
        ("et1", False),
    ],
)
def test_a_part_of_an_id_is_of_whole_names(part: str, held: bool) -> None:
    assert holds("groupnet0.subnet1.pool10", part) is held


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """The same on disk."""
    made = Tree(str(tmp_path))
    write(made.revision(1), flx_config.render(CONFIGURATION))
    write(made.report(1), node_report.render(REPORT))
    write(made.inventory(1), inventory.render(INVENTORY))
    return made


def write(path: str, data: bytes) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(data)


def run(tree: Tree, *words: str) -> Result:
    noun = {"interfaces": interfaces, "pools": pools}[words[0]]
    return CliRunner().invoke(noun.command, words[1:], obj=tree)


def test_each_owner_stands_beside_its_addresses_and_what_nobody_owns_beside_its_own(tree: Tree) -> None:
    assert run(tree, "interfaces", "list", "--network", "all").stdout == (
        "LNN  Name  Status     Owners                  IP Addresses\n"
        "-----------------------------------------------------------\n"
        "1    ext-1 Up         groupnet0.subnet0.pool0 10.20.30.11\n"
        "                      groupnet0.subnet0.pool1 -\n"
        "1    ext-2 No Carrier -                       10.9.0.1\n"
        "1    ext-3 Inactive   groupnet0.subnet0.pool1 -\n"
        "1    lo    Up         -                       127.0.0.1\n"
        "2    ext-1 Unknown    groupnet0.subnet0.pool1 -\n"
        "-----------------------------------------------------------\n"
        "Total: 5\n"
    )


@pytest.mark.parametrize(
    ("options", "total"),
    [
        ("-n 2,3-5", 1),
        ("--nodes 1,", 3),
        ("--owner groupnet0:subnet0:pool0", 1),
        ("--type externally-managed", 1),
        ("--type smartconnect-service", 0),
        ("--external-manager AWS", 1),
        ("--show-inactive", 5),
    ],
)
def test_options_are_read_as_people_type_them(tree: Tree, options: str, total: int) -> None:
    assert run(tree, "interfaces", "list", *options.split()).stdout.endswith(f"\nTotal: {total}\n")


@pytest.mark.parametrize("options", ["--nodes x", "--nodes 5-3", "--type lacp", "--network public"])
def test_what_cannot_be_asked_for_is_a_usage_error(tree: Tree, options: str) -> None:
    assert run(tree, "interfaces", "list", *options.split()).exit_code == 2


def test_a_broken_inventory_is_a_warning_and_spoils_nothing_else(tree: Tree) -> None:
    whole = run(tree, "interfaces", "list")
    write(tree.inventory(2), b"{")
    spoilt = run(tree, "interfaces", "list")
    assert (spoilt.exit_code, spoilt.stdout, whole.stderr) == (0, whole.stdout, "")
    assert spoilt.stderr.startswith("Warning: ")
    assert tree.inventory(2) in spoilt.stderr
    assert spoilt.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", ["pool0", "pool1"]),
        ("--alloc-method static", ["pool1"]),
        ("--alloc-method externally-managed", ["pool0"]),
        ("--external-manager aws", ["pool0"]),
        ("--external-manager AWS --alloc-method static", []),
    ],
)
def test_pools_are_filtered_by_how_and_by_whom_their_addresses_are_given(
    tree: Tree, options: str, expected: list[str]
) -> None:
    ran = run(tree, "pools", "list", "-a", "-z", *options.split())
    assert [line.split()[0].split(".")[2] for line in ran.stdout.splitlines()] == expected


def test_an_allocation_method_that_is_none_is_a_usage_error(tree: Tree) -> None:
    assert run(tree, "pools", "list", "--alloc-method", "lacp").exit_code == 2
