"""What commands print, byte for byte, whatever the values are."""

import csv
import io
import json
import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from isi_net.cli.output import (
    FORMATS,
    Column,
    Record,
    arrange,
    csv_text,
    json_text,
    plain,
    printable,
    render,
    table,
    view,
    views,
)
from isi_net.errors import BadValue

POOLS: list[Record] = [
    {
        "id": "groupnet0.subnet0.ps01-az01-pool0",
        "sc_dns_zone": "ps01-az01.example.com",
        "ranges": [{"low": "10.181.98.225", "high": "10.181.98.227"}],
        "alloc_method": "static",
    },
    {
        "id": "groupnet0.subnet0.system-pool0",
        "sc_dns_zone": "ps01.example.com",
        "ranges": [{"low": "10.181.98.222", "high": "10.181.98.224"}],
        "alloc_method": "static",
    },
]

POOL_COLUMNS = [
    Column("id", "ID"),
    Column("sc_dns_zone", "SC Zone"),
    Column("ranges", "IP Ranges", lambda ranges: [f"{each['low']}-{each['high']}" for each in ranges]),
    Column("alloc_method", "Allocation Method"),
]

POOL_TABLE = """\
ID                                SC Zone               IP Ranges                   Allocation Method
------------------------------------------------------------------------------------------------------
groupnet0.subnet0.ps01-az01-pool0 ps01-az01.example.com 10.181.98.225-10.181.98.227 static
groupnet0.subnet0.system-pool0    ps01.example.com      10.181.98.222-10.181.98.224 static
------------------------------------------------------------------------------------------------------
Total: 2
"""

STACKED: list[Record] = [
    {"name": "1e5", "addrs": ["10.1.1.5", "10.1.1.6"], "owner": "a"},
    {"name": "007", "addrs": [], "owner": ""},
    {"name": "True", "addrs": ["::1"], "owner": None},
]
STACKED_COLUMNS = [Column("name", "Name"), Column("addrs", "IP Addresses"), Column("owner", "Owner")]


# --- tables


def test_a_table_is_the_one_of_isi_byte_for_byte() -> None:
    assert table(POOLS, POOL_COLUMNS) == POOL_TABLE


def test_values_stack_beside_blanks_and_numbers_stay_text() -> None:
    assert table(STACKED, STACKED_COLUMNS) == (
        "Name  IP Addresses  Owner\n"
        "--------------------------\n"
        "1e5   10.1.1.5      a\n"
        "      10.1.1.6\n"
        "007   -\n"
        "True  ::1           -\n"
        "--------------------------\n"
        "Total: 3\n"
    )


@pytest.mark.parametrize(
    "names", [["1e5", "007"], ["0x10", "-1"], ["1_0", "1,000"], ["True"], ["nan", "inf"], ["1.50"]]
)
def test_names_that_look_like_numbers_stay_as_they_are(names: list[str]) -> None:
    shown = table([{"a": name} for name in names], [Column("a", "Name")], header=False, footer=False)
    assert shown == "".join(f"{name}\n" for name in names)


def test_a_table_of_nothing_is_header_two_rulers_and_total() -> None:
    assert table([], STACKED_COLUMNS) == (
        "Name  IP Addresses  Owner\n--------------------------\n--------------------------\nTotal: 0\n"
    )


@pytest.mark.parametrize("records", [POOLS, STACKED * 2, []])
def test_without_header_or_footer_the_rows_stay_where_they_were(records: list[Record]) -> None:
    columns = POOL_COLUMNS if records is POOLS else STACKED_COLUMNS
    lines = table(records, columns).splitlines(keepends=True)
    assert table(records, columns, header=False) == "".join(lines[2:])
    assert table(records, columns, footer=False) == "".join(lines[:-2])
    assert table(records, columns, header=False, footer=False) == "".join(lines[2:-2])


def test_a_wide_letter_counts_as_one_whether_or_not_wcwidth_is_there() -> None:
    assert table([{"a": "漢漢漢漢", "b": "x"}], [Column("a", "A"), Column("b", "B")]) == (
        "A    B\n-------\n漢漢漢漢 x\n-------\nTotal: 1\n"
    )


def test_a_misspelt_key_is_an_error_and_not_an_empty_column() -> None:
    with pytest.raises(KeyError, match="nmae"):
        table(STACKED, [Column("nmae", "Name")])


# --- views

VIEW = """\
                     ID: groupnet0.subnet1.swift-zone1-pool
               Groupnet: groupnet0
                 Subnet: subnet1
                   Name: swift-zone1-pool
                  Rules: -
            Access Zone: swift-zone1
      Allocation Method: dynamic
       Aggregation Mode: lacp
     SC Suspended Nodes: -
            Description: swift-zone1 pool
                 Ifaces: 4:10gige-1, 5:10gige-1, 6:10gige-1
              IP Ranges: 192.168.20.55-192.168.20.56
       Rebalance Policy: auto
      SC Connect Policy: round_robin
                SC Zone: swift-zone1.isilon.com
    SC DNS Zone Aliases: -
     SC Failover Policy: round_robin
              SC Subnet: subnet0
                 SC TTL: 0
          Static Routes: -
    NFS RDMA RRoCE only: No
"""


def test_a_view_is_the_one_of_isi_byte_for_byte() -> None:
    ifaces = [{"iface": "10gige-1", "lnn": lnn} for lnn in (4, 5, 6)]
    shown = {
        "ID": "groupnet0.subnet1.swift-zone1-pool",
        "Groupnet": "groupnet0",
        "Subnet": "subnet1",
        "Name": "swift-zone1-pool",
        "Rules": [],
        "Access Zone": "swift-zone1",
        "Allocation Method": "dynamic",
        "Aggregation Mode": "lacp",
        "SC Suspended Nodes": None,
        "Description": "swift-zone1 pool",
        "Ifaces": [f"{each['lnn']}:{each['iface']}" for each in ifaces],
        "IP Ranges": ["192.168.20.55-192.168.20.56"],
        "Rebalance Policy": "auto",
        "SC Connect Policy": "round_robin",
        "SC Zone": "swift-zone1.isilon.com",
        "SC DNS Zone Aliases": [],
        "SC Failover Policy": "round_robin",
        "SC Subnet": "subnet0",
        "SC TTL": 0,
        "Static Routes": [],
        "NFS RDMA RRoCE only": False,
    }
    # The transcript's keys end four further right than the longest of them: a field of 23 is missing there.
    columns = [Column(header, header) for header in [*shown, "a field of 23 letters.."]]
    assert view(shown | {"a field of 23 letters..": True}, columns) == VIEW + "a field of 23 letters..: Yes\n"


def test_keys_are_right_aligned_and_an_empty_text_prints_nothing() -> None:
    columns = [Column("a", "ID"), Column("b", "Description"), Column("c", "MTU")]
    assert (
        view({"a": "x", "b": "", "c": 1500}, columns) == "         ID: x\nDescription: \n        MTU: 1500\n"
    )


def test_records_of_a_list_are_split_by_eighty_dashes() -> None:
    assert views([{"a": "x"}, {"a": True}, {"a": []}], [Column("a", "A")]) == (
        f"A: x\n{'-' * 80}\nA: Yes\n{'-' * 80}\nA: -\n"
    )
    assert views([], [Column("a", "A")]) == ""


def test_blanks_that_keep_a_stack_in_step_are_left_out_where_it_is_joined() -> None:
    records: list[Record] = [{"owners": ["a", "", "b"], "addrs": ["1", "2", "3"]}]
    columns = [Column("owners", "Owners"), Column("addrs", "Addrs")]
    assert table(records, columns, header=False, footer=False) == "a       1\n        2\nb       3\n"
    assert view(records[0], columns) == "Owners: a, b\n Addrs: 1, 2, 3\n"
    assert csv_text(records, columns, header=False) == "a;b,1;2;3\n"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, []),
        ([], []),
        ("", ""),
        ("-", "-"),
        (True, "Yes"),
        (False, "No"),
        (0, "0"),
        (1.5, "1.5"),
        ([True, None, "x"], ["Yes", "", "x"]),
        ([{"iface": "ext-1", "lnn": 3}], ["iface=ext-1, lnn=3"]),
        ({"low": "a", "high": ["b", "c"]}, ["low=a", "high=b, c"]),
    ],
)
def test_a_value_without_a_show_of_its_own_is_plain(value: object, shown: object) -> None:
    assert plain(value) == shown


# --- CSV


def test_csv_has_the_keys_of_json_and_lists_without_commas() -> None:
    assert (
        csv_text(STACKED, STACKED_COLUMNS) == "name,addrs,owner\n1e5,10.1.1.5;10.1.1.6,a\n007,,\nTrue,::1,\n"
    )
    assert csv_text(STACKED[:1], STACKED_COLUMNS, header=False) == "1e5,10.1.1.5;10.1.1.6,a\n"
    assert csv_text([], STACKED_COLUMNS) == "name,addrs,owner\n"


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        '=HYPERLINK("http://evil")',
        "@SUM(A1)",
        "+1+cmd|' /C calc'!A0",
        "-2+3+cmd|' /C calc'!A0",
        "-(1)",
        "-1,2",
        "\uff1d1",
        "\uff0b1",
        "\uff0d1",
        "\uff20x",
    ],
)
def test_a_formula_gets_a_quote_in_csv_also_inside_a_list(text: str) -> None:
    record: Record = {"a": text, "b": ["x", text]}
    read = list(csv.reader(io.StringIO(csv_text([record], CELLS, header=False))))
    assert read == [[f"'{text}", f"x;'{text}"]]


@pytest.mark.parametrize(
    "text", ["-", "-1", "-1.5e-3", "+49", "-pool_0", "-g.s:p", "a=b", "10.1.1.5-10.1.1.9", "'x"]
)
def test_numbers_and_names_that_begin_with_a_dash_stay_as_they_are_in_csv(text: str) -> None:
    assert csv_text([{"a": text}], CELLS[:1], header=False) == f"{text}\n"


def test_csv_of_numbers_keeps_their_signs() -> None:
    assert csv_text(list[Record]([{"a": -5, "b": [-1, 2]}]), CELLS, header=False) == "-5,-1;2\n"


# --- JSON


def test_json_is_a_field_a_line() -> None:
    assert json_text(
        [{"id": "p", "ifaces": [{"iface": "ext-1", "lnn": 1}], "rules": []}, {"id": None}, {}]
    ) == (
        "[\n"
        "  {\n"
        '    "id": "p",\n'
        '    "ifaces": [{"iface": "ext-1", "lnn": 1}],\n'
        '    "rules": []\n'
        "  },\n"
        "  {\n"
        '    "id": null\n'
        "  },\n"
        "  {}\n"
        "]\n"
    )
    assert json_text({"id": "p", "on": True}) == '{\n  "id": "p",\n  "on": true\n}\n'
    assert json_text([]) == "[]\n"
    assert json_text({}) == "{}\n"
    assert json_text([{"50%": "%s %"}]) == '[\n  {\n    "50%": "%s %"\n  }\n]\n'


def test_json_never_says_nan() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text({"a": float("nan")})


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
JSON_RECORDS = st.dictionaries(st.text(), JSON_VALUES, max_size=4)


@given(JSON_RECORDS | st.lists(JSON_RECORDS, max_size=4))
@example([{"\x7f\x1b\u202e\U000e0001": "\x00\x85\u2028"}])
def test_json_reads_back_as_it_was_and_is_ascii_without_controls(value: object) -> None:
    text = json_text(value)  # type: ignore[arg-type]
    assert json.loads(text) == value
    assert text.isascii()
    assert text.replace("\n", "").isprintable()
    assert text[0] == ("{" if isinstance(value, dict) else "[")


# --- hostile text


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\0\x7f", r"\x00\x7f"),
        ("\x85\x9b1m", r"\x85\x9b1m"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\u2066\u2069\u061c", r"\u2066\u2069\u061c"),
        ("a\u200bb\u200d\ufeff\u00ad", r"a\u200bb\u200d\ufeff\xad"),
        ("\u2028\u2029", r"\u2028\u2029"),
        ("\ud800\udcff", r"\ud800\udcff"),
        ("\u00a0\u3000", r"\xa0\u3000"),
        ("\u3164\u034f\ufe0f", r"\u3164\u034f\ufe0f"),
        ("\U000e0041\U000e0100", r"\U000e0041\U000e0100"),
        ("\ue000\U0010ffff", r"\ue000\U0010ffff"),
    ],
)
def test_what_cannot_be_seen_is_made_visible(hostile: str, shown: str) -> None:
    assert printable(hostile) == shown


@pytest.mark.parametrize("text", ["", "ext-1", "é", "e\u0301", "漢字", "עברית", "a\\b", r"\x1b", "  "])
def test_letters_of_every_language_and_backslashes_stay(text: str) -> None:
    assert printable(text) == text


CELLS = [Column("a", "A"), Column("b", "Bee")]
TEXTS = st.text(st.characters())  # surrogates and unassigned code points among them
ROWS = st.lists(st.fixed_dictionaries({"a": TEXTS, "b": TEXTS | st.lists(TEXTS, max_size=3)}), max_size=4)


def sentences(value: str | list[str]) -> int:
    """How many lines a view gives a value: a list that holds a sentence has one an item."""
    told = [text for text in value if text] if isinstance(value, list) else []
    return len(told) if any(" " in text for text in told) else 1


def test_a_view_gives_each_sentence_of_a_list_a_line() -> None:
    record = {"ID": "1:ext-1", "Findings": ["one thing", "", "another"], "Ifaces": ["1:a", "2:b"]}
    assert view(record, [Column(key, key) for key in record]) == (
        "      ID: 1:ext-1\nFindings: one thing\n          another\n  Ifaces: 1:a, 2:b\n"
    )


@given(ROWS)
@example([{"a": "\x01", "b": ["\x01", "\x01"]}])  # what tabulate takes for a ruler
@example([{"a": "\x1b[31mred\x1b[0m", "b": "\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\"}])
def test_no_text_adds_a_line_or_a_control_character(rows: list[Record]) -> None:
    stacked = sum(max(1, len(row["b"])) if isinstance(row["b"], list) else 1 for row in rows)
    for shown, lines in (
        (table(rows, CELLS), 2 + stacked + 2),
        (table(rows, CELLS, header=False, footer=False), stacked),
        (views(rows, CELLS), max(0, 2 * len(rows) - 1) + sum(sentences(row["b"]) for row in rows)),
        (csv_text(rows, CELLS), 1 + len(rows)),
    ):
        assert shown.count("\n") == lines
        assert shown.replace("\n", "").isprintable()
        assert shown.endswith("\n") or not shown


@given(ROWS)
def test_table_rulers_are_as_long_as_the_columns(rows: list[Record]) -> None:
    header, ruler, *body, last_ruler, total = table(rows, CELLS).splitlines()
    assert ruler == last_ruler == "-" * len(ruler)
    assert max(map(len, [header, *body])) <= len(ruler)
    assert total == f"Total: {len(rows)}"


@given(ROWS)
@example([{"a": '"', "b": [",", ";", "'"]}])
@example([{"a": "", "b": []}])
def test_csv_reads_back_as_what_people_see(rows: list[Record]) -> None:
    read = list(csv.reader(io.StringIO(csv_text(rows, CELLS), newline="")))
    assert read[0] == ["a", "b"]
    for row, (a, b) in zip(rows, read[1:], strict=True):
        seen = printable(str(row["a"]))
        assert a in (seen, f"'{seen}")
        if isinstance(row["b"], list):
            assert len(b) >= len("".join(printable(text) for text in row["b"]))
        else:
            assert b in (printable(str(row["b"])), f"'{printable(str(row['b']))}")


# --- one door


def test_render_gives_each_format_its_shape() -> None:
    assert render(POOLS, POOL_COLUMNS) == POOL_TABLE
    assert render(POOLS, POOL_COLUMNS, no_header=True, no_footer=True) == "".join(
        POOL_TABLE.splitlines(keepends=True)[2:-2]
    )
    assert render(POOLS, POOL_COLUMNS, verbose=True) == views(POOLS, POOL_COLUMNS)
    assert render(POOLS, POOL_COLUMNS, "list") == views(POOLS, POOL_COLUMNS)
    assert render(POOLS, POOL_COLUMNS, "csv", no_header=True, verbose=True) == csv_text(
        POOLS, POOL_COLUMNS, header=False
    )
    assert render(POOLS, POOL_COLUMNS, "json", no_header=True, verbose=True) == json_text(POOLS)


def test_render_shows_one_record_as_a_view() -> None:
    assert render(POOLS[0], POOL_COLUMNS) == view(POOLS[0], POOL_COLUMNS)
    assert render(POOLS[0], POOL_COLUMNS, "list") == view(POOLS[0], POOL_COLUMNS)
    assert render(POOLS[0], POOL_COLUMNS, "csv") == csv_text(POOLS[:1], POOL_COLUMNS)
    assert render(POOLS[0], POOL_COLUMNS, "json") == json_text(POOLS[0])


@pytest.mark.parametrize("shown", [POOLS, POOLS[0]])
def test_render_knows_its_formats_and_no_other(shown: list[Record]) -> None:
    assert all(render(shown, POOL_COLUMNS, fmt) for fmt in FORMATS)
    with pytest.raises(BadValue, match="format 'yaml' is not known; use one of table, json, csv, list"):
        render(shown, POOL_COLUMNS, "yaml")


def test_nothing_slow_is_loaded_before_it_is_used() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, isi_net.cli.output; print(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert "isi_net.cli.output" in loaded
    assert not {"tabulate", "csv", "msgspec", "lxml"} & set(loaded)


# --- order


def sorted_values(values: list[object], descending: bool = False) -> list[object]:
    return [record["x"] for record in arrange([{"x": value} for value in values], "x", descending)]


@pytest.mark.parametrize(
    "ascending",
    [
        [-1, 0, 2, 2.5, 10],
        [False, True],
        ["pool2", "pool10", "pool10a", "pool11"],
        ["", "groupnet0.subnet0.pool9", "groupnet0.subnet0.pool10", "groupnet0.subnet10.pool0"],
        ["9.0.0.1", "10.0.0.2", "10.0.0.10", "10.0.1.1", "::2", "::10", "1::", "fd00::1", "fd00:0:1::"],
        ["1:ext-2", "1:ext-10", "2:ext-1", "10:ext-1"],
        ["x" + "9" * 5000, "x1" + "0" * 5000],
        [["10.0.0.9"], ["10.0.0.9", "10.0.0.1"], ["10.0.0.10"]],
        [{"low": "10.0.0.9", "high": None}, {"low": "10.0.0.10", "high": "x"}],
        [1, "a", "::1", ["a"]],
    ],
)
def test_values_sort_as_people_count(ascending: list[object]) -> None:
    assert sorted_values(ascending[::-1]) == ascending
    assert sorted_values(ascending, descending=True) == ascending[::-1]


def test_records_without_a_value_come_last_either_way() -> None:
    records: list[Record] = [
        {"n": 1, "x": None},
        {"n": 2, "x": "a"},
        {"n": 3, "x": []},
        {"n": 4},
        {"n": 5, "x": "b"},
    ]
    assert [record["n"] for record in arrange(records, "x")] == [2, 5, 1, 3, 4]
    assert [record["n"] for record in arrange(records, "x", True)] == [5, 2, 1, 3, 4]


def test_equals_keep_their_order_either_way() -> None:
    records: list[Record] = [{"n": 1, "x": "pool7"}, {"n": 2, "x": "pool07"}, {"n": 3, "x": "pool7"}]
    assert arrange(records, "x") == records
    assert arrange(records, "x", True) == records


def test_without_a_field_descending_turns_the_order_round() -> None:
    records: list[Record] = [{"n": 1}, {"n": 3}, {"n": 2}]
    assert arrange(records) == records
    assert arrange(records, descending=True) == records[::-1]


def test_limit_counts_after_sorting() -> None:
    records: list[Record] = [{"n": 3}, {"n": 1}, {"n": 2}]
    assert arrange(records, "n", limit=2) == [{"n": 1}, {"n": 2}]
    assert arrange(records, limit=9) == records
    for limit in (0, -1):
        with pytest.raises(BadValue, match=f"limit {limit} is out of range"):
            arrange(records, limit=limit)


def test_an_unknown_field_is_refused_with_the_ones_there_are() -> None:
    with pytest.raises(BadValue, match="there is no field 'nmae' to sort by; use one of name, lnn, up"):
        arrange([{"name": "a", "lnn": 1}, {"name": "b", "up": True}], "nmae")
    assert arrange([], "nmae") == []


@given(st.lists(JSON_VALUES, max_size=6))
def test_any_values_can_be_sorted_beside_one_another(values: list[object]) -> None:
    assert len(sorted_values(values)) == len(values)
