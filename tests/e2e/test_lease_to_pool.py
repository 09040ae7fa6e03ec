"""From a cloud's DHCPACK to the pool an administrator sees, with nothing between them made up."""

import ipaddress
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cloud import Cloud, Node
from patience import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

POOL = "groupnet0.subnet0.pool0"
FLEXNET = Path(".ifsvar/modules/flexnet")
IP_MERGER = Path(".ifsvar/modules/smartconnect/resource/workers/ip_merger")

TAKING_OWNERSHIP = re.compile(
    r"^(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00) <3\.6> "
    r"(?P<name>GLaDOS-\d+)\(id(?P<devid>\d+)\) isi_smartconnect_d\[(?P<pid>\d+)\]: "
    r"Taking ownership of the IPMerger role$",
    re.M,
)


# The rig itself


def test_the_rig_leases_without_touching_interfaces(cloud: Cloud) -> None:
    """A lease reaches the disk with all that the cloud says, and the kernel's configuration stays empty."""
    addresses = ["10.20.30.11", "10.20.30.12"]
    for number, address in enumerate(addresses, start=1):
        cloud.add_node(number, number, address).start_dhclient()

    for node, address in zip(cloud.nodes, addresses, strict=True):
        node.wait_for_lease(address)
        assert 'interface "ext-1";' in node.last_lease()
        assert "option interface-mtu 9001;" in node.last_lease()
        assert "option routers 10.20.30.1;" in node.last_lease()
        assert "option domain-name-servers 10.20.0.2;" in node.last_lease()
        assert "option dhcp-server-identifier 10.20.30.1;" in node.last_lease()
        assert "option dhcp-lease-time 3600;" in node.last_lease()
        assert 'option domain-name "eu-west-1.compute.internal";' in node.last_lease()
        assert node.ipv4_configuration("ext-1") == ""
        assert node.link_mtu("ext-1") == 1500


def test_a_changed_reservation_reaches_the_lease_file(cloud: Cloud) -> None:
    """A client that asks again is refused its old address (DHCPNAK) and takes the new one."""
    node = cloud.add_node(1, 1, "10.20.30.11")
    node.start_dhclient()
    node.wait_for_lease("10.20.30.11")

    cloud.reserve(node, "10.20.30.41")
    node.restart_dhclient()

    node.wait_for_lease("10.20.30.41")
    assert "DHCPNAK(eth0) 10.20.30.11" in cloud.logs()
    assert node.ipv4_configuration("ext-1") == ""


@pytest.mark.usefixtures("_able_machine")
@pytest.mark.parametrize(("answers_arp", "state"), [(True, "REACHABLE"), (False, "FAILED")])
def test_the_fabric_answers_arp_for_an_address_that_no_interface_has(
    tmp_path: Path, answers_arp: bool, state: str
) -> None:
    """So does a VPC; without it a server could not answer the renewal of a client that configures nothing."""
    with Cloud(tmp_path, answers_arp=answers_arp) as cloud:
        cloud.add_node(1, 1, "10.20.30.11")
        cloud.gateway.ip("neigh", "replace", "10.20.30.11", "dev", "eth0", "use")
        eventually(
            lambda: state in cloud.gateway.ip("neigh", "show", "10.20.30.11"),
            f"the gateway finds 10.20.30.11 {state}",
        )


@pytest.mark.usefixtures("_able_machine")
def test_the_rig_leaves_nothing_behind_when_a_test_fails(tmp_path: Path) -> None:
    """No process and no namespace outlives a cloud, whatever happened in it."""
    cloud = Cloud(tmp_path)
    with pytest.raises(ZeroDivisionError), cloud:
        node = cloud.add_node(1, 1, "10.20.30.11")
        node.start_dhclient()
        node.wait_for_lease("10.20.30.11")
        assert cloud.name in namespaces()
        raise ZeroDivisionError
    assert cloud.name not in namespaces()
    assert node.clients["ext-1"].returncode is not None


def namespaces() -> str:
    return subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout


# The product


def test_three_leases_become_one_pool(cluster: Cloud) -> None:
    """Each lease becomes a report, one node becomes the merger, and its pool has the three addresses."""
    node = cluster.nodes[0]
    wait_for_pool(node, ["10.20.30.11", "10.20.30.12", "10.20.30.13"])

    pool = node.ask("pools", "view", POOL)
    assert pool["id"] == POOL
    assert pool["alloc_method"] == "externally_managed"
    assert pool["external_manager"] == "AWS"
    assert by_lnn(pool["ifaces"]) == [{"iface": "ext-1", "lnn": lnn} for lnn in (1, 2, 3)]
    assert [listed["id"] for listed in node.ask("pools", "list")] == [POOL]

    members = cluster.ifs / FLEXNET / "pool_members/groupnet.1.subnet.1.pool.1"
    json.loads(members.read_text())
    reports = cluster.ifs / FLEXNET / "ip_reports/DHCP"
    assert sorted(report.name for report in reports.glob("node.*")) == ["node.1", "node.2", "node.4"]
    for node in cluster.nodes:
        address = f"10.20.30.{10 + node.lnn}"
        assert address in members.read_text()
        assert address in (reports / f"node.{node.devid}").read_text()

    status = holder(node)
    [taking] = takings(cluster)
    assert taking["devid"] == str(status["devid"])
    assert taking["pid"] == str(status["pid"])
    assert taking["name"] == status["node"] == node_with(cluster, status["devid"]).name
    assert int((cluster.ifs / IP_MERGER).read_text()) == status["devid"]

    for node in cluster.nodes:
        assert node.leased_address() == f"10.20.30.{10 + node.lnn}"
        assert node.ipv4_configuration("ext-1") == ""
        assert node.link_mtu("ext-1") == 1500


def test_every_node_tells_the_same_story(cluster: Cloud) -> None:
    """Whichever node is asked, the pool, the interfaces, the reports and the holder are the same."""
    addresses = ["10.20.30.11", "10.20.30.12", "10.20.30.13"]
    wait_for_pool(cluster.nodes[0], addresses)

    for node in cluster.nodes:
        assert addresses_of(node.ask("pools", "view", POOL)) == addresses
        assert owners_by_interface(node) == {
            f"{lnn}:ext-1": ("externally_managed", "AWS", [address])
            for lnn, address in enumerate(addresses, start=1)
        }
        assert len(node.ask("reports", "list")) == 3
        assert holder(node)["devid"] == holder(cluster.nodes[0])["devid"]
        assert str(node.leased_address()) in json.dumps(node.ask("dhcp", "lease", "show"))
        assert str(node.leased_address()) in json.dumps(node.ask("dhcp", "lease", "list"))


def test_a_new_holder_carries_on_where_a_killed_one_stopped(cluster: Cloud) -> None:
    """After kill -9 of the holder another node publishes, and no address is lost or doubled on the way."""
    before = ["10.20.30.11", "10.20.30.12", "10.20.30.13"]
    wait_for_pool(cluster.nodes[0], before)
    first = holder(cluster.nodes[0])
    dead = node_with(cluster, first["devid"])
    moving, watching = (node for node in cluster.nodes if node is not dead)
    after = sorted([*before, "10.20.30.41"])
    after.remove(f"10.20.30.{10 + moving.lnn}")

    with pool_states(watching) as seen:
        assert dead.daemon is not None
        dead.daemon.kill()
        second = wait_for_holder(watching, among=[moving, watching])
        assert second["term"] > first["term"]

        cluster.reserve(moving, "10.20.30.41")
        moving.restart_dhclient()
        moving.wait_for_lease("10.20.30.41")
        wait_for_pool(watching, after)
    assert seen == [before, after]

    assert [taking["devid"] for taking in takings(cluster)] == [str(first["devid"]), str(second["devid"])]
    assert int((cluster.ifs / IP_MERGER).read_text()) == second["devid"]
    # The dead node's lease has not expired, so its address stays where it was.
    address = f"10.20.30.{10 + dead.lnn}"
    assert owners_by_interface(watching)[f"{dead.lnn}:ext-1"][-1] == [address]
    assert owners_by_interface(watching)[f"{moving.lnn}:ext-1"][-1] == ["10.20.30.41"]


def test_a_killed_node_comes_back_without_taking_the_role(cluster: Cloud) -> None:
    """A daemon that starts again stands in line, and the pool does not change."""
    addresses = ["10.20.30.11", "10.20.30.12", "10.20.30.13"]
    wait_for_pool(cluster.nodes[0], addresses)
    dead = node_with(cluster, holder(cluster.nodes[0])["devid"])
    others = [node for node in cluster.nodes if node is not dead]
    assert dead.daemon is not None

    with pool_states(others[0]) as seen:
        dead.daemon.kill()
        second = wait_for_holder(others[0], among=others)
        daemon = dead.start_daemon()
        eventually(
            lambda: f"isi_smartconnect_d[{daemon.pid}]" in dead.service_log.read_text(),
            f"the new daemon of {dead.name} is at work",
        )
        turn = holder(others[0])["last_turn"]
        eventually(lambda: holder(others[0])["last_turn"] != turn, "the holder ends another turn")
    assert seen == [addresses]
    assert daemon.poll() is None
    assert len(takings(cluster)) == 2
    assert holder(others[0])["devid"] == second["devid"]


def test_sigterm_ends_a_daemon_well_within_a_second(cluster: Cloud) -> None:
    """The holder gives the role back and the next takes it, until the last; each exits 0."""
    wait_for_pool(cluster.nodes[0], ["10.20.30.11", "10.20.30.12", "10.20.30.13"])
    asking = cluster.nodes[0]
    living = list(cluster.nodes)
    while living:
        node = node_with(cluster, wait_for_holder(asking, among=living)["devid"])
        assert node.daemon is not None
        node.daemon.terminate()
        assert node.daemon.wait(timeout=1) == 0
        living.remove(node)
    assert len(takings(cluster)) == 3


def test_commands_work_with_every_daemon_down(cluster: Cloud) -> None:
    """Administrators read the same files the daemons wrote; `merger status` says that nobody is at work."""
    addresses = ["10.20.30.11", "10.20.30.12", "10.20.30.13"]
    wait_for_pool(cluster.nodes[0], addresses)
    for node in cluster.nodes:
        assert node.daemon is not None
        node.daemon.kill()
        node.daemon.wait()

    for node in cluster.nodes:
        assert addresses_of(node.ask("pools", "view", POOL)) == addresses
        assert [pool["id"] for pool in node.ask("pools", "list")] == [POOL]
        assert len(owners_by_interface(node)) == 3
        assert len(node.ask("reports", "list")) == 3
        assert str(node.leased_address()) in json.dumps(node.ask("dhcp", "lease", "show"))
        assert str(node.leased_address()) in json.dumps(node.ask("dhcp", "lease", "list"))

        status = node.isi_net("merger", "status", "--format", "json")
        assert status.returncode != 0
        assert json.loads(status.stdout)["held"] is False


# What an administrator sees


def addresses_of(pool: dict[str, Any]) -> list[str]:
    """Every address of the pool's ranges in order; one that is in two ranges is there twice."""
    return [
        str(ipaddress.ip_address(number))
        for number in sorted(
            number
            for ends in pool["ranges"]
            for number in range(
                int(ipaddress.ip_address(ends["low"])), int(ipaddress.ip_address(ends["high"])) + 1
            )
        )
    ]


def pool_state(node: Node) -> list[str] | str:
    """The addresses of the pool as this node tells them now, or what it says instead."""
    done = node.isi_net("pools", "view", POOL, "--format", "json")
    if done.returncode != 0:
        return f"exit status {done.returncode}: {done.stderr}"
    return addresses_of(json.loads(done.stdout))


def wait_for_pool(node: Node, addresses: list[str]) -> None:
    eventually(
        lambda: pool_state(node),
        f"{POOL} has {addresses}, as {node.name} tells it",
        is_so=lambda state: state == addresses,
    )


@contextmanager
def pool_states(node: Node) -> Iterator[list[list[str] | str]]:
    """Every state that the pool is seen in while the block runs, each once as long as it lasts."""
    seen: list[list[str] | str] = []
    ended = threading.Event()

    def watch() -> None:
        last = False
        while not last:  # looks once more when the block has ended, so that its last state is seen
            last = ended.is_set()
            state = pool_state(node)
            if seen[-1:] != [state]:
                seen.append(state)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        ended.set()
        watcher.join()


def owners_by_interface(node: Node) -> dict[str, tuple[str, str, list[str]]]:
    """Of each externally managed interface (`3:ext-1`) its one owner's type, subtype and addresses."""
    owners = {}
    for interface in node.ask("interfaces", "list", "--externally-managed"):
        [owner] = interface["owners"]
        owners[interface["id"]] = (owner["type"], owner["subtype"], owner["ip_addrs"])
    return owners


def holder(node: Node) -> dict[str, Any]:
    """What `merger status` tells of the holder; it exits 0 only when there is one."""
    status: dict[str, Any] = node.ask("merger", "status")
    assert status["held"] is True
    return status


def wait_for_holder(node: Node, *, among: list[Node]) -> dict[str, Any]:
    devids = [candidate.devid for candidate in among]
    done = eventually(
        lambda: node.isi_net("merger", "status", "--format", "json"),
        f"one of the nodes {devids} holds the role",
        is_so=lambda done: done.returncode == 0 and json.loads(done.stdout)["devid"] in devids,
    )
    status: dict[str, Any] = json.loads(done.stdout)
    return status


def takings(cluster: Cloud) -> list[dict[str, str]]:
    """Each time that a node says to have taken the role, over all logs, in the order of time."""
    lines = (
        match.groupdict()
        for node in cluster.nodes
        if node.service_log.exists()
        for match in TAKING_OWNERSHIP.finditer(node.service_log.read_text())
    )
    return sorted(lines, key=lambda line: line["time"])


def node_with(cluster: Cloud, devid: int) -> Node:
    [node] = [node for node in cluster.nodes if node.devid == devid]
    return node


def by_lnn(ifaces: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(ifaces, key=lambda iface: iface["lnn"])
