"""The completions in the real shells: what stands in the line after TAB."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import fixed_cluster
import pytest
from needs import missing, need

from isi_net.formats import flx_config
from isi_net.model.names import GroupnetId
from isi_net.model.network import Configuration, Groupnet, Node, Pool, Subnet
from isi_net.store.tree import Tree

HOUSE = Path(__file__).parents[2]
COMPLETIONS = HOUSE / "completions"
PATIENCE_SECONDS = 20.0

# Each prints the line as it stands when C-x d is typed, between marks that nobody types.
BASH = f"""
source {COMPLETIONS}/isi_net.bash
bind 'set bell-style none'
bind 'set completion-query-items 0'
bind 'set page-completions off'
bind -x '"\\C-xd": printf "<<<%s>>>" "$READLINE_LINE"'
"""
ZSH = f"""
fpath=({COMPLETIONS} $fpath)
autoload -Uz compinit && compinit -u -D
unsetopt beep automenu listambiguous
LISTMAX=10000
dump() {{ print -rn -- "<<<$BUFFER>>>" }}
zle -N dump
bindkey -e
bindkey '^Xd' dump
"""
FISH = f"""
source {COMPLETIONS}/isi_net.fish
while read --local line
    complete -C $line
    echo
end
"""


class Interactive:
    """bash or zsh at a terminal."""

    def __init__(self, command: list[str], environment: dict[str, str], directory: Path) -> None:
        self._terminal, theirs = os.openpty()
        self._process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=directory
        )
        os.close(theirs)
        self.tab("")

    def tab(self, line: str) -> str:
        """The line after `line` and TAB."""
        keys = f"\x15{line}\t" if line else ""  # C-u: whatever stands there goes
        os.write(self._terminal, f"{keys}\x18d".encode())
        said, until = b"", time.monotonic() + PATIENCE_SECONDS
        while b">>>" not in said:
            assert time.monotonic() < until, said
            if select.select([self._terminal], [], [], 0.1)[0]:
                said += os.read(self._terminal, 1 << 16)
        text = said.decode()
        assert "rror" not in text.partition("<<<")[0]
        return text.partition("<<<")[2].partition(">>>")[0]

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._terminal)


class Fish:
    """fish, which tells its completions without a terminal."""

    def __init__(self, environment: dict[str, str], directory: Path) -> None:
        self._process = subprocess.Popen(
            ["fish", "--no-config", "-c", FISH],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=directory,
            text=True,
            bufsize=1,
        )

    def tab(self, line: str) -> str:
        """The line after `line` and TAB."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\n")
        words = []
        while (said := self._process.stdout.readline()) != "\n":
            assert said, "fish has ended"
            assert "rror" not in said
            words.append(said.rstrip("\n").partition("\t")[0])
        if not words:
            return line
        end = " " if len(words) == 1 and not words[0].endswith("/") else ""
        return line[: line.rindex(" ") + 1] + os.path.commonprefix(words) + end  # noqa: RUF071 - of characters

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


Shell = Interactive | Fish


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the fixed cluster in it, another cluster, a broken one, and a program to complete."""
    home = tmp_path_factory.mktemp("home")
    fixed_cluster.make(home / "cluster")
    write(
        home / "other",
        Configuration(
            revision=3,
            nodes=(Node(1, 1, "$(touch pwned)"), Node(2, 2, "`touch pwned`"), Node(3, 3, "x;touch pwned")),
        )
        .with_groupnet(Groupnet(1, "nets"))
        .with_subnet(GroupnetId("nets"), Subnet(1, "west", "ipv4", 24, pools=(Pool(1, "blue"),))),
    )
    fixed_cluster.write(Tree(str(home / "broken")).revision(7), b"<flx_config")
    program = home / "bin" / "isi_net"
    fixed_cluster.write(str(program), f'#!/bin/sh\nexec {sys.executable} -m isi_net "$@"\n'.encode())
    program.chmod(0o755)
    (home / "shared-things").mkdir()
    (home / "shared-things" / "draft.xml").touch()
    return home


def write(root: Path, configuration: Configuration) -> None:
    path = Tree(str(root)).revision(configuration.revision)
    fixed_cluster.write(path, flx_config.render(configuration))


@pytest.fixture(scope="module", params=["bash", "zsh", "fish"])
def shell(request: pytest.FixtureRequest, directory: Path) -> Iterator[Shell]:
    name: str = request.param
    need(missing({name: name}))
    environment = {
        "PATH": f"{directory}/bin:{os.environ['PATH']}",
        "HOME": str(directory),
        "PYTHONPATH": str(HOUSE),
        "ISI_NET_ROOT": str(directory / "cluster"),
        "TERM": "dumb",
        "LC_ALL": "C.UTF-8",
        "PS1": "",
    }
    started: Shell
    if name == "fish":
        started = Fish(environment, directory)
    elif name == "bash":
        fixed_cluster.write(str(directory / "bashrc"), BASH.encode())
        rc = str(directory / "bashrc")
        started = Interactive(["bash", "--noprofile", "--rcfile", rc, "-i"], environment, directory)
    else:
        fixed_cluster.write(str(directory / ".zshrc"), ZSH.encode())
        started = Interactive(["zsh", "-d", "-i"], environment, directory)
    try:
        yield started
    finally:
        started.close()


@pytest.mark.parametrize(
    ("line", "after"),
    {
        "isi_net po": "isi_net pools ",
        "isi_net pools v": "isi_net pools view ",
        "isi_net int list --show": "isi_net int list --show-inactive ",
        "isi_net pools list --format j": "isi_net pools list --format json ",
        "isi_net pools list --format=j": "isi_net pools list --format=json ",
        "isi_net pools view g": "isi_net pools view groupnet0.subnet",
        "isi_net pools view lab": "isi_net pools view lab-1.six.empty ",
        "isi_net pools view lab-1:six:": "isi_net pools view lab-1:six:empty ",
        "isi_net int list --owner=lab-1:s": "isi_net int list --owner=lab-1:six.empty ",
        "isi_net pools modify x --ifaces 1:ext-2,3:ext-2": "isi_net pools modify x --ifaces 1:ext-2,3:ext-2 ",
        "isi_net pools modify x --ifaces 1:ext-1,2:": "isi_net pools modify x --ifaces 1:ext-1,2:ext-",
        "isi_net config rollback ": "isi_net config rollback 12 ",
        "isi_net dhcp lease show ": "isi_net dhcp lease show ext-",
        "isi_net --root other pools view ": "isi_net --root other pools view nets.west.blue ",
        "isi_net --root ~/other pools view n": "isi_net --root ~/other pools view nets.west.blue ",
        "isi_net --root 'other' conf ro ": "isi_net --root 'other' conf ro 3 ",
        "isi_net --ifs $HOME/other/ifs conf ro ": "isi_net --ifs $HOME/other/ifs conf ro 3 ",
        "isi_net --root sha": "isi_net --root shared-things/",
        "isi_net --root=sha": "isi_net --root=shared-things/",
        "isi_net config check shared-things/": "isi_net config check shared-things/draft.xml ",
        "isi_net config diff shared-things/d": "isi_net config diff shared-things/draft.xml ",
        "isi_net dhcp lease show --file=shared-things/": (
            "isi_net dhcp lease show --file=shared-things/draft.xml "
        ),
    }.items(),
)
def test_tab_completes(shell: Shell, line: str, after: str) -> None:
    assert shell.tab(line) == after


@pytest.mark.parametrize(
    "line",
    [
        "isi_net nonsense ",
        "isi_net p x",
        "isi_net --root broken pools view ",
        "isi_net --root other merger explain x",
        "isi_net --root other merger explain '$",
    ],
)
def test_tab_leaves_the_line_alone_and_says_nothing(shell: Shell, line: str, directory: Path) -> None:
    assert shell.tab(line) == line
    assert not (directory / "pwned").exists()


@pytest.mark.parametrize("shell", ["bash", "zsh"], indirect=True)
def test_tab_completes_where_the_cursor_is(shell: Shell) -> None:
    back = "\x02" * len(" x --format json")
    line = shell.tab(f"isi_net pools vi x --format json{back}")
    assert line.replace("  ", " ") == "isi_net pools view x --format json"  # zsh adds a space, bash none


def test_zsh_takes_its_file_sourced_as_well() -> None:
    """Then it is registered at once; loaded by its name, it is when it is first needed."""
    need(missing({"zsh": "zsh"}))
    script = f"autoload -Uz compinit; compinit -u -D; source {COMPLETIONS}/_isi_net; print $_comps[isi_net]"
    ran = subprocess.run(["zsh", "-f", "-c", script], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("_isi_net\n", "")
