"""What a node's daemon says of its services as JSON: `/var/run/isi_net/services`.

The node's own file, which need not outlive a reboot.  Nothing is decided from it.  Opens nothing.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from isi_net.formats import json_document
from isi_net.formats.json_document import MIB, SCHEMA, Number, Time
from isi_net.formats.times import utc
from isi_net.model.service import Service, State

MAX = MIB
MAX_TEXT = 500

Pid = Annotated[int, Meta(ge=1, le=2**31 - 1)]  # what kill(2) takes
Text = Annotated[str, Meta(max_length=MAX_TEXT)]


class _Service(msgspec.Struct, frozen=True):
    name: str
    enabled: bool
    by_hand: bool
    state: State
    reason: Text
    pid: Pid | None
    since: Time | None
    starts: Number
    last_exit: Text
    next_try: Time | None


class _Said(msgspec.Struct, frozen=True):
    schema: int
    services: tuple[_Service, ...]


def parse(data: bytes, name: str = "") -> tuple[Service, ...]:
    """The services in `data`; else NewerSchema or FormatError, which give `name` for the place."""
    read = json_document.parse(data, _Said, name, MAX)
    return tuple(
        Service(
            name=one.name,
            enabled=one.enabled,
            by_hand=one.by_hand,
            state=one.state,
            reason=one.reason,
            pid=one.pid,
            since=None if one.since is None else json_document.seconds(one.since),
            starts=one.starts,
            last_exit=one.last_exit,
            next_try=None if one.next_try is None else json_document.seconds(one.next_try),
        )
        for one in read.services
    )


def render(services: tuple[Service, ...]) -> bytes:
    """`services` as bytes, by name.  Texts longer than their bound are cut."""
    return json_document.render(
        _Said(
            SCHEMA,
            tuple(
                _Service(
                    name=one.name,
                    enabled=one.enabled,
                    by_hand=one.by_hand,
                    state=one.state,
                    reason=json_document.text(one.reason, MAX_TEXT),
                    pid=one.pid,
                    since=None if one.since is None else utc(one.since),
                    starts=one.starts,
                    last_exit=json_document.text(one.last_exit, MAX_TEXT),
                    next_try=None if one.next_try is None else utc(one.next_try),
                )
                for one in sorted(services, key=lambda one: one.name)
            ),
        )
    )
