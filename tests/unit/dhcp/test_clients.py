"""What DHCP clients are told, and that each is known again by its command line."""

from pathlib import Path

import pytest

from isi_net.dhcp.clients import CLIENTS, DHCLIENT, DHCPCD, Client, find, meant, whose
from isi_net.dhcp.processes import Process
from isi_net.store.tree import Tree

OURS = "/srv/node1/var/run/isi_net/dhclient-ext-1.conf"


@pytest.fixture
def tree() -> Tree:
    return Tree("/srv/node1")


@pytest.mark.parametrize("client", CLIENTS, ids=lambda one: one.name)
@pytest.mark.parametrize("root", ["/", "/srv/node1", "/srv/*", "/srv/*/*"])
def test_a_client_is_known_again_by_its_command_line(client: Client, root: str) -> None:
    tree, other = Tree(root), Tree("/srv/node2")
    launch = client.launch("/sbin/x", tree, "ext-1", "ens5")
    assert launch.mark == tree.client_configuration("ext-1")
    name = "sh" if "/bin/sh" in launch.command else client.name
    assert whose(tree, Process(1, 1, name, launch.command)) == "ext-1"
    assert whose(other, Process(1, 1, name, launch.command)) is None


def test_a_client_of_somebody_elses_is_not_ours(tree: Tree) -> None:
    """Though it keeps its leases where ours does."""
    command = ("dhclient", "-cf", "/etc/dhclient.conf", "-lf", tree.lease("ext-1"), "ext-1")
    assert whose(tree, Process(1, 1, "dhclient", command)) is None


@pytest.mark.parametrize("command", [("sh", "-c", 'vi "$1"', "sh", OURS), ("sh", "edit.sh", OURS)])
def test_a_shell_that_only_names_our_configuration_is_somebodys(tree: Tree, command: tuple[str, ...]) -> None:
    assert tree.client_configuration("ext-1") == OURS
    assert whose(tree, Process(1, 1, "sh", command)) is None


def test_dhclient_configures_nothing(tree: Tree) -> None:
    command = DHCLIENT.launch("/sbin/dhclient", tree, "ext-1", "ens5").command
    assert command[-3:] == ("-sf", command[-2], "ens5")
    assert Path(command[-2]).name == "true"
    assert "-d" in command
    assert "-4" in command
    assert command[command.index("-lf") + 1] == tree.lease("ext-1")


def test_dhcpcd_configures_nothing(tree: Tree) -> None:
    command = DHCPCD.launch("/sbin/dhcpcd", tree, "ext-1", "ens5").command
    assert {"--noconfigure", "--ipv4only", "--nobackground"} <= set(command)
    assert command[-1] == "ens5"


def test_dhcpcd_has_mounts_of_its_own_below_another_root(tree: Tree) -> None:
    """Its directories are compiled in."""
    apart, plain = (DHCPCD.launch("/sbin/dhcpcd", one, "ext-1", "ens5") for one in (tree, Tree("/")))
    assert apart.command[0] == "unshare"
    assert apart.directories == (tree.dhcpcd_leases, tree.dhcpcd_run)
    assert plain.command[0] == "/bin/sh"
    assert plain.directories == ()
    assert DHCPCD.lease(tree, "ext-1", "ens5") == "/srv/node1/var/lib/dhcpcd/ens5.lease"


def program(directory: Path, name: str) -> str:
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text("")
    path.chmod(0o755)
    return str(path)


def test_auto_is_dhclient_where_it_is_and_else_dhcpcd(tmp_path: Path) -> None:
    places = (str(tmp_path / "bin"), str(tmp_path / "sbin"))
    assert find("auto", places) is None
    dhcpcd = program(tmp_path / "bin", "dhcpcd")
    assert [(one.client.name, one.program) for one in [find("auto", places)] if one] == [("dhcpcd", dhcpcd)]
    dhclient = program(tmp_path / "sbin", "dhclient")
    assert [(one.client.name, one.program) for one in [find("auto", places)] if one] == [
        ("dhclient", dhclient)
    ]
    assert [one.client.name for one in [find("dhcpcd", places)] if one] == ["dhcpcd"]


def test_none_means_no_client(tmp_path: Path) -> None:
    program(tmp_path, "dhclient")
    assert meant("none") == ()
    assert find("none", (str(tmp_path),)) is None


NICS = ("lo", "ens5", "ens6")


@pytest.mark.parametrize(
    ("name", "command", "serves"),
    [
        ("dhclient", "/sbin/dhclient -4 -v ens5", True),
        ("dhclient", "dhclient", True),
        ("dhclient", "dhclient -pf /run/dhclient.ens6.pid -lf /x/ens5 ens6", False),
        ("dhclient", "dhclient -6 ens5", False),
        ("dhclient", "dhclient ens5 ens6", True),
        ("dhcpcd", "dhcpcd:\0ens5 [ip4]", True),
        ("dhcpcd", "dhcpcd: [manager] [ip4] [ip6]", True),
        ("dhcpcd", "dhcpcd:\0ens5 [ip4] [ip6]", True),
        ("dhcpcd", "dhcpcd:\0ens5 [ip6]", False),
        ("dhcpcd", "dhcpcd: [manager] [ip6]", False),
        ("dhcpcd", "dhcpcd: [DHCP6 proxy] fe80::1", False),
        ("dhcpcd", "dhcpcd --ipv6only ens5", False),
        ("dhcpcd", "dhcpcd -6 ens5", False),
        ("dhcpcd", "dhcpcd -4 ens5", True),
        ("dhcp6c", "dhcp6c ens5", False),
        ("dhcp6c", "dhcp6c", False),
        ("dhcpcd", "dhcpcd: [BPF BOOTP] ens6", False),
        ("udhcpc", "udhcpc -i ens5 -f", True),
        ("udhcpc", "udhcpc -i ens6", False),
        ("sh", "sh -c dhclient ens5", False),
        ("dhcpd", "dhcpd ens5", False),
        ("vi", "vi ens5", False),
    ],
)
def test_whether_a_process_serves_a_nic(name: str, command: str, serves: bool) -> None:
    words = tuple(command.replace("\0", " ", 1).split() if "\0" not in command else [command])
    assert Process(1, 1, name, words).serves("ens5", NICS) is serves
