"""Hosts that find each other in a shared directory, and talk by files there.

Nothing that is being checked is relied upon: no lock, no clock, no link.  Every word is a file with a name of
its own that never changes; new names are seen at once on every file system measured.  What a host leaves
behind when it is killed is swept by a later check.
"""

import contextlib
import os
import platform
import re
import time
import uuid
from collections.abc import Callable
from secrets import token_hex
from typing import Annotated, NamedTuple, Self, TypeVar

import msgspec

from isi_net.errors import Error, FormatError, NotFound, Refused, Unreadable
from isi_net.store import atomic
from isi_net.store.read import names, read_seen
from isi_net.store.tree import Tree

_BEAT_SECONDS = 0.5
_DEAD_SECONDS = 3.0  # without a beat
_SETTLED_SECONDS = 1.5  # a listing may be a second old: then everybody has seen everybody
_GRACE_SECONDS = 10.0
_ANSWER_SECONDS = 30.0
_FAREWELL_SECONDS = 5.0
_ABANDONED_SECONDS = 3600.0
_PAUSE_SECONDS = 0.01
_MAX_BYTES = 1 << 20
_IN_WORDS: dict[type[BaseException], str] = {KeyboardInterrupt: "interrupted"}
_BOOT_ID = "/proc/sys/kernel/random/boot_id"

# A host's word is a part of paths: nothing else that lies there is believed to be one.
_TOKEN_BYTES = 6
_TOKEN = re.compile(f"[0-9a-f]{{{2 * _TOKEN_BYTES}}}")

_Message = TypeVar("_Message", bound=msgspec.Struct)


class Host(msgspec.Struct, frozen=True):
    """A host as it introduces itself; `machine` is different on every kernel."""

    name: str
    machine: str


def this_host() -> Host:
    """The host that we run on."""
    name = platform.node()
    try:
        with open(_BOOT_ID, encoding="ascii") as boot_id:
            return Host(name, f"{name} {boot_id.read().strip()}")
    except FileNotFoundError:  # no Linux
        return Host(name, f"{name} {uuid.getnode()}")


class Members(msgspec.Struct):
    """The words of all hosts of a party, in their order."""

    tokens: list[Annotated[str, msgspec.Meta(pattern=rf"\A{_TOKEN.pattern}\Z")]]


class _Farewell(msgspec.Struct):
    why: str


class _Seen(NamedTuple):
    beat: int
    at: float
    moved: bool


def decode(data: bytes, kind: type[_Message], path: str) -> _Message:
    """What a host said in the file `path`; FormatError when nobody can have said that."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise FormatError(f"no word of a check: {why}", path, "delete the file") from None


class Party:
    """The hosts that check together, in an order that all agree on; the first one leads.

    Leaving its `with`, for whatever reason, tells the others, and the last one takes everything away.
    """

    def __init__(self, tree: Tree, tokens: list[str], own: str, hello: str) -> None:
        self.me = tokens.index(own)
        self.size = len(tokens)
        self.hosts: list[Host] = []
        self._tree, self._tokens, self._hello = tree, tokens, hello
        self._run = tokens[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        """Says goodbye; the checks are over, so what cannot be taken away is left to a later one."""
        why = str(error) if isinstance(error, Error) else _IN_WORDS.get(kind, kind.__name__) if kind else ""
        with contextlib.suppress(Error):
            atomic.replace(self._word("bye", self._tokens[self.me]), msgspec.json.encode(_Farewell(why)))
            atomic.remove(self._hello)
            until = time.monotonic() + (_FAREWELL_SECONDS if self.me == 0 else 0)
            while not (all_gone := self._gone() == set(self._tokens)) and time.monotonic() < until:
                time.sleep(_PAUSE_SECONDS)
            if all_gone:
                _sweep(self._tree, self._run)

    def path(self, name: str) -> str:
        """Where something with this `name` is tried."""
        return os.path.join(self._tree.check_trial, f"{self._run}.{name}")

    def introduce(self, host: Host) -> None:
        """Has everybody know everybody.  Raises Refused when two of them are one host."""
        self.hosts = self.exchange("host", host)
        machines = [one.machine for one in self.hosts]
        for one in self.hosts:
            if machines.count(one.machine) > 1:
                raise Refused(f"{one.name} takes part twice", self._tree.check, "run it once on every host")

    def exchange(self, step: str, message: _Message, patience: float = 0.0) -> list[_Message]:
        """Says `message` to all, and gives back everybody's, in their order; so it is a rendezvous too.

        `patience` is how many seconds a step may well take.  Raises NotFound when somebody has left or
        does not answer.
        """
        atomic.replace(self._word(step, self._tokens[self.me]), msgspec.json.encode(message))
        said: dict[str, _Message] = {self._tokens[self.me]: message}
        until = time.monotonic() + _ANSWER_SECONDS + patience
        while True:
            present = names(self._tree.check_said)
            for token in self._tokens:
                path = self._word(step, token)
                if token not in said and os.path.basename(path) in present:
                    with contextlib.suppress(Unreadable):  # then it is read again
                        said[token] = decode(read_seen(path, _MAX_BYTES)[0], type(message), path)
            if len(said) == self.size:
                return [said[token] for token in self._tokens]
            for token in self._gone() - said.keys():
                path = self._word("bye", token)
                why = decode(read_seen(path, _MAX_BYTES)[0], _Farewell, path).why
                raise NotFound(
                    f"{self._name(token)} left the check" + (f": {why}" if why else ""), self._tree.check
                )
            if time.monotonic() > until:
                silent = ", ".join(self._name(token) for token in self._tokens if token not in said)
                what = f"{silent} did not answer for {_ANSWER_SECONDS + patience:.0f} s"
                raise NotFound(what, self._tree.check, "is it cut off from the file system?")
            time.sleep(_PAUSE_SECONDS)

    def _name(self, token: str) -> str:
        return self.hosts[self._tokens.index(token)].name if self.hosts else "another host"

    def _word(self, step: str, token: str) -> str:
        return os.path.join(self._tree.check_said, f"{self._run}.{step}.{token}")

    def _gone(self) -> set[str]:
        present = names(self._tree.check_said)
        return {token for token in self._tokens if os.path.basename(self._word("bye", token)) in present}


def meet(tree: Tree, wanted: int | None, wait: float, tick: Callable[[], None]) -> Party:
    """Waits for other hosts, and makes a party of those who came.

    It begins when `wanted` hosts are here; without, after `wait` seconds with whoever is.  Raises NotFound
    when fewer than `wanted` came in `wait` seconds.  `tick` is called several times a second.
    """
    own = token_hex(_TOKEN_BYTES)
    hello, beat = "", 0
    seen: dict[str, _Seen] = {}
    here: list[str] = []
    begun = changed = time.monotonic()
    try:
        while True:
            now = time.monotonic()
            if now - begun >= beat * _BEAT_SECONDS:
                beat += 1
                before, hello = hello, os.path.join(tree.check_hosts, f"{own}.{beat}")
                atomic.replace(hello, b"here\n")
                if before:
                    atomic.remove(before)
            _look(tree, seen, now)
            came = sorted({own} | {token for token, one in seen.items() if _lives(one, now)})
            if came != here:
                here, changed = came, now
            if party := _called(tree, own):
                return Party(tree, party, own, hello)
            over = now - begun >= wait
            if here[0] == own and (over or len(here) == wanted):
                settled = len(here) == 1 or now - changed >= _SETTLED_SECONDS
                if settled and (wanted is None or len(here) >= wanted):
                    members = msgspec.json.encode(Members(here))
                    atomic.replace(os.path.join(tree.check_said, f"{own}.party"), members)
                    return Party(tree, here, own, hello)
            if now - begun >= wait + _GRACE_SECONDS or (over and wanted is not None and len(here) < wanted):
                what = f"{len(here)} of {wanted or 'the'} hosts came in {now - begun:.0f} s"
                todo = "start it on all of them at once, with the same directory for --ifs"
                raise NotFound(what, tree.check, todo)
            tick()
            time.sleep(0.05)
    except BaseException:
        if hello:
            with contextlib.suppress(Error):
                atomic.remove(hello)
                _sweep(tree, own)
        raise


def _look(tree: Tree, seen: dict[str, _Seen], now: float) -> None:
    """Takes down whose beat has moved; a host that is checking already, or died, has none that does."""
    for name in names(tree.check_hosts):
        token, _, beat = name.partition(".")
        if not (_TOKEN.fullmatch(token) and beat.isdecimal()):
            continue
        known = seen.get(token)
        if known is None:
            seen[token] = _Seen(int(beat), now, False)
        elif int(beat) > known.beat:
            seen[token] = _Seen(int(beat), now, True)


def _lives(one: _Seen, now: float) -> bool:
    return one.moved and now - one.at < _DEAD_SECONDS


def _called(tree: Tree, own: str) -> list[str] | None:
    """The party that this host was called into."""
    for name in names(tree.check_said):
        if name.endswith(".party"):
            path = os.path.join(tree.check_said, name)
            with contextlib.suppress(Unreadable, FormatError):  # of a check that is over by now, or of none
                data, _ = read_seen(path, _MAX_BYTES, patience=0.2)
                tokens = decode(data, Members, path).tokens
                if own in tokens:
                    return tokens
    return None


def _sweep(tree: Tree, run: str) -> None:
    """Takes away all of one check, what others left an hour ago, and the directory when nobody is in it."""
    now = time.time()
    for directory in (tree.check_hosts, tree.check_said, tree.check_trial):
        for name in names(directory):
            path = os.path.join(directory, name)
            if name.lstrip(".").startswith(f"{run}.") or _age(path, now) > _ABANDONED_SECONDS:
                atomic.remove(path)
    if not names(tree.check_hosts):
        atomic.remove(tree.check)


def _age(path: str, now: float) -> float:
    try:
        return now - os.lstat(path).st_mtime
    except OSError:
        return 0.0
