"""Tenure files and the spelling of times."""

import pytest

from isi_net.errors import BadValue, FormatError, NewerSchema
from isi_net.formats import times
from isi_net.formats.tenure import parse, render
from isi_net.model.tenure import Tenure

TENURE = Tenure(3, 4, 4, "GLaDOS-4", 3626, 1770481580.946863, 1770485180.5, "stepped down")
GOLDEN = b"""\
{
  "schema": 1,
  "term": 3,
  "devid": 4,
  "lnn": 4,
  "node": "GLaDOS-4",
  "pid": 3626,
  "from": "2026-02-07T16:26:20.946863Z",
  "until": "2026-02-07T17:26:20.500000Z",
  "ended": "stepped down"
}
"""


def test_the_file_looks_as_promised() -> None:
    assert render(TENURE) == GOLDEN
    assert parse(GOLDEN) == TENURE


def test_a_holder_in_office_has_no_end() -> None:
    sitting = Tenure(3, 4, 4, "GLaDOS-4", 3626, 1770481580.0)
    assert b'"until": null' in render(sitting)
    assert parse(render(sitting)) == sitting


def test_a_newer_schema_is_named() -> None:
    with pytest.raises(NewerSchema, match=r"schema 2 is newer than this program's 1, 3\.json"):
        parse(GOLDEN.replace(b'"schema": 1', b'"schema": 2'), "3.json")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b'"term": 3', b'"term": -3', r"at `\$.term`"),
        (b'"from"', b'"since"', "missing required field `from`"),
        (b"2026-02-07T16", b"2026-02-30T16", r"at `\$.from`"),
        (b'"pid": 3626', b'"pid": null', r"at `\$.pid`"),
    ],
)
def test_what_can_not_be_read_is_named_with_its_field(old: bytes, new: bytes, words: str) -> None:
    assert old in GOLDEN
    with pytest.raises(FormatError, match=words):
        parse(GOLDEN.replace(old, new))


def test_times_are_rfc_3339_in_utc() -> None:
    assert times.render(1770481580) == "2026-02-07T16:26:20Z"
    assert times.parse("2026-02-07T16:26:20Z") == 1770481580
    assert times.render(0) == "1970-01-01T00:00:00Z"


def test_a_time_that_has_no_spelling_becomes_the_nearest_that_has() -> None:
    assert times.render(10**20) == "9999-12-31T23:59:59Z"
    assert times.render(-1) == "1970-01-01T00:00:00Z"


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-02-07", "2026-02-07T16:26:20", "2026-02-07T16:26:20+01:00", "2026-02-30T00:00:00Z"],
)
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(BadValue, match="write it as 2026-02-07T16:26:20Z"):
        times.parse(text)
