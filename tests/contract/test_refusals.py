"""What externally managed pools are refused, by every door: commands, an import, a rollback, the merger."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import fixed_cluster
import pytest

from isi_net.flexnet import published
from isi_net.formats import flx_config, node_report
from isi_net.model.merge import merge
from isi_net.model.names import GroupnetId, PoolId, SubnetId
from isi_net.model.network import Configuration, Groupnet, Iface, Pool, Range, Subnet
from isi_net.store.tree import Tree

POOL_ID = PoolId("groupnet0", "subnet0", "pool0")
BROKEN_REVISION = 1


def ip(text: str) -> IPv4Address:
    return IPv4Address(text)


def publish(directory: Path, configuration: Configuration, revision: int) -> None:
    """Puts a revision there as no command would: an earlier release, or a hand in the directory."""
    tree = Tree(str(directory))
    fixed_cluster.write(tree.revision(revision), flx_config.render(replace(configuration, revision=revision)))


def cluster(directory: Path, manager: str) -> Configuration:
    """Two nodes with an address each by `manager`; a static pool beside theirs, and a subnet without any."""
    now = int(time.time())
    tree = Tree(str(directory))
    reports = [
        fixed_cluster.report(
            n, n, now, (fixed_cluster.lease("ext-1", f"10.20.30.1{n}", now + 9999),)
        )._replace(manager=manager)
        for n in (1, 2)
    ]
    for one in reports:
        fixed_cluster.write(tree.report(one.devid), node_report.render(one))
    beside = Subnet(
        1, "beside", "ipv4", 24, base_addr=ip("10.9.0.0"), gateway=ip("10.9.0.1"), pools=(), next_number=1
    )
    groupnet = Groupnet(1, "groupnet0", subnets=(beside,), next_number=2)
    merged = merge(Configuration().with_groupnet(groupnet), reports, now).configuration
    own = Pool(2, "own", manual_ranges=(Range(ip("10.20.30.50"), ip("10.20.30.59")),))
    whole = merged.with_pool(POOL_ID.subnet_id, own)
    publish(directory, whole, 7)
    return published.load(tree)


@pytest.fixture
def aws(tmp_path: Path) -> Path:
    cluster(tmp_path, "AWS")
    return tmp_path


@pytest.fixture
def azure(tmp_path: Path) -> Path:
    cluster(tmp_path, "Azure")
    return tmp_path


def with_pool(configuration: Configuration, **settings: Any) -> Configuration:
    pool = configuration.pool(POOL_ID)
    assert pool is not None
    return configuration.with_pool(POOL_ID.subnet_id, replace(pool, **settings))


def with_subnet(configuration: Configuration, **settings: Any) -> Configuration:
    subnet = configuration.subnet(POOL_ID.subnet_id)
    assert subnet is not None
    return configuration.with_subnet(GroupnetId("groupnet0"), replace(subnet, **settings))


def with_another(configuration: Configuration, where: str, pool: Pool) -> Configuration:
    return configuration.with_pool(SubnetId("groupnet0", where), pool)


def six(configuration: Configuration) -> Configuration:
    """With the pool in a subnet that has become IPv6."""
    subnet = configuration.subnet(POOL_ID.subnet_id)
    assert subnet is not None
    pools = tuple(
        replace(pool, assignments=(), manual_ranges=()) for pool in subnet.pools if pool.name == "pool0"
    )
    return with_subnet(
        configuration, addr_family="ipv6", prefixlen=64, base_addr=None, gateway=None, pools=pools
    )


Change = Callable[[Configuration], Configuration]

# What an externally managed pool cannot have: made how, refused in which words, and by which commands.
NOT_FOR_CLOUDS: dict[str, tuple[Change, str, tuple[str, ...]]] = {
    "a VLAN": (
        lambda one: with_subnet(one, vlan_enabled=True, vlan_id=7),
        "its subnet has a VLAN",
        ("subnets modify subnet0 --vlan-enabled yes --vlan-id 7",),
    ),
    "LACP": (
        lambda one: with_pool(one, aggregation_mode="lacp"),
        "its aggregation_mode is lacp",
        ("pools modify subnet0.pool0 --aggregation-mode lacp",),
    ),
    "aggregation by round robin": (
        lambda one: with_pool(one, aggregation_mode="roundrobin"),
        "its aggregation_mode is roundrobin",
        ("pools modify subnet0.pool0 --aggregation-mode roundrobin",),
    ),
    "NFSoRDMA": (
        lambda one: with_pool(one, nfsv3_rroce_only=True),
        "it is for NFSoRDMA only",
        ("pools modify subnet0.pool0 --nfsv3-rroce-only yes",),
    ),
    "IPv6": (six, "its subnet is not IPv4", ()),
}

# What nobody does to such a pool by hand, in a cloud like another.
NOT_BY_HAND: dict[str, tuple[Change, str, tuple[str, ...]]] = {
    "made": (
        lambda one: with_another(
            one,
            "beside",
            Pool(1, "new", "externally_managed", aggregation_mode="none", external_manager="AWS"),
        ),
        "cannot be made by hand",
        ("pools create beside.new --alloc-method externally_managed --aggregation-mode none",),
    ),
    "converted": (
        lambda one: with_pool(one, alloc_method="static", assignments=(), external_manager=""),
        "cannot be converted to or from another kind by hand",
        (
            "pools modify subnet0.pool0 --alloc-method static",
            "pools modify subnet0.own --alloc-method externally_managed --aggregation-mode none",
        ),
    ),
    "deleted": (
        lambda one: one.without_pool(POOL_ID),
        "cannot be deleted by hand",
        ("pools delete subnet0.pool0", "subnets delete subnet0", "groupnets delete groupnet0"),
    ),
}

ON_AZURE: dict[str, tuple[Change, str, tuple[str, ...]]] = {
    "its description": (
        lambda one: with_pool(one, description="mine"),
        "the pool that Azure manages cannot be modified",
        ("pools modify subnet0.pool0 --description mine",),
    ),
    "its access zone": (
        lambda one: with_pool(one, access_zone="zone-1"),
        "the pool that Azure manages cannot be modified",
        ("pools modify subnet0.pool0 --access-zone zone-1",),
    ),
    "its SmartConnect zone": (
        lambda one: with_pool(one, sc_dns_zone="nas.example.com"),
        "the pool that Azure manages cannot be modified",
        ("pools modify subnet0.pool0 --sc-dns-zone nas.example.com",),
    ),
    "its name": (
        lambda one: with_pool(one, name="mine"),
        "the pool that Azure manages cannot be modified",
        ("pools modify subnet0.pool0 --name mine",),
    ),
    "its ranges": (
        lambda one: with_pool(one, manual_ranges=(Range(ip("10.20.30.90"), ip("10.20.30.99")),)),
        "the pool that Azure manages cannot be modified",
        ("pools modify subnet0.pool0 --add-ranges 10.20.30.90-10.20.30.99",),
    ),
    "its interfaces": (
        lambda one: with_pool(one, manual_ifaces=(Iface(1, "ext-9"),)),
        "the pool that Azure manages cannot be modified",
        ("pools modify subnet0.pool0 --add-ifaces 1:ext-9",),
    ),
    "a pool in another subnet": (
        lambda one: with_another(one, "beside", Pool(1, "other")),
        "on Azure all pools are in groupnet0.subnet0",
        ("pools create beside.other",),
    ),
    "another name for its subnet": (
        lambda one: with_subnet(one, name="mine"),
        "on Azure all pools are in groupnet0.subnet0",
        ("subnets modify subnet0 --name mine",),
    ),
    "another name for its groupnet": (
        lambda one: one.with_groupnet(replace(one.groupnets[0], name="mine")),
        "on Azure all pools are in groupnet0.subnet0",
        ("groupnets modify groupnet0 --name mine",),
    ),
}

REFUSED = {
    **{("aws", name): case for name, case in {**NOT_FOR_CLOUDS, **NOT_BY_HAND}.items()},
    **{("azure", name): case for name, case in {**NOT_FOR_CLOUDS, **NOT_BY_HAND, **ON_AZURE}.items()},
}
# On Azure these are refused as settings of its pool, before what they would be is looked at.
ITS_POOLS = {"LACP", "aggregation by round robin", "NFSoRDMA"}


def words_of(cloud: str, name: str) -> str:
    if cloud == "azure" and name in ITS_POOLS:
        return "the pool that Azure manages cannot be modified"
    return REFUSED[cloud, name][1]


def refused(directory: Path, *arguments: str, words: str) -> None:
    """Whether --force is given or not: refused with exit status 1, one line, and nothing is published."""
    tree = Tree(str(directory))
    before = published.load(tree)
    asks = {"import", "rollback", "delete"} & set(arguments)
    for force in (("--force",),) if asks else ((), ("--force",)):
        ran = fixed_cluster.run(directory, *arguments, *force)
        assert (ran.status, ran.out) == (1, ""), arguments
        assert words in ran.err or (not force and "give --force" in ran.err), (arguments, ran.err)
        assert ran.err.count("\n") == 1
    assert published.load(tree) == before


@pytest.mark.parametrize(
    ("cloud", "name", "command"),
    [(cloud, name, command) for (cloud, name), case in REFUSED.items() for command in case[2]],
)
def test_a_command_refuses(cloud: str, name: str, command: str, request: pytest.FixtureRequest) -> None:
    directory: Path = request.getfixturevalue(cloud)
    refused(directory, *command.split(), words=words_of(cloud, name))


@pytest.mark.parametrize(("cloud", "name"), REFUSED)
def test_an_import_refuses(cloud: str, name: str, request: pytest.FixtureRequest) -> None:
    directory: Path = request.getfixturevalue(cloud)
    wanted = REFUSED[cloud, name][0](published.load(Tree(str(directory))))
    (directory / "wanted.xml").write_bytes(flx_config.render(wanted))
    refused(directory, "config", "import", str(directory / "wanted.xml"), words=words_of(cloud, name))


@pytest.mark.parametrize(("cloud", "name"), REFUSED)
def test_a_rollback_refuses(cloud: str, name: str, request: pytest.FixtureRequest) -> None:
    """To a revision that came there by another way."""
    directory: Path = request.getfixturevalue(cloud)
    publish(directory, REFUSED[cloud, name][0](published.load(Tree(str(directory)))), BROKEN_REVISION)
    refused(directory, "config", "rollback", str(BROKEN_REVISION), words=words_of(cloud, name))


@pytest.mark.parametrize(("cloud", "name"), [(c, n) for c in ("aws", "azure") for n in NOT_FOR_CLOUDS])
def test_the_merger_leaves_alone_what_came_by_another_way(
    cloud: str, name: str, request: pytest.FixtureRequest
) -> None:
    directory: Path = request.getfixturevalue(cloud)
    change, words, _ = NOT_FOR_CLOUDS[name]
    publish(directory, change(published.load(Tree(str(directory)))), 8)
    plan = json.loads(fixed_cluster.run(directory, "merger", "plan", "--format", "json").out)
    assert plan["changes"] == []
    assert any(one["code"] == "pool_unfit" and words in one["message"] for one in plan["findings"])
    assert any(words in one["message"] for one in json.loads(checked(directory)))


def test_the_merger_leaves_azures_pool_alone_where_it_does_not_belong(azure: Path) -> None:
    configuration = published.load(Tree(str(azure)))
    publish(azure, configuration.with_groupnet(replace(configuration.groupnets[0], name="mine")), 8)
    plan = json.loads(fixed_cluster.run(azure, "merger", "plan", "--format", "json").out)
    assert plan["changes"] == []
    assert [one["code"] for one in plan["findings"]] == ["pool_unfit"]
    assert {one["code"] for one in json.loads(checked(azure))} == {"pool_unfit", "azure_subnet"}


def test_the_merger_makes_no_pool_of_azures_elsewhere(azure: Path) -> None:
    """The subnet that holds the address is another one."""
    tree = Tree(str(azure))
    configuration = published.load(tree)
    configuration = configuration.without_pool(POOL_ID).without_pool(PoolId(*POOL_ID.subnet_id, "own"))
    publish(azure, with_subnet(configuration, name="mine"), 8)
    plan = json.loads(fixed_cluster.run(azure, "merger", "plan", "--format", "json").out)
    assert plan["changes"] == []
    assert {one["code"] for one in plan["findings"]} == {"pool_not_made"}
    assert "on Azure all pools are in groupnet0.subnet0" in plan["findings"][0]["message"]


def checked(directory: Path) -> str:
    ran = fixed_cluster.run(directory, "config", "check", "--format", "json")
    assert ran.status == 1
    return ran.out


def test_on_azure_a_pool_of_ones_own_lies_beside_azures(azure: Path) -> None:
    for command in (
        "pools create subnet0.mine --ranges 10.20.30.70-10.20.30.79",
        "pools modify subnet0.mine --description mine --sc-dns-zone nas.example.com",
        "subnets modify subnet0 --mtu 9000",
        "pools delete subnet0.mine --force",
    ):
        ran = fixed_cluster.run(azure, *command.split())
        assert (ran.status, ran.err) == (0, ""), command


def test_elsewhere_the_pools_settings_can_be_modified(aws: Path) -> None:
    for command in (
        "pools modify subnet0.pool0 --description mine --sc-dns-zone nas.example.com --access-zone zone-1",
        "pools modify subnet0.pool0 --add-ranges 10.20.30.90-10.20.30.99 --force",
        "pools create beside.other",
        "subnets modify subnet0 --name mine",
    ):
        assert fixed_cluster.run(aws, *command.split()).status == 0, command
