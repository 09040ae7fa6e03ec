"""`isi_net services` speaks as `isi services` does, and works while the daemon is down."""

from pathlib import Path

import fixed_cluster
import pytest
from fixed_cluster import Ran

from isi_net.services import wishes
from isi_net.store.lock import FileLock
from isi_net.store.tree import Tree


@pytest.fixture
def cluster(tmp_path: Path) -> Path:
    fixed_cluster.make(tmp_path)
    return tmp_path


def test_it_says_what_isi_says(cluster: Path) -> None:
    for words, said in (
        ("-a flexnet", "Service 'flexnet' is disabled."),
        ("-a flexnet enable", "The service 'flexnet' has been enabled."),
        ("-a flexnet", "Service 'flexnet' is enabled."),
        ("-a flexnet disable", "The service 'flexnet' has been disabled."),
        ("enable dhclient-ext-1", "The service 'dhclient-ext-1' has been enabled."),
        ("restart dhclient-ext-1", "The service 'dhclient-ext-1' will be restarted when the daemon runs."),
        ("disable dhclient-ext-1", "The service 'dhclient-ext-1' has been disabled."),
        ("-a dhclient-ext-1", "Service 'dhclient-ext-1' is disabled."),
    ):
        assert fixed_cluster.run(cluster, "services", *words.split()) == Ran(0, f"{said}\n", "")
    assert wishes(Tree(str(cluster))).enabled("flexnet") is False


@pytest.mark.parametrize(
    "words", ["view dhclient-ext-9", "enable telnetd", "disable ../x", "restart x", "-a x", "-a x enable"]
)
def test_a_service_that_is_not_there_is_not_made(cluster: Path, words: str) -> None:
    before = wishes(Tree(str(cluster)))
    ran = fixed_cluster.run(cluster, "services", *words.split())
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith("Error: there is no service '")
    assert wishes(Tree(str(cluster))) == before


def test_what_is_disabled_is_not_restarted(cluster: Path) -> None:
    ran = fixed_cluster.run(cluster, "services", "restart", "dhclient-ext-2")
    assert (ran.status, ran.out) == (1, "")
    assert "isi_net services enable dhclient-ext-2" in ran.err


@pytest.mark.parametrize("words", ["-a flexnet remove", "-a flexnet list", "-a", "-a flexnet enable now"])
def test_what_cannot_stand_behind_a_name_is_a_usage_error(cluster: Path, words: str) -> None:
    ran = fixed_cluster.run(cluster, "services", *words.split())
    assert (ran.status, ran.out) == (2, "")
    assert wishes(Tree(str(cluster))).enabled("flexnet") is None


def test_a_daemon_that_runs_restarts_at_once(cluster: Path) -> None:
    lock = FileLock(Tree(str(cluster)).daemon_lock)
    lock.open()
    assert lock.try_now()
    ran = fixed_cluster.run(cluster, "services", "restart", "dhclient-ext-1")
    lock.close()
    assert ran == Ran(0, "The service 'dhclient-ext-1' will be restarted.\n", "")


SPOILT = '{"schema": 1, "services": [\n{"name": "\x1b[2J", "enabled": 1}]}'


@pytest.mark.parametrize("words", ["list", "enable flexnet", "-a flexnet"])
def test_a_spoilt_file_is_named_in_one_line(cluster: Path, words: str) -> None:
    path = "var/db/isi_net/services"
    (cluster / path).write_text(SPOILT)
    ran = fixed_cluster.run(cluster, "services", *words.split())
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.count("\n") == 1
    assert path in ran.err
    assert "correct it, or delete it and ask for everything again" in ran.err
    assert "\x1b" not in ran.err


@pytest.mark.parametrize("said", ["", SPOILT, '{"schema": 2, "services": []}'])
def test_what_the_daemon_said_is_needed_by_no_command(cluster: Path, said: str) -> None:
    path = "var/run/isi_net/services"
    (cluster / path).write_text(said)
    for words in ("disable dhclient-ext-1", "enable dhclient-ext-1", "restart dhclient-ext-1"):
        ran = fixed_cluster.run(cluster, "services", *words.split())
        assert (ran.status, ran.err) == (0, "")
    for words in ("list", "view dhclient-ext-1", "-a flexnet"):
        ran = fixed_cluster.run(cluster, "services", *words.split())
        assert ran.status == 0
        assert ran.err.startswith("Warning: what the daemon says of the services cannot be read: ")
        assert path in ran.err
        assert "\x1b" not in ran.err


def test_what_nobody_can_say_to_be_disabled_may_be_restarted(cluster: Path) -> None:
    (cluster / "var/run/isi_net/services").write_text("")
    assert fixed_cluster.run(cluster, "services", "restart", "dhclient-ext-1").status == 0
    assert fixed_cluster.run(cluster, "services", "restart", "dhclient-ext-2").status == 1
