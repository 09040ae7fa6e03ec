"""A node's own file: what lies there is used, put right or left alone."""

import os
from pathlib import Path

import pytest

from isi_net.errors import FormatError, NewerSchema, Unwritable
from isi_net.store.own_file import OwnFile


class Reader:
    """Parses words of ASCII, and counts how often."""

    def __init__(self) -> None:
        self.read = 0

    def __call__(self, data: bytes, where: str) -> str:
        self.read += 1
        if data == b"newer":
            raise NewerSchema("schema 2", where)
        try:
            return data.decode("ascii")
        except UnicodeDecodeError:
            raise FormatError("not ASCII", where) from None


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
def own(tmp_path: Path, reader: Reader) -> OwnFile[str]:
    return OwnFile(str(tmp_path / "reports/node.4"), 100, reader)


def test_what_was_put_lies_there_and_is_read_once(own: OwnFile[str], reader: Reader) -> None:
    assert own.lying_there() is None
    own.put(b"one")
    assert [own.lying_there() for _ in range(3)] == ["one"] * 3
    assert reader.read == 1
    own.put(b"two")
    assert own.lying_there() == "two"


@pytest.mark.parametrize("spoilt", [b"\xff", b"x" * 101, None])
def test_what_cannot_be_used_is_as_good_as_none(own: OwnFile[str], spoilt: bytes | None) -> None:
    own.put(b"one")
    path = Path(own.path)
    if spoilt is None:
        path.rename(path.with_name("elsewhere"))
        path.symlink_to("elsewhere")
    else:
        path.write_bytes(spoilt)
    assert own.lying_there() is None


def test_what_a_newer_release_wrote_is_an_error(own: OwnFile[str]) -> None:
    own.put(b"newer")
    with pytest.raises(NewerSchema):
        own.lying_there()


def test_what_is_no_file_is_not_written_over(own: OwnFile[str]) -> None:
    os.makedirs(own.path)
    assert own.lying_there() is None
    with pytest.raises(Unwritable):
        own.put(b"one")


def test_only_what_a_former_daemon_staged_for_this_file_is_swept(own: OwnFile[str], tmp_path: Path) -> None:
    directory = tmp_path / "reports"
    directory.mkdir()
    others = [".node.4.notes", ".node.4.0011223344556677.bak", ".node.44.0011223344556677", "node.4.bak"]
    for name in (".node.4.0011223344556677", *others):
        (directory / name).touch()
    own.put(b"one")
    assert sorted(os.listdir(directory)) == sorted([*others, "node.4"])
