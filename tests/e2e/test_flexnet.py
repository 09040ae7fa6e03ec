"""The published addresses on real NICs: put there, moved, kept, and nothing else touched."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from cloud import GATEWAY, Cloud, Dhcpd, Dnsmasq, Node, mac_of, port_of
from patience import eventually

from isi_net.flexnet.change import change
from isi_net.model.network import (
    Assignment,
    Configuration,
    Groupnet,
    Iface,
    Pool,
    Range,
    StaticRoute,
    Subnet,
)
from isi_net.model.network import Node as KnownNode
from isi_net.store.tree import Tree

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.usefixtures("_able_machine")]

APPLYING = str(Path(__file__).with_name("applying.py"))
POOL = "groupnet0.subnet0.pool0"


@pytest.fixture
def quiet_cloud(tmp_path: Path, _able_machine: None) -> Iterator[Cloud]:
    """A network that answers ARP for nobody: who has an address answers himself, or nobody does."""
    with Cloud(tmp_path, answers_arp=False) as cloud:
        try:
            yield cloud
        finally:
            print(cloud.logs())


@pytest.fixture
def node(quiet_cloud: Cloud) -> Node:
    """One node, to which nothing was given yet."""
    return quiet_cloud.add_node(1, 1, "10.20.30.11")


# With everything: leases, daemons, the service


def test_after_the_merge_every_node_has_its_address_and_reaches_all_others(tmp_path: Path) -> None:
    """And every NIC has the MTU and the default route that the lease named, marked as ours."""
    with leased_cluster(tmp_path, 3) as cloud:
        for node in cloud.nodes:
            assert node.ipv4_configuration("ext-1") == ""
            enable(node)
        for node in cloud.nodes:
            wait_for_addresses(node, [f"10.20.30.{10 + node.lnn}/24"])
        for node in cloud.nodes:
            for other in set(cloud.nodes) - {node}:
                assert reaches(node, f"10.20.30.{10 + other.lnn}")
            assert reaches(node, GATEWAY)
            assert f"default via {GATEWAY} dev ext-1 proto 97 metric 1" in node.namespace.ip("route", "show")
            assert node.link_mtu("ext-1") == 9000  # the subnet's: 9001 is more than a subnet can have
            status = node.ask("flexnet", "status")
            assert [one["state"] for one in status["addresses"]] == ["applied"]
            assert status["enabled"] is True
            assert status["applied_revision"] == status["revision"]
            assert node.ask("flexnet", "plan") == []


@pytest.mark.parametrize("answers_arp", [False, True])
@pytest.mark.parametrize(
    ("server", "lease", "renew"), [(Dhcpd, 40, 12), (Dnsmasq, 120, 15)], ids=["dhcpd", "dnsmasq"]
)
def test_the_lease_is_renewed_at_t1_by_unicast(
    tmp_path: Path, server: Any, lease: int, renew: int, answers_arp: bool
) -> None:
    """Also where the network answers ARP for nobody, and without the address no lease was ever renewed."""
    with leased_cluster(tmp_path, 1, answers_arp, server, lease, renew) as cloud:
        [node] = cloud.nodes
        enable(node)
        wait_for_addresses(node, ["10.20.30.11/24"])
        log = tmp_path / "node1" / "dhclient-ext-1.log"
        begun = len(log.read_text())
        told = eventually(
            lambda: log.read_text()[begun:],
            "the lease was renewed twice",
            is_so=lambda text: text.count("DHCPACK of 10.20.30.11") >= 2,
            within=4 * renew + 20,
        )
        assert f"DHCPREQUEST for 10.20.30.11 on ext-1 to {GATEWAY} port 67" in told
        assert "unreachable" not in told
        assert "255.255.255.255" not in told


def test_a_changed_reservation_moves_the_address_and_a_ping_hardly_notices(tmp_path: Path) -> None:
    """At every moment the node has an address, and of the pings that go on meanwhile one is lost at most."""
    with leased_cluster(tmp_path, 1) as cloud:
        [node] = cloud.nodes
        enable(node)
        wait_for_addresses(node, ["10.20.30.11/24"])
        with pinging(node, GATEWAY) as lost, watched_addresses(node) as seen:
            cloud.reserve(node, "10.20.30.41")
            node.restart_dhclient()
            node.wait_for_lease("10.20.30.41")
            wait_for_addresses(node, ["10.20.30.41/24"])
            time.sleep(1)
        assert lost() <= 1
        assert [] not in seen()
        assert seen()[-1] == ["10.20.30.41/24"]
        assert "default via" in node.namespace.ip("route", "show")
        assert reaches(node, GATEWAY)


def test_nodes_that_change_addresses_with_each_other_get_them(quiet_cloud: Cloud) -> None:
    """Each finds the other's on the wire at first, gives its own up, and asks again."""
    one, other = quiet_cloud.add_node(1, 1, "10.20.30.11"), quiet_cloud.add_node(2, 2, "10.20.30.12")
    first, second = IPv4Address("10.20.30.11"), IPv4Address("10.20.30.12")
    publish(one, Assignment(first, 1, "ext-1", None), Assignment(second, 2, "ext-1", None))
    for node in quiet_cloud.nodes:
        start_with_flexnet_alone(node)
    wait_for_addresses(one, [f"{first}/24"])
    wait_for_addresses(other, [f"{second}/24"])
    publish(one, Assignment(second, 1, "ext-1", None), Assignment(first, 2, "ext-1", None))
    wait_for_addresses(one, [f"{second}/24"], within=90)
    wait_for_addresses(other, [f"{first}/24"], within=90)
    assert reaches(one, str(first))


def test_a_restart_and_a_killed_daemon_leave_the_address_alone(tmp_path: Path) -> None:
    """What is there is recognised: the kernel does not hear of the address again."""
    with leased_cluster(tmp_path, 1) as cloud:
        [node] = cloud.nodes
        enable(node)
        wait_for_addresses(node, ["10.20.30.11/24"])
        applied = node.root / "var/run/isi_net/flexnet"
        eventually(applied.exists, "the turn that put it there ends")
        state = applied.read_bytes()
        with kernel_events(node) as events:
            for end in (signal.SIGKILL, signal.SIGTERM):
                assert node.daemon is not None
                node.daemon.send_signal(end)
                node.daemon.wait()
                begun = node.service_log.read_text().count("Flexnet: revision")
                node.start_daemon()
                eventually(
                    lambda: node.service_log.read_text().count("Flexnet: revision") > begun,  # noqa: B023
                    "Flexnet took a turn",
                )
        assert events() == ""
        assert applied.read_bytes() == state


def test_a_disabled_service_leaves_everything_and_an_enabled_one_puts_it_back(tmp_path: Path) -> None:
    with leased_cluster(tmp_path, 1) as cloud:
        [node] = cloud.nodes
        enable(node)
        wait_for_addresses(node, ["10.20.30.11/24"])
        done = node.isi_net("services", "disable", "flexnet")
        assert done.returncode == 0, done
        eventually(lambda: "Flexnet: off" in node.service_log.read_text(), "Flexnet is off")
        assert addresses(node) == ["10.20.30.11/24"]
        node.namespace.ip("address", "delete", "10.20.30.11/24", "dev", "ext-1")
        time.sleep(1)
        assert addresses(node) == []
        enable(node)
        wait_for_addresses(node, ["10.20.30.11/24"])
        node.namespace.ip("address", "delete", "10.20.30.11/24", "dev", "ext-1")
        # What this daemon had there comes back without asking the network again.
        wait_for_addresses(node, ["10.20.30.11/24"], within=2)
        eventually(lambda: "default via" in node.namespace.ip("route", "show"), "and its routes", within=2)


# One node and a configuration


def test_what_others_put_there_survives_everything(node: Node) -> None:
    node.namespace.ip("address", "add", "10.20.30.99/24", "dev", "ext-1")
    node.namespace.ip("address", "add", "192.0.2.1/32", "dev", "ext-1")
    node.namespace.ip("route", "add", "198.51.100.0/24", "via", GATEWAY, "dev", "ext-1", "metric", "1")
    node.namespace.ip("route", "add", "default", "via", GATEWAY, "dev", "ext-1", "metric", "100")
    for address in ("10.20.30.11", "10.20.30.12", "10.20.30.13"):
        publish(node, Assignment(IPv4Address(address), 1, "ext-1", None))
        apply(node)
        assert sorted(addresses(node)) == sorted(["10.20.30.99/24", "192.0.2.1/32", f"{address}/24"])
    publish(node)
    apply(node)
    assert addresses(node) == ["10.20.30.99/24", "192.0.2.1/32"]
    routes = node.namespace.ip("route", "show")
    assert f"198.51.100.0/24 via {GATEWAY} dev ext-1 metric 1" in routes
    assert f"default via {GATEWAY} dev ext-1 metric 100" in routes
    assert "proto 97" not in routes


def test_a_route_of_others_by_several_ways_stands_instead_of_ours(node: Node) -> None:
    """It has the destination and metric of ours, and leads by our gateway among others."""
    node.namespace.ip("address", "add", "10.20.30.99/24", "dev", "ext-1")
    ways = [word for host in (1, 254) for word in ("nexthop", "via", f"10.20.30.{host}", "dev", "ext-1")]
    node.namespace.ip("route", "add", "default", "metric", "1", *ways)
    publish(node, Assignment(IPv4Address("10.20.30.11"), 1, "ext-1", None))
    before = node.namespace.ip("route", "show", "default")
    apply(node)
    assert "10.20.30.11/24" in addresses(node)
    assert node.namespace.ip("route", "show", "default") == before
    assert [line.strip() for line in before.splitlines()][1:] == [
        f"nexthop via 10.20.30.{host} dev ext-1 weight 1" for host in (1, 254)
    ]


def test_others_addresses_survive_when_ours_was_the_primary_one(node: Node) -> None:
    """The kernel would take them along: the NIC is told to promote them first."""
    publish(node, Assignment(IPv4Address("10.20.30.11"), 1, "ext-1", None))
    apply(node)
    node.namespace.ip("address", "add", "10.20.30.99/24", "dev", "ext-1")
    publish(node)
    steps = apply(node)
    assert "sysctl -w net/ipv4/conf/ext-1/promote_secondaries=1" in steps
    assert addresses(node) == ["10.20.30.99/24"]


def test_an_address_that_the_machine_already_has_is_recognised_and_never_removed(node: Node) -> None:
    """As in every cloud image, whose own DHCP client has put it there."""
    node.namespace.ip("address", "add", "10.20.30.11/24", "dev", "ext-1")
    node.namespace.ip("route", "add", "default", "via", GATEWAY, "dev", "ext-1", "proto", "dhcp")
    publish(node, Assignment(IPv4Address("10.20.30.11"), 1, "ext-1", None))
    apply(node)
    done = node.isi_net("flexnet", "status", "--format", "json")
    assert done.returncode == 0, done  # information is no difference
    status = json.loads(done.stdout)
    assert [one["state"] for one in status["addresses"]] == ["foreign"]
    assert {one["code"] for one in status["findings"]} == {"foreign_address", "foreign_route"}
    assert {one["severity"] for one in status["findings"]} == {"info"}
    publish(node)
    apply(node)
    assert addresses(node) == ["10.20.30.11/24"]


def test_the_printed_plan_pasted_into_a_shell_does_what_flexnet_does(quiet_cloud: Cloud) -> None:
    """But for the marks of addresses, for which Debian 12's ip(8) has no word."""
    pasted, applied = quiet_cloud.add_node(1, 1, "10.20.30.11"), quiet_cloud.add_node(2, 2, "10.20.30.12")
    for node in quiet_cloud.nodes:  # both play node 1, so that none of them may hear the other
        write_node(node, 1)
        quiet_cloud.fabric.ip("link", "set", port_of(node.macs["ext-1"]), "nomaster")
    eleven, twelve = (pool(Assignment(IPv4Address(f"10.20.30.{n}"), 1, "ext-1", None)) for n in (11, 12))
    static = replace(
        hand_made("1:ext-1"),
        static_routes=(StaticRoute(IPv4Address("172.16.0.0"), 16, IPv4Address("10.20.30.254")),),
    )
    for pools, sbr, gateway in (
        ((eleven, static), True, GATEWAY),
        ((twelve, static), True, "10.20.30.254"),
        ((replace(eleven, external_manager="GCP"),), False, GATEWAY),
        ((), False, GATEWAY),
    ):
        publish_pools(pasted, *pools, sbr=sbr, gateway=gateway)
        commands = pasted.isi_net("flexnet", "plan", "-a", "-z").stdout.splitlines()
        for command in commands:
            done = pasted.namespace.run("sh", "-c", command)
            assert done.returncode == 0, (command, done)
        assert commands
        assert sorted(apply(applied)) == sorted(commands)  # what needs no asking of the network comes first
        assert kernel_state(pasted) == kernel_state(applied)
        pasted.namespace.ip("address", "flush", "dev", "ext-1")  # for what comes next, it is to be ours
        apply(pasted)


def test_source_based_routing_comes_and_goes(node: Node) -> None:
    leased = Assignment(IPv4Address("10.20.30.11"), 1, "ext-1", None)
    publish(node, leased, sbr=True)
    apply(node)
    table = int(IPv4Address("10.20.30.11"))
    assert f"9700:\tfrom 10.20.30.11 lookup {table} proto 97" in node.namespace.ip("rule", "show")
    routes = node.namespace.ip("route", "show", "table", str(table))
    assert f"default via {GATEWAY} dev ext-1 proto 97 metric 1" in routes
    assert "10.20.30.0/24 dev ext-1 proto 97 scope link" in routes
    assert reaches(node, GATEWAY, "-I", "10.20.30.11")

    publish(node, leased, sbr=False)
    apply(node)
    assert "9700" not in node.namespace.ip("rule", "show")
    assert "proto 97" not in node.namespace.ip("route", "show", "table", str(table))
    assert addresses(node) == ["10.20.30.11/24"]


def test_with_source_based_routing_each_address_answers_by_its_own_gateway(quiet_cloud: Cloud) -> None:
    """Of two subnets on two NICs, the one with the lower priority has the default route, and what came in by
    the other goes out by it all the same."""
    node = quiet_cloud.add_node(1, 1, "10.20.30.11")
    quiet_cloud.add_nic(node, "ext-2", "10.20.31.11")
    quiet_cloud.gateway.ip("address", "add", "10.20.31.1/24", "dev", "eth0")
    quiet_cloud.gateway.ip("link", "set", "lo", "up")
    quiet_cloud.gateway.ip("address", "add", "203.0.113.1/32", "dev", "lo")
    second = Subnet(
        2,
        "subnet1",
        "ipv4",
        24,
        IPv4Address("10.20.31.0"),
        IPv4Address("10.20.31.1"),
        gateway_priority=5,
        pools=(hand_made("1:ext-2", number=1, network="10.20.31"),),
        next_number=9,
    )
    publish_pools(node, hand_made("1:ext-1"), sbr=True, more=(second,))
    apply(node)
    routes = node.namespace.ip("route", "show")
    assert "default via 10.20.30.1 dev ext-1 proto 97 metric 1" in routes
    assert "default via 10.20.31.1 dev ext-2 proto 97 metric 5" in routes
    for source, nic in (("10.20.30.50", "ext-1"), ("10.20.31.50", "ext-2")):
        way = node.namespace.ip("route", "get", "203.0.113.1", "from", source)
        assert f"dev {nic}" in way
        assert reaches(node, "203.0.113.1", "-I", source)


def test_google_clouds_way_of_a_prefix_of_32(node: Node) -> None:
    """Neighbours do not answer ARP there: everything goes by the gateway, which is on the link."""
    gcp = replace(pool(Assignment(IPv4Address("10.20.30.11"), 1, "ext-1", None)), external_manager="GCP")
    publish_pools(node, gcp)
    apply(node)
    assert addresses(node) == ["10.20.30.11/32"]
    routes = node.namespace.ip("route", "show")
    assert f"default via {GATEWAY} dev ext-1 proto 97 metric 1 onlink" in routes
    assert reaches(node, GATEWAY)


def test_static_routes_of_the_pool_come_and_go(node: Node) -> None:
    route = StaticRoute(IPv4Address("172.16.0.0"), 16, IPv4Address("10.20.30.254"))
    publish_pools(node, replace(hand_made("1:ext-1"), static_routes=(route,)))
    apply(node)
    assert "172.16.0.0/16 via 10.20.30.254 dev ext-1 proto 97 metric 1" in node.namespace.ip("route", "show")
    publish_pools(node, hand_made("1:ext-1"))
    apply(node)
    assert "172.16.0.0/16" not in node.namespace.ip("route", "show")


def test_another_gateway_takes_the_old_ones_place_at_once(node: Node) -> None:
    publish_pools(node, hand_made("1:ext-1"))
    apply(node)
    publish_pools(node, hand_made("1:ext-1"), gateway="10.20.30.254")
    assert apply(node) == ["ip route replace default via 10.20.30.254 dev ext-1 metric 1 proto 97"]


def test_a_static_pool_gives_each_interface_one_address(quiet_cloud: Cloud) -> None:
    """The lowest free ones; and an interface's stays when another one comes before it."""
    one, other = quiet_cloud.add_node(1, 1, "10.20.30.11"), quiet_cloud.add_node(2, 2, "10.20.30.12")
    publish_pools(one, hand_made("2:ext-1"))
    changed = one.isi_net("pools", "modify", "subnet0.pool1", "--add-ifaces", "1:ext-1")
    assert changed.returncode == 0, changed
    for node, address in ((one, "10.20.30.51/24"), (other, "10.20.30.50/24")):
        apply(node)
        assert addresses(node) == [address]
    assert reaches(one, "10.20.30.50")


def test_two_nodes_given_one_address_by_hand_are_refused(quiet_cloud: Cloud, tmp_path: Path) -> None:
    node = quiet_cloud.add_node(1, 1, "10.20.30.11")
    publish_pools(node, hand_made("1:ext-1", "2:ext-1"))
    exported = node.isi_net("config", "export").stdout
    assert 'address="10.20.30.51"' in exported
    file = tmp_path / "by_hand.xml"
    file.write_text(exported.replace('address="10.20.30.51"', 'address="10.20.30.50"'))
    done = node.isi_net("config", "import", str(file), "--force")
    assert done.returncode == 1
    assert "2:ext-1 has 10.20.30.50, which is given to 1:ext-1" in done.stderr
    assert node.isi_net("config", "export").stdout == exported


def test_an_address_that_a_machine_on_the_wire_uses_is_not_put_there(quiet_cloud: Cloud) -> None:
    """It is a finding with that machine's MAC; and when the machine has gone, the address comes."""
    node = quiet_cloud.add_node(1, 1, "10.20.30.11")
    squatter = quiet_cloud.add_namespace("squatter")
    quiet_cloud.plug(squatter, "eth0", mac_of("10.20.30.200"))
    squatter.ip("address", "add", "10.20.30.11/24", "dev", "eth0")
    publish(node, Assignment(IPv4Address("10.20.30.11"), 1, "ext-1", None))
    start_with_flexnet_alone(node)
    status = eventually(
        lambda: node.ask_anyway("flexnet", "status"),
        "the duplicate is found",
        is_so=lambda status: [one["state"] for one in status["addresses"]] == ["duplicate"],
    )
    [finding] = [one for one in status["findings"] if one["code"] == "address_duplicate"]
    assert mac_of("10.20.30.200") in finding["message"]
    assert addresses(node) == []
    printed = node.isi_net("flexnet", "plan", "-a", "-z")
    assert "10.20.30.11" not in printed.stdout
    assert f"{mac_of('10.20.30.200')} uses it already" in printed.stderr

    node.namespace.ip("address", "add", "10.20.30.11/24", "dev", "ext-1")  # somebody does it all the same
    time.sleep(3)  # turns of the daemon
    done = node.isi_net("flexnet", "status", "--format", "json")
    assert done.returncode == 1, done
    status = json.loads(done.stdout)
    assert [one["state"] for one in status["addresses"]] == ["duplicate"]
    assert [one["code"] for one in status["findings"]] == ["address_duplicate"]
    node.namespace.ip("address", "delete", "10.20.30.11/24", "dev", "ext-1")
    squatter.ip("address", "delete", "10.20.30.11/24", "dev", "eth0")
    wait_for_addresses(node, ["10.20.30.11/24"], within=60)


def test_a_cloud_is_not_asked_whether_anybody_uses_the_address(quiet_cloud: Cloud) -> None:
    """Its network may answer for every address."""
    node = quiet_cloud.add_node(1, 1, "10.20.30.11")
    squatter = quiet_cloud.add_namespace("squatter")
    quiet_cloud.plug(squatter, "eth0", mac_of("10.20.30.200"))
    squatter.ip("address", "add", "10.20.30.11/24", "dev", "eth0")
    aws = replace(pool(Assignment(IPv4Address("10.20.30.11"), 1, "ext-1", None)), external_manager="AWS")
    publish_pools(node, aws)
    apply(node)
    assert addresses(node) == ["10.20.30.11/24"]


def test_without_the_right_to_it_flexnet_says_so_and_the_rest_of_the_daemon_works(node: Node) -> None:
    node.start_dhclient()
    node.wait_for_lease("10.20.30.11")
    enable(node)
    setpriv = shutil.which("setpriv") or "setpriv"
    drop = "-net_admin,-net_raw"
    command = [setpriv, f"--bounding-set={drop}", f"--inh-caps={drop}", sys.executable, "-m", "isi_net"]
    paths = ["--root", str(node.root), "--ifs", str(node.ifs)]
    node.daemon = node.namespace.start(*command, *paths, "daemon", log=node.root / "daemon.log")
    eventually(
        lambda: node.service_log.read_text() if node.service_log.exists() else "",
        "Flexnet says what it lacks",
        is_so=lambda text: "[no_permission]" in text,
    )
    assert "CAP_NET_ADMIN" in node.service_log.read_text()
    said = node.ask("services", "view", "flexnet")
    assert (said["state"], "CAP_NET_ADMIN" in said["reason"]) == ("waiting", True)
    assert [one["id"] for one in node.ask("pools", "list")] == [POOL]
    assert addresses(node) == []
    file = node.root / "var/run/isi_net/flexnet"
    eventually(lambda: "no_permission" in file.read_text(), "what was refused is written down")
    written = file.stat()
    time.sleep(3)
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == (written.st_mtime_ns, written.st_ino)


def test_without_cap_net_raw_addresses_are_put_there_unasked(node: Node) -> None:
    publish(node, Assignment(IPv4Address("10.20.30.11"), 1, "ext-1", None))
    lines = apply(node, "setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw")
    assert addresses(node) == ["10.20.30.11/24"]
    assert any(line.startswith("# address_unprobed") for line in lines)


def test_a_nic_that_is_down_is_set_up_for_an_address_and_left_down_afterwards(node: Node) -> None:
    """Who sets it down later wants it so: it is a finding then."""
    node.namespace.ip("link", "set", "ext-1", "down")
    publish(node, Assignment(IPv4Address("10.20.30.11"), 1, "ext-1", None))
    assert "ip link set dev ext-1 up" in apply(node)
    assert reaches(node, GATEWAY)
    node.namespace.ip("link", "set", "ext-1", "down")
    lines = apply(node)
    assert [line.split(":")[0] for line in lines] == ["# link_down"]
    assert node.isi_net("flexnet", "status").returncode == 1
    node.namespace.ip("link", "set", "ext-1", "up")
    apply(node)
    assert reaches(node, GATEWAY)
    assert "default via" in node.namespace.ip("route", "show")


def test_nothing_changes_while_the_configuration_cannot_be_had(node: Node, tmp_path: Path) -> None:
    """Not when the shared file system is away, and not when an older one is mounted in its place."""
    publish(node, Assignment(IPv4Address("10.20.30.11"), 1, "ext-1", None))
    publish(node, Assignment(IPv4Address("10.20.30.12"), 1, "ext-1", None))
    apply(node)
    flexnet = node.ifs / ".ifsvar/modules/flexnet"
    for number in (2,):
        (flexnet / f"revisions/flx_config.{number}.xml").rename(tmp_path / "newest")
    apply(node)
    assert addresses(node) == ["10.20.30.12/24"]
    done = node.isi_net("flexnet", "status", "--format", "json")
    assert done.returncode == 1, done
    status = json.loads(done.stdout)
    [older] = [one for one in status["findings"] if one["code"] == "revision_older"]
    assert f"remove {node.root}/var/run/isi_net/flexnet" in older["action"]
    # What this revision gives the node and what the later one did: neither is somebody else's.
    states = {one["address"]: one["state"] for one in status["addresses"]}
    assert states == {"10.20.30.11": "missing", "10.20.30.12": "kept"}
    flexnet.rename(tmp_path / "away")
    apply(node)
    assert addresses(node) == ["10.20.30.12/24"]


def test_a_mistaken_lnn_takes_no_address_away(node: Node) -> None:
    """Not when the daemon is told of it, and not when the merger has published it: the pool's is the same."""
    publish_pools(node, hand_made("1:ext-1"))
    start_with_flexnet_alone(node)
    wait_for_addresses(node, ["10.20.30.50/24"])
    settings = node.root / "etc/isi_net.toml"
    right = settings.read_text()
    settings.write_text(right.replace("lnn = 1\n", "lnn = 7\n"))
    assert settings.read_text() != right
    assert node.daemon is not None
    node.daemon.send_signal(signal.SIGHUP)
    eventually(
        lambda: "LNN is 7 now, and was 1" in node.service_log.read_text(), "the daemon says why it stays"
    )
    publish_pools(node, hand_made("1:ext-1"), sbr=True, lnn=7)
    time.sleep(3)
    assert addresses(node) == ["10.20.30.50/24"]
    assert node.isi_net("flexnet", "status").returncode == 1
    settings.write_text(right)
    node.daemon.send_signal(signal.SIGHUP)
    eventually(lambda: node.isi_net("flexnet", "status").returncode == 0, "all is as it should be")
    assert addresses(node) == ["10.20.30.50/24"]


def test_killed_before_any_step_the_next_start_converges(quiet_cloud: Cloud) -> None:
    """From nothing to an address with its routes and rule, from there to another one, and to nothing."""
    node = quiet_cloud.add_node(1, 1, "10.20.30.11")
    node.namespace.ip("address", "add", "10.20.30.99/24", "dev", "ext-1")
    story: list[list[Assignment]] = [
        [Assignment(IPv4Address("10.20.30.11"), 1, "ext-1", None)],
        [Assignment(IPv4Address("10.20.30.12"), 1, "ext-1", None)],
        [],
    ]
    for number, members in enumerate(story):
        publish(node, *members, sbr=True)
        there = addresses(node)
        whole = len(node.isi_net("flexnet", "plan", "-a", "-z").stdout.splitlines())
        assert whole >= 5
        for kill_before in range(whole):
            done = node.namespace.run(sys.executable, APPLYING, str(node.root), str(node.ifs), "0")
            assert done.returncode == -signal.SIGKILL, done
            if kill_before:  # one step further than the time before
                node.namespace.run(sys.executable, APPLYING, str(node.root), str(node.ifs), "1")
            assert "10.20.30.99/24" in addresses(node)
            assert len(addresses(node)) >= min(len(there), 2 if members else 1)
        apply(node)
        expected = ["10.20.30.99/24", *(f"{one.address}/24" for one in members)]
        assert sorted(addresses(node)) == sorted(expected), number
        assert node.isi_net("flexnet", "plan", "-a", "-z").stdout == ""
        rules = node.namespace.ip("rule", "show")
        assert re.findall(r"9700:\tfrom (\S+)", rules) == [str(one.address) for one in members]


def test_an_idle_turn_costs_next_to_nothing(node: Node) -> None:
    """It reads one socket and lists the revisions: no dump of addresses or routes."""
    publish(node, Assignment(IPv4Address("10.20.30.11"), 1, "ext-1", None))
    start_with_flexnet_alone(node)
    wait_for_addresses(node, ["10.20.30.11/24"])
    assert node.daemon is not None
    time.sleep(1)
    before = cpu_seconds(node.daemon.pid)
    time.sleep(4)  # 20 turns
    assert cpu_seconds(node.daemon.pid) - before < 0.4


# What the tests ask


@contextmanager
def leased_cluster(
    directory: Path,
    count: int,
    answers_arp: bool = False,
    server: Any = Dnsmasq,
    lease: int = 3600,
    renew: int | None = None,
) -> Iterator[Cloud]:
    """Nodes with leases and daemons, whose pool is published."""
    with Cloud(
        directory, answers_arp=answers_arp, server=server, lease_seconds=lease, renew_seconds=renew
    ) as cloud:
        try:
            for number in range(1, count + 1):
                node = cloud.add_node(number, number, f"10.20.30.{10 + number}")
                node.start_dhclient()
                node.wait_for_lease(f"10.20.30.{10 + number}")
                node.start_daemon()
            eventually(
                lambda: cloud.nodes[0].isi_net("pools", "view", POOL, "--format", "json").stdout,
                "the pool has all addresses",
                is_so=lambda told: told.count('"low"') == count,
            )
            yield cloud
        finally:
            print(cloud.logs())


def enable(node: Node) -> None:
    done = node.isi_net("services", "enable", "flexnet")
    assert done.returncode == 0, done


def start_with_flexnet_alone(node: Node) -> None:
    """A daemon that asks nobody for a lease: what it has, the test publishes."""
    done = node.isi_net("services", "disable", "dhclient-ext-1")
    assert done.returncode == 0, done
    enable(node)
    node.start_daemon()


def addresses(node: Node, interface: str = "ext-1") -> list[str]:
    [link] = json.loads(node.namespace.ip("-json", "-4", "address", "show", "dev", interface)) or [{}]
    return [f"{one['local']}/{one['prefixlen']}" for one in link.get("addr_info", ())]


def wait_for_addresses(node: Node, wanted: list[str], within: float = 30) -> None:
    eventually(
        lambda: addresses(node),
        f"{node.name} has {wanted}",
        is_so=lambda there: there == wanted,
        within=within,
    )


def reaches(node: Node, address: str, *options: str) -> bool:
    return node.namespace.run("ping", "-n", "-c", "1", "-W", "5", *options, address).returncode == 0


def apply(node: Node, *by: str) -> list[str]:
    """Applies what is published until nothing is left to do; the steps, and the findings behind `# `."""
    done = node.namespace.run(*by, sys.executable, APPLYING, str(node.root), str(node.ifs))
    assert done.returncode == 0, done
    return [line for line in done.stdout.splitlines() if "# foreign_" not in line]


def pool(*members: Assignment) -> Pool:
    return Pool(1, "pool0", "externally_managed", "DHCP", aggregation_mode="none", assignments=members)


def hand_made(*ifaces: str, number: int = 2, network: str = "10.20.30") -> Pool:
    """A static pool of ten addresses with these interfaces."""
    known = [one.split(":") for one in ifaces]
    return Pool(
        number,
        f"pool{number - 1}",
        manual_ranges=(Range(IPv4Address(f"{network}.50"), IPv4Address(f"{network}.59")),),
        manual_ifaces=tuple(Iface(int(lnn), name) for lnn, name in known),
    )


def publish(node: Node, *members: Assignment, sbr: bool = False) -> None:
    publish_pools(node, pool(*members), sbr=sbr)


def publish_pools(
    node: Node,
    *pools: Pool,
    sbr: bool = False,
    gateway: str = GATEWAY,
    more: tuple[Subnet, ...] = (),
    lnn: int = 1,
) -> None:
    subnet = Subnet(
        1, "subnet0", "ipv4", 24, IPv4Address("10.20.30.0"), IPv4Address(gateway), pools=pools, next_number=9
    )
    groupnet = Groupnet(1, "groupnet0", subnets=(subnet, *more), next_number=9)

    def edit(before: Configuration) -> Configuration:
        settings = replace(before.settings, sbr=sbr)
        known = (KnownNode(1, lnn, "GLaDOS-1"), KnownNode(2, 2, "GLaDOS-2"))
        return replace(before, nodes=known, groupnets=(groupnet,), next_number=9, settings=settings)

    change(Tree(str(node.root), str(node.ifs)), edit, author="a test", guarded=False)


def write_node(node: Node, number: int) -> None:
    settings = node.root / "etc/isi_net.toml"
    text = re.sub(r"devid = \d+\nlnn = \d+", f"devid = {number}\nlnn = {number}", settings.read_text())
    settings.write_text(text)


def kernel_state(node: Node) -> list[str]:
    """Links, addresses, routes and rules, but for what is each node's own."""
    shown = [
        node.namespace.ip("-4", "-oneline", "address", "show", "dev", "ext-1"),
        node.namespace.ip("route", "show", "table", "all"),
        node.namespace.ip("rule", "show"),
        str(node.link_mtu("ext-1")),
    ]
    return sorted(re.sub(r"^\d+: ", "", line) for line in "\n".join(shown).splitlines())


@contextmanager
def pinging(node: Node, address: str) -> Iterator[Callable[[], int]]:
    """Pings five times a second while the block runs; tells, when it is over, how many were lost."""
    ping = subprocess.Popen(
        ["ip", "netns", "exec", node.namespace.name, "ping", "-n", "-i", "0.2", "-O", address],
        stdout=subprocess.PIPE,
        text=True,
    )
    told: list[str] = []
    try:
        yield (
            lambda: (
                int(re.findall(r"(\d+) packets transmitted", told[0])[0])
                - int(re.findall(r"(\d+) received", told[0])[0])
            )
        )
    finally:
        ping.send_signal(signal.SIGINT)
        told.append(ping.communicate(timeout=10)[0])


@contextmanager
def kernel_events(node: Node) -> Iterator[Callable[[], str]]:
    """What the kernel tells of addresses and routes while the block runs."""
    monitor = subprocess.Popen(
        ["ip", "-n", node.namespace.name, "-4", "monitor", "address", "route"],
        stdout=subprocess.PIPE,
        text=True,
    )
    told: list[str] = []
    time.sleep(0.3)
    try:
        yield lambda: told[0]
    finally:
        time.sleep(0.3)
        monitor.terminate()
        told.append(monitor.communicate(timeout=10)[0])


@contextmanager
def watched_addresses(node: Node) -> Iterator[Callable[[], list[list[str]]]]:
    """Every set of addresses that the NIC has while the block runs, by what the kernel tells."""
    begun = addresses(node)
    monitor = subprocess.Popen(
        ["ip", "-n", node.namespace.name, "-4", "-oneline", "monitor", "address"],
        stdout=subprocess.PIPE,
        text=True,
    )
    told: list[str] = []
    time.sleep(0.3)

    def seen() -> list[list[str]]:
        states = [list(begun)]
        for line in told[0].splitlines():
            found = re.search(r"inet (\S+)", line)
            assert found is not None, line
            now = [one for one in states[-1] if one != found[1]]
            states.append(now if line.startswith("Deleted") else [*now, found[1]])
        return states

    try:
        yield seen
    finally:
        monitor.terminate()
        told.append(monitor.communicate(timeout=10)[0])


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
