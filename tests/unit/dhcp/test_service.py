"""Which clients run, turn by turn: on a machine that is described here, with children that are real."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from children import Child, child

from isi_net.dhcp.clients import Client, Installed, Launch
from isi_net.dhcp.leases import InterfaceLease
from isi_net.dhcp.processes import Process
from isi_net.dhcp.service import GONE_SECONDS, LOOK_SECONDS, DHCPClients, Rules
from isi_net.dhcp.supervisor import Supervisor
from isi_net.model.lease import Lease
from isi_net.model.network import Configuration, Node
from isi_net.model.service import Service, Wish, Wishes
from isi_net.store.tree import Tree

NOBODY_SAID = Wishes()
EMPTY = Configuration()
BY_HAND = Wishes({"dhclient-ext-1": Wish(True)})
NODE = Node(4, 3, "GLaDOS-3")
SLEEPS = "import time; time.sleep(60)"
OTHER = Process(812, 812, "dhclient", ("dhclient", "ens5"))


class Machine:
    """A machine with NICs, installed clients and running ones, and a daemon's clients on it."""

    def __init__(self, directory: Path) -> None:
        self.tree = Tree(str(directory))
        self.now = 1000.0
        self.nics = {"ens5": 2, "ens6": 3}
        self.running: list[Process] = []
        self.looks = 0
        self.log: list[str] = []
        self.script = "sleep 60"
        sleeper = Client("dhclient", "isc-dhcp-client", lambda tree, interface, _: "", self.launch)
        self.installed: Installed | None = Installed(sleeper, "/bin/sh")
        self.supervisor = Supervisor(
            self.log.append, lambda: self.now, lambda: self.now, lambda *_: None, lambda _: None
        )
        self.rules = Rules(NODE, {"ext-1": "ens5"}, in_cloud=True)
        self.settings_read()

    def launch(self, program: str, tree: Tree, interface: str, nic: str) -> Launch:
        mark = tree.client_configuration(interface)
        return Launch((program, "-c", self.script, mark, nic), mark, b"", ())

    def settings_read(self, **rules: object) -> None:
        """As when a daemon starts, or reads its settings again."""
        self.rules = replace(self.rules, **rules)
        self.clients = DHCPClients(
            self.tree,
            self.rules,
            self.supervisor,
            lambda: self.now,
            installed=lambda word: self.installed if word != "none" else None,
            running=self.looked,
            nics=lambda: self.nics,
        )

    def looked(self) -> list[Process]:
        self.looks += 1
        return self.running

    def turn(
        self,
        wishes: Wishes | None = NOBODY_SAID,
        network: Configuration | None = EMPTY,
        *leases: InterfaceLease,
        leases_read: bool = True,
    ) -> tuple[Service, set[str]]:
        """The service of ext-1 after a turn, and the codes of its findings."""
        turn = self.clients.turn(wishes, network, leases if leases_read else None)
        (one,) = (one for one in self.clients.services or () if one.name == "dhclient-ext-1")
        return one, {finding.code for finding in turn.findings}


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    yield machine
    machine.supervisor.end()


def lease(path: str, source: str = "networkd", runs: bool = True) -> InterfaceLease:
    held = Lease(
        interface="ext-1",
        address=IPv4Address("10.20.30.13"),
        prefixlen=24,
        gateway=None,
        server=None,
        dns_servers=(),
        domain_name=None,
        host_name=None,
        mtu=None,
        renew=None,
        rebind=None,
        expire=None,
    )
    return InterfaceLease("ext-1", path, held, source=source, runs=runs)


def test_a_client_starts_by_itself(machine: Machine) -> None:
    one, findings = machine.turn()
    assert (one.enabled, one.by_hand, one.state, findings) == (True, False, "running", set())
    assert one.reason == "it is the first external interface of a node in a cloud"
    again, _ = machine.turn()
    assert again == one


def test_no_client_starts_where_nobody_wants_one(machine: Machine) -> None:
    machine.settings_read(in_cloud=False)
    one, _ = machine.turn()
    assert (one.enabled, one.state) == (False, "stopped")


def test_a_client_that_is_not_wanted_any_more_is_ended(machine: Machine) -> None:
    machine.turn()
    one, _ = machine.turn(Wishes({"dhclient-ext-1": Wish(False)}))
    assert (one.enabled, one.by_hand, one.state, one.reason) == (False, True, "stopped", "disabled by hand")


def test_a_restart_that_was_asked_for_comes_once(machine: Machine) -> None:
    first, _ = machine.turn()
    second, _ = machine.turn(Wishes({"dhclient-ext-1": Wish(None, 1)}))
    third, _ = machine.turn(Wishes({"dhclient-ext-1": Wish(None, 1)}))
    assert first.pid != second.pid == third.pid
    assert third.starts == 2


def test_other_settings_leave_a_client_alone_that_is_still_wanted(machine: Machine) -> None:
    before, _ = machine.turn()
    machine.settings_read(node=Node(4, 9, "renamed"), interfaces={"ext-1": "ens5", "ext-2": "ens6"})
    after, _ = machine.turn()
    assert after.pid == before.pid


def test_another_nic_is_another_client(machine: Machine) -> None:
    before, _ = machine.turn()
    machine.nics["ens5"] = 9  # it was taken out and put in again
    after, _ = machine.turn()
    assert after.pid != before.pid
    assert after.state == "running"


@pytest.mark.parametrize("unknown", ["wishes", "network"])
def test_who_does_not_know_what_is_wanted_changes_nothing(machine: Machine, unknown: str) -> None:
    wishes, network = (None, EMPTY) if unknown == "wishes" else (NOBODY_SAID, None)
    machine.clients.turn(wishes, network, ())
    assert machine.supervisor.status("dhclient-ext-1").state == "stopped"
    before, _ = machine.turn()
    machine.settings_read(node=Node(4, 9, "renamed"))
    machine.clients.turn(wishes, network, ())
    assert machine.supervisor.status("dhclient-ext-1").pid == before.pid


def test_before_a_turn_has_decided_nothing_is_said(machine: Machine) -> None:
    machine.clients.turn(None, EMPTY, ())
    assert machine.clients.services is None


def test_a_client_that_runs_is_said_to_while_the_network_cannot_be_read(machine: Machine) -> None:
    before, _ = machine.turn()
    machine.settings_read(node=Node(4, 9, "renamed"))
    after, _ = machine.turn(NOBODY_SAID, None)
    assert (after.enabled, after.state, after.pid) == (True, "running", before.pid)
    assert after.reason == "the network configuration cannot be read yet"


def test_what_somebody_said_needs_no_network(machine: Machine) -> None:
    turn = machine.clients.turn(NOBODY_SAID, None, ())
    assert turn.sentence.startswith("the network configuration cannot be read yet: ")
    assert machine.turn(BY_HAND, None)[0].state == "running"
    assert machine.turn(Wishes({"dhclient-ext-1": Wish(False)}), None)[0].state == "stopped"
    assert machine.supervisor.status("dhclient-ext-1").state == "stopped"


def test_before_the_leases_were_read_nothing_starts_by_itself(machine: Machine) -> None:
    """Another client may have the interface: systemd-networkd is seen by its lease alone."""
    one, _ = machine.turn(leases_read=False)
    assert (one.enabled, one.state) == (False, "stopped")
    by_hand, _ = machine.turn(BY_HAND, leases_read=False)
    assert by_hand.state == "running"
    machine.settings_read()
    assert machine.turn(leases_read=False)[0].pid == by_hand.pid


# Another client.


def test_no_client_starts_by_itself_beside_another(machine: Machine) -> None:
    machine.running = [OTHER]
    one, findings = machine.turn()
    assert (one.enabled, one.state) == (False, "stopped")
    assert one.reason == "dhclient, pid 812, runs on ens5"
    assert findings == set()


def test_one_on_another_nic_is_no_hindrance(machine: Machine) -> None:
    machine.running = [OTHER._replace(words=("dhclient", "ens6"))]
    assert machine.turn()[0].state == "running"


def test_another_client_that_is_being_restarted_is_waited_for(machine: Machine) -> None:
    machine.running = [OTHER]
    machine.turn()
    machine.running = []
    for _ in range(int(GONE_SECONDS / LOOK_SECONDS)):
        machine.now += LOOK_SECONDS - 0.1
        assert machine.turn()[0].state == "stopped"
    machine.now += 1
    assert machine.turn()[0].state == "running"


def test_processes_are_looked_at_when_a_client_is_to_start_and_seldom_then(machine: Machine) -> None:
    machine.running = [OTHER]
    for _ in range(100):
        machine.turn()
        machine.now += 0.1
    assert machine.looks <= 3
    machine.running = []
    machine.now += GONE_SECONDS + LOOK_SECONDS
    machine.turn()
    looks = machine.looks
    for _ in range(100):
        machine.now += 1
        machine.turn()
    assert machine.looks == looks


def test_our_own_child_is_no_other_client(machine: Machine) -> None:
    before, _ = machine.turn()
    machine.running = [Process(one, one, "dhclient", ("dhclient", "ens5")) for one in [before.pid or 0]]
    restarted = Wishes({"dhclient-ext-1": Wish(None, 1)})
    assert machine.turn(restarted)[0].state == "running"


def test_where_another_clients_lease_is_used_none_starts_by_itself(machine: Machine) -> None:
    one, _ = machine.turn(NOBODY_SAID, EMPTY, lease("/run/systemd/netif/leases/2"))
    assert (one.enabled, one.reason) == (False, "networkd's lease is used, /run/systemd/netif/leases/2")


def test_another_client_whose_lease_was_just_lost_is_waited_for(machine: Machine) -> None:
    """Also when nothing wanted a client of ours meanwhile."""
    disabled = Wishes({"dhclient-ext-1": Wish(False)})
    machine.turn(disabled, EMPTY, lease("/run/systemd/netif/leases/2"))
    machine.now += 1
    assert machine.turn()[0].state == "stopped"
    machine.now += GONE_SECONDS
    assert machine.turn()[0].state == "running"


def test_another_clients_lease_that_ran_out_is_no_hindrance(machine: Machine) -> None:
    old = lease("/var/lib/dhclient/dhclient-ens5.leases", "dhclient", runs=False)
    assert machine.turn(NOBODY_SAID, EMPTY, old)[0].state == "running"


def test_our_own_lease_is_no_hindrance(machine: Machine) -> None:
    ours = lease(machine.tree.lease("ext-1"), "dhclient")
    assert machine.turn(NOBODY_SAID, EMPTY, ours)[0].state == "running"


@pytest.mark.parametrize(
    ("source", "state"),
    [("auto", "running"), ("dhclient", "running"), ("dhcpcd", "stopped"), ("networkd", "stopped")],
)
def test_whose_leases_are_read_decides_who_runs(machine: Machine, source: str, state: str) -> None:
    machine.settings_read(source=source)
    assert machine.turn()[0].state == state


def test_enabled_by_hand_it_runs_beside_another_and_that_is_said(machine: Machine) -> None:
    machine.running = [OTHER]
    one, findings = machine.turn(BY_HAND)
    assert (one.enabled, one.by_hand, one.state, findings) == (True, True, "running", {"two_clients"})


def test_that_lasts_as_long_as_the_other_one_runs(machine: Machine) -> None:
    machine.running = [OTHER]
    machine.turn(BY_HAND)
    for _ in range(10):
        machine.now += LOOK_SECONDS
        assert machine.turn(BY_HAND)[1] == {"two_clients"}
    machine.running = []
    machine.now += GONE_SECONDS
    assert machine.turn(BY_HAND)[1] == set()


def test_a_client_that_runs_is_not_ended_for_another(machine: Machine) -> None:
    """Nor are the two of them told to take turns."""
    before, _ = machine.turn()
    machine.running = [OTHER]
    for _ in range(10):
        machine.now += LOOK_SECONDS
        after, _ = machine.turn(NOBODY_SAID, EMPTY, lease("/run/systemd/netif/leases/2"))
        assert after.pid == before.pid


# What may be missing.


def test_without_an_installed_client_a_finding_names_the_packages(machine: Machine) -> None:
    machine.installed, there = None, machine.installed
    machine.settings_read()
    turn = machine.clients.turn(NOBODY_SAID, EMPTY, ())
    (finding,) = turn.findings
    assert (finding.code, (machine.clients.services or ())[0].state) == ("client_missing", "missing")
    for package in ("isc-dhcp-client", "dhcpcd-base", "isc-dhcp44-client"):
        assert package in finding.action
    machine.installed = there  # as soon as somebody has obeyed
    assert machine.turn()[0].state == "running"


def test_with_client_none_none_runs(machine: Machine) -> None:
    machine.settings_read(client="none")
    one, findings = machine.turn()
    assert (one.enabled, one.state, findings) == (False, "stopped", set())
    one, findings = machine.turn(BY_HAND)
    assert (one.enabled, one.state, one.reason) == (True, "missing", '[dhcp] client is "none"')
    assert findings == {"client_missing"}


def test_a_nic_that_is_not_there_is_waited_for(machine: Machine) -> None:
    del machine.nics["ens5"]
    one, findings = machine.turn()
    assert (one.state, one.reason, findings) == ("waiting", "there is no NIC ens5", {"interface_missing"})
    machine.nics["ens5"] = 4
    assert machine.turn()[0].state == "running"


def test_a_nic_that_goes_takes_its_client_with_it(machine: Machine) -> None:
    machine.turn()
    del machine.nics["ens5"]
    assert machine.turn()[0].state == "waiting"
    assert machine.supervisor.status("dhclient-ext-1").state == "stopped"


def test_an_interface_that_nobody_named_has_no_client(machine: Machine) -> None:
    turn = machine.clients.turn(Wishes({"dhclient-ext-9": Wish(True)}), EMPTY, ())
    assert {(one.place, one.code) for one in turn.findings} == {("dhclient-ext-9", "interface_missing")}
    states = {one.name: one.state for one in machine.clients.services or ()}
    assert states == {"dhclient-ext-1": "running", "dhclient-ext-9": "waiting"}


def test_a_client_that_does_not_stay_is_a_finding(machine: Machine) -> None:
    machine.script = "exit 1"
    codes: set[str] = set()
    for _ in range(6):
        one, codes = machine.turn()
        while machine.supervisor.status("dhclient-ext-1").state == "running":
            machine.supervisor.reap()
        machine.now += machine.supervisor.due()
    assert codes == {"client_failing"}
    assert one.last_exit == "exit status 1"


def test_a_client_that_cannot_be_started_is_a_finding_at_once(machine: Machine) -> None:
    Path(machine.tree.run).parent.mkdir(parents=True)
    Path(machine.tree.run).write_text("in the way")
    one, codes = machine.turn()
    assert (one.state, codes) == ("waiting", {"client_failing"})
    assert "not a directory" in one.reason


@pytest.fixture
def orphan(machine: Machine) -> Iterator[Child]:
    """What a former daemon left running for ext-1."""
    words = ("dhclient", "-c", SLEEPS, "-cf", machine.tree.client_configuration("ext-1"), "ens5")
    with child(*words, executable=sys.executable) as process:
        machine.running = [Process(process.pid, process.pid, "dhclient", words)]
        yield process


def test_an_orphan_is_ended_where_its_successor_starts(machine: Machine, orphan: Child) -> None:
    """Though the leases could not be read yet: a client of ours has the interface already."""
    one, findings = machine.turn(leases_read=False)
    assert orphan.wait(5) == -9
    assert (one.state, one.enabled, findings) == ("running", True, set())
    assert one.pid != orphan.pid


@pytest.mark.parametrize("network", [EMPTY, None])
def test_an_orphan_is_ended_where_there_is_to_be_none(
    machine: Machine, orphan: Child, network: Configuration | None
) -> None:
    one, _ = machine.turn(Wishes({"dhclient-ext-1": Wish(False)}), network)
    assert orphan.wait(5) == -9
    assert one.state == "stopped"


def test_an_orphan_of_an_interface_that_nobody_names_is_ended(machine: Machine, orphan: Child) -> None:
    machine.settings_read(interfaces={"ext-2": "ens6"})
    machine.clients.turn(NOBODY_SAID, None, ())
    assert orphan.poll() is None
    machine.clients.turn(NOBODY_SAID, EMPTY, ())
    assert orphan.wait(5) == -9


def test_a_storage_outage_ends_no_renewal(machine: Machine, orphan: Child) -> None:
    """A daemon that is restarted meanwhile leaves the former one's client alone, and says that it runs."""
    machine.clients.turn(None, None, ())
    for _ in range(2):
        one, _ = machine.turn(NOBODY_SAID, None)
        assert (one.enabled, one.state, one.pid) == (True, "running", orphan.pid)
    assert orphan.poll() is None
    after, _ = machine.turn(NOBODY_SAID, EMPTY)
    assert orphan.wait(5) == -9
    assert after.state == "running"


def test_without_an_installed_client_the_orphan_goes_on(machine: Machine, orphan: Child) -> None:
    machine.installed = None
    machine.settings_read()
    machine.turn()
    assert orphan.poll() is None


def test_a_client_that_waits_says_how_it_ended(machine: Machine) -> None:
    machine.script = "exit 2"
    reasons = []
    for _ in range(2):
        machine.turn()
        while machine.supervisor.status("dhclient-ext-1").state == "running":
            machine.supervisor.reap()
        reasons.append(machine.turn()[0].reason)
        machine.now += machine.supervisor.due()
    assert reasons == ["ended: exit status 2", "ended 2 times: exit status 2"]
