"""What the JSON formats have in common: a version, a size, and errors that name the field.

A format is a msgspec Struct whose first field is `schema`; this is the border where its bytes become
values.  Fields that this program does not know are passed over, so that a later program may add some;
what it may not do without a new version is change the meaning of one.  Opens nothing.
"""

import contextlib
import re
from datetime import datetime
from ipaddress import IPv4Address
from typing import Annotated, Any, Protocol, TypeVar

import msgspec
from msgspec import Meta

from isi_net.errors import FormatError, NewerSchema
from isi_net.model.addresses import ipv4, spelled

SCHEMA = 1
MIB = 1024 * 1024

Devid = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Lnn = Annotated[int, Meta(ge=1, le=65535)]
Number = Annotated[int, Meta(ge=0)]
Word = Annotated[str, Meta(max_length=128)]
Name = Annotated[str, Meta(max_length=255)]
Time = Annotated[datetime, Meta(tz=True)]


class _Versioned(Protocol):
    @property
    def schema(self) -> int: ...


_Document = TypeVar("_Document", bound=_Versioned)
_BYTE = re.compile(r" \(byte ([0-9]+)\)$")
_SURROGATE = re.compile("[\ud800-\udfff]")


class _Version(msgspec.Struct):
    schema: Annotated[int, Meta(ge=1)]


def parse(data: bytes, kind: type[_Document], name: str, limit: int = MIB) -> _Document:
    """`data` as a `kind`; NewerSchema, or a FormatError that names the field, when it is none."""
    if len(data) > limit:
        raise FormatError(f"{len(data)} bytes are more than the {limit} that this file may have", name)
    with contextlib.suppress(FormatError):
        document = _decode(data, kind, name)
        if document.schema == SCHEMA:
            return document
    # What is wrong with its version goes before anything else that is wrong with it.
    schema = _decode(data, _Version, name).schema
    if schema > SCHEMA:
        raise newer(schema, name)
    return _decode(data, kind, name)


def newer(schema: int, name: str) -> NewerSchema:
    """The refusal of a file that a later program wrote."""
    return NewerSchema(
        f"schema {schema} is newer than this program's {SCHEMA}", name, "upgrade isi_net on this node"
    )


def render(document: msgspec.Struct) -> bytes:
    """`document` in the order of its fields, for people to read."""
    return msgspec.json.format(msgspec.json.encode(document, enc_hook=spelled), indent=2) + b"\n"


def text(value: str, longest: int) -> str:
    """`value` as JSON and the bounds of its field can carry it: no lone surrogates, cut at `longest`."""
    cut = value[:longest]
    return cut if cut.isascii() else _SURROGATE.sub("\ufffd", cut)


def seconds(moment: datetime) -> float:
    """A time of a document as the model counts it."""
    return max(0.0, moment.timestamp())


def _decode(data: bytes, kind: type[_Document], name: str) -> _Document:
    try:
        return msgspec.json.decode(data, type=kind, dec_hook=_address)
    except (msgspec.DecodeError, UnicodeDecodeError) as why:
        # UnicodeDecodeError, because msgspec does not make it one of its own.
        what, line = str(why), 0
        if place := _BYTE.search(what):
            what, line = what[: place.start()], 1 + data.count(b"\n", 0, int(place[1]))
        elif isinstance(why, UnicodeDecodeError):
            what = f"not UTF-8: {why.reason}"
        raise FormatError(what, name, line=line) from None
    except RecursionError:
        raise FormatError("nested too deeply", name) from None


def _address(kind: type, value: Any) -> IPv4Address:
    """The one type that msgspec does not know; what is raised here, it places at the field."""
    if kind is IPv4Address and isinstance(value, str):
        return ipv4(value)
    raise TypeError(f"Expected `{kind.__name__}`, got `{type(value).__name__}`")
