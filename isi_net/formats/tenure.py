"""A tenure as JSON: `workers/tenures/<term>.json`, who held the merger's role, from when until when.

Nothing is decided from it but the number of the next term, which the file's name carries as well.
Opens nothing.
"""

import msgspec

from isi_net.formats import json_document
from isi_net.formats.json_document import SCHEMA, Devid, Lnn, Name, Number, Time, Word
from isi_net.formats.times import utc
from isi_net.model.tenure import Tenure


class _Tenure(msgspec.Struct, frozen=True):
    schema: int
    term: Number
    devid: Devid
    lnn: Lnn
    node: Name
    pid: Number
    since: Time = msgspec.field(name="from")
    until: Time | None
    ended: Word


def parse(data: bytes, name: str = "") -> Tenure:
    """The tenure that `data` holds; else NewerSchema or FormatError, which give `name` for the place."""
    read = json_document.parse(data, _Tenure, name)
    return Tenure(
        term=read.term,
        devid=read.devid,
        lnn=read.lnn,
        node=read.node,
        pid=read.pid,
        since=json_document.seconds(read.since),
        until=None if read.until is None else json_document.seconds(read.until),
        ended=read.ended,
    )


def render(tenure: Tenure) -> bytes:
    """`tenure` as bytes, its times to the microsecond."""
    return json_document.render(
        _Tenure(
            schema=SCHEMA,
            term=tenure.term,
            devid=tenure.devid,
            lnn=tenure.lnn,
            node=json_document.text(tenure.node, 255),
            pid=tenure.pid,
            since=utc(tenure.since),
            until=None if tenure.until is None else utc(tenure.until),
            ended=json_document.text(tenure.ended, 128),
        )
    )
