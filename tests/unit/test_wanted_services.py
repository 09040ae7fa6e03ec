"""What is wanted of services outlives everything but a later wish; what is said, only in part."""

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from isi_net.errors import Error, FormatError, NewerSchema, NotFound, Refused
from isi_net.formats import wanted_services as file
from isi_net.model.service import Service, Wish, Wishes
from isi_net.services import FollowedWishes, Saying, said, service, services, wish, wish_restart, wishes
from isi_net.store.lock import FileLock
from isi_net.store.tree import Tree

RUNNING = Service(
    name="dhclient-ext-1",
    enabled=True,
    by_hand=False,
    state="running",
    reason="ext-1 is in groupnet0.subnet0.pool0",
    pid=os.getpid(),
    since=1_770_000_000.0,
    starts=1,
)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(str(tmp_path))


@pytest.fixture
def daemon(tree: Tree) -> FileLock:
    """What of a daemon others see."""
    lock = FileLock(tree.daemon_lock)
    lock.open()
    assert lock.try_now()
    return lock


def test_nobody_said_anything_at_first(tree: Tree) -> None:
    assert wishes(tree).enabled("dhclient-ext-1") is None
    assert services(tree, []) == (
        Service("flexnet", enabled=False, by_hand=False, state="stopped", reason="nobody enabled it"),
    )


def test_a_wish_lasts_until_the_next_one(tree: Tree) -> None:
    wish(tree, "dhclient-ext-1", True)
    wish(tree, "flexnet", False)
    wish_restart(tree, "dhclient-ext-1")
    assert wishes(tree) == Wishes({"dhclient-ext-1": Wish(True, 1), "flexnet": Wish(False, 0)})
    wish(tree, "dhclient-ext-1", False)
    assert wishes(tree).of("dhclient-ext-1") == Wish(False, 1)


def test_a_wish_that_changes_nothing_writes_nothing(tree: Tree) -> None:
    wish(tree, "flexnet", True)
    before = os.stat(tree.service_wishes).st_ino
    wish(tree, "flexnet", True)
    assert os.stat(tree.service_wishes).st_ino == before


def test_commands_at_once_lose_no_wish(tree: Tree) -> None:
    """Each is a process of its own, as administrators' commands are."""
    code = "import sys; from isi_net import services; from isi_net.store.tree import Tree\n"
    code += "for _ in range(5): services.wish_restart(Tree(sys.argv[1]), sys.argv[2])"
    names = ["flexnet", "flexnet", "dhclient-ext-1", "dhclient-ext-1"]

    def ask(name: str) -> int:
        return subprocess.run([sys.executable, "-c", code, tree.root, name], check=True).returncode

    with ThreadPoolExecutor() as pool:
        assert list(pool.map(ask, names)) == [0] * 4
    assert wishes(tree) == Wishes({"dhclient-ext-1": Wish(None, 10), "flexnet": Wish(None, 10)})


def test_who_cannot_get_at_the_wishes_says_so(tree: Tree) -> None:
    lock = FileLock(tree.service_wishes_lock)
    lock.open()
    assert lock.try_now()
    with pytest.raises(Refused, match="another command is changing services"):
        wish(tree, "flexnet", True, patience=0.05)
    lock.close()


@pytest.mark.parametrize(
    ("spoilt", "error"),
    [
        (b"", FormatError),
        (b"{", FormatError),
        (b'{"schema": 1}', FormatError),
        (b'{"schema": 2, "services": []}', NewerSchema),
        (b'{"schema": 1, "services": [{"name": "../x", "enabled": true, "restarts": 0}]}', FormatError),
        (b'{"schema": 1, "services": [{"name": "flexnet", "enabled": 1, "restarts": 0}]}', FormatError),
        (b'{"schema": 1, "services": [{"name": "flexnet", "enabled": true, "restarts": -1}]}', FormatError),
        (
            b'{"schema": 1, "services": [{"name": "flexnet", "enabled": true, "restarts": 0}, '
            b'{"name": "flexnet", "enabled": false, "restarts": 0}]}',
            FormatError,
        ),
    ],
)
def test_spoilt_wishes_are_not_written_over(tree: Tree, spoilt: bytes, error: type[Exception]) -> None:
    wish(tree, "dhclient-ext-1", False)
    Path(tree.service_wishes).write_bytes(spoilt)
    with pytest.raises(error) as told:
        wish(tree, "flexnet", True)
    assert tree.service_wishes in str(told.value)
    assert told.value.todo
    assert Path(tree.service_wishes).read_bytes() == spoilt


def test_the_daemon_goes_on_with_the_last_wishes_that_it_could_read(tree: Tree) -> None:
    following = FollowedWishes(tree)
    assert following.look() == Wishes()
    wish(tree, "flexnet", True)
    good = following.look()
    assert good is not None
    assert good.enabled("flexnet")
    Path(tree.service_wishes).write_bytes(b"{")
    assert following.look() == good
    assert following.trouble is not None
    Path(tree.service_wishes).write_bytes(file.render(good))
    assert following.look() == good
    assert following.trouble is None


def test_a_daemon_that_never_could_read_the_wishes_knows_none(tree: Tree) -> None:
    """It must not start what somebody may have disabled."""
    wish(tree, "flexnet", False)
    Path(tree.service_wishes).write_bytes(b"{")
    assert FollowedWishes(tree).look() is None


@pytest.mark.parametrize("pid", [-1, 0, 2**31, 2**40])
def test_what_can_be_no_process_is_a_format_error(tree: Tree, pid: int) -> None:
    """The kernel would be asked about it, and kill(2) takes no such number, or means a whole group."""
    Saying(tree).say("clients", [replace(RUNNING, pid=4711)])
    path = Path(tree.services_said)
    path.write_text(path.read_text().replace("4711", str(pid)))
    with pytest.raises(FormatError, match="pid"):
        said(tree)


def test_wishes_for_more_services_than_a_node_can_have_are_refused(tree: Tree) -> None:
    most = {f"dhclient-ext-{number}": Wish(True) for number in range(file.MAX_SERVICES)}
    assert file.parse(file.render(Wishes(most))) == Wishes(most)
    with pytest.raises(FormatError, match="1001 services are more than the 1000"):
        file.parse(file.render(Wishes({**most, "flexnet": Wish(True)})), tree.service_wishes)


@pytest.mark.parametrize("spoilt", [b"", b"{", b'{"schema": 2, "services": []}', None])
def test_what_the_daemon_said_and_nobody_can_read_is_nothing_said(tree: Tree, spoilt: bytes | None) -> None:
    path = Path(tree.services_said)
    path.parent.mkdir(parents=True)
    if spoilt is None:
        path.mkdir()
    else:
        path.write_bytes(spoilt)
    doubts: list[Error] = []
    assert [one.name for one in services(tree, ["ext-1"], doubts.append)] == ["dhclient-ext-1", "flexnet"]
    assert [str(path) in str(one) for one in doubts] == [True]


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(b"")])
def test_what_is_said_is_written_again_where_it_was_spoilt(
    tree: Tree, spoil: Callable[[Path], object]
) -> None:
    saying = Saying(tree)
    saying.say("clients", [RUNNING])
    spoil(Path(tree.services_said))
    saying.say("clients", [RUNNING])
    assert said(tree) == (RUNNING,)


def test_a_wish_that_no_daemon_has_seen_says_that_it_is_down(tree: Tree) -> None:
    wish(tree, "dhclient-ext-1", True)
    one, other, flexnet = services(tree, ["ext-1", "ext-2"])
    assert (one.enabled, one.state, one.reason) == (True, "stopped", "by hand; the daemon is down")
    assert (other.reason, flexnet.reason) == ("the daemon is down", "nobody enabled it")


@pytest.mark.usefixtures("daemon")
def test_a_wish_that_the_daemon_has_not_seen_says_so(tree: Tree) -> None:
    wish(tree, "dhclient-ext-1", True)
    assert service(tree, [], "dhclient-ext-1").reason == "by hand; the daemon has not seen it yet"
    assert service(tree, ["ext-2"], "dhclient-ext-2").reason == "the daemon has said nothing of it yet"


def test_what_is_said_is_written_when_it_is_new(tree: Tree) -> None:
    saying = Saying(tree)
    flexnet = Service("flexnet", enabled=False, by_hand=False, state="stopped")
    saying.say("clients", [RUNNING])
    saying.say("flexnet", [flexnet])
    assert said(tree) == (RUNNING, flexnet)
    before = os.stat(tree.services_said).st_ino
    saying.say("clients", [RUNNING])
    assert os.stat(tree.services_said).st_ino == before


@pytest.mark.usefixtures("daemon")
def test_a_service_runs_while_its_daemon_and_its_process_do(tree: Tree) -> None:
    Saying(tree).say("clients", [RUNNING])
    assert service(tree, [], "dhclient-ext-1") == RUNNING


def test_nothing_runs_while_the_daemon_is_down(tree: Tree) -> None:
    Saying(tree).say("clients", [RUNNING])
    one = service(tree, [], "dhclient-ext-1")
    assert (one.enabled, one.state, one.pid, one.reason) == (True, "stopped", None, "the daemon is down")


@pytest.mark.usefixtures("daemon")
def test_a_process_that_is_gone_does_not_run(tree: Tree) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    one = Service("dhclient-ext-1", enabled=True, by_hand=False, state="running", pid=gone.pid)
    Saying(tree).say("clients", [one])
    assert service(tree, [], "dhclient-ext-1").state == "stopped"


def test_a_wish_is_seen_before_the_daemon_has_seen_it(tree: Tree) -> None:
    Saying(tree).say("clients", [RUNNING])
    wish(tree, "dhclient-ext-1", False)
    one = service(tree, [], "dhclient-ext-1")
    assert (one.enabled, one.by_hand) == (False, True)


def test_services_are_those_that_somebody_speaks_of(tree: Tree) -> None:
    """The settings, a wish, or the daemon."""
    Saying(tree).say("clients", [RUNNING])
    wish(tree, "dhclient-ext-2", False)
    names = ["dhclient-ext-1", "dhclient-ext-2", "dhclient-ext-3", "flexnet"]
    assert [one.name for one in services(tree, ["ext-3"])] == names
    with pytest.raises(NotFound, match="no service 'dhclient-ext-4'"):
        service(tree, ["ext-3"], "dhclient-ext-4")
