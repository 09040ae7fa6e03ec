"""The manual says all that the program can do, and nothing that it cannot.

What each command of the click tree takes stands in its noun's page, what every command takes in isi_net(8).
A noun, option, finding, setting or field that is added without a word in the manual fails a test below, and
so does a word about one that is gone.
"""

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import click
import fixed_cluster
import msgspec
import pytest
from command_tree import walk
from manual import HOUSE, OVERVIEW, PAGES, Section, heading, literal_blocks
from needs import missing, need

import isi_net as package
from isi_net import formats, settings
from isi_net.cli import exits, isi_net
from isi_net.daemon.log import line
from isi_net.dhcp import clients, sources
from isi_net.errors import BadValue
from isi_net.formats import flx_config, inventory, json_document, node_report
from isi_net.merger.role import REST_SECONDS
from isi_net.merger.status import STALLED_DEADLINES
from isi_net.model import report, tenure
from isi_net.model.finding import Finding
from isi_net.model.network import AUTO, Node
from isi_net.reporter.inventory import EVERY_SECONDS
from isi_net.store import revisions
from isi_net.store.tree import Tree

SOURCE = Path(package.__file__).parent
MODULES = {file.relative_to(SOURCE).as_posix(): ast.parse(file.read_text()) for file in SOURCE.rglob("*.py")}


# Reading the click tree.


TREE = dict(walk(isi_net))
VERBS = {path: command for path, command in TREE.items() if not isinstance(command, click.Group)}
NOUNS = [path for path in TREE if path and " " not in path]
HELP = {"-h", "--help"}
LEAVES = [noun for noun in NOUNS if noun in VERBS]  # nouns without verbs: daemon, demo


@dataclass(frozen=True, order=True)
class Option:
    """An option by all its names, and the name of its value, empty where it takes none."""

    names: tuple[str, ...]
    value: str = ""


def options_of(command: click.Command) -> set[Option]:
    """What the command takes besides --help."""
    context = click.Context(command)
    return {
        Option(tuple(sorted(one.opts)), "" if one.is_flag else (one.make_metavar(context) or "").strip("[]"))
        for one in command.params
        if isinstance(one, click.Option)
    }


def arguments_of(command: click.Command) -> list[str]:
    context = click.Context(command)
    return [one.make_metavar(context) for one in command.params if isinstance(one, click.Argument)]


def documented_options(section: Section) -> set[Option]:
    """The options that head a section's items: `.It Fl l , Fl -limit Ar N`."""
    found = set()
    for head in section.items("Fl"):
        names, _, value = head.partition(" Ar ")
        found.add(Option(tuple(sorted(re.findall(r"Fl (\S+)", names))), value))
    return {Option(tuple(f"-{name}" for name in one.names), one.value) for one in found}


def shared_options(page: dict[str, Section]) -> dict[str, Section]:
    """What commands have in common, by how their sections refer to it: `options of a listing`."""
    return {
        title.lower(): section
        for sections in (OVERVIEW, page)
        for one in sections.values()
        for title, section in one.inside.items()
        if title.startswith(("Options of ", "Settings of "))
    }


def page_of(path: str) -> dict[str, Section]:
    return PAGES[f"isi_net-{path.split(maxsplit=1)[0]}.8"]


def section_of(path: str) -> Section:
    """Where a command is described: under its own heading, or for a noun without verbs in DESCRIPTION."""
    page = page_of(path)
    if path in LEAVES:
        return page["DESCRIPTION"]
    title = " ".join(["isi_net", path, *arguments_of(VERBS[path])])
    found = {name: one for section in page.values() for name, one in section.inside.items()}
    assert title in found, f"write `.Ss {title}` into the page"
    return found[title]


# Pages and commands.


def test_every_noun_has_a_page_and_every_page_a_noun() -> None:
    assert {name for name in PAGES if name.startswith("isi_net-") and name.endswith(".8")} == {
        f"isi_net-{noun}.8" for noun in NOUNS
    }


@pytest.mark.parametrize("noun", NOUNS)
def test_the_overview_leads_to_every_noun(noun: str) -> None:
    for title in ("DESCRIPTION", "SEE ALSO"):
        assert any(f"Xr isi_net-{noun} 8" in text for text in OVERVIEW[title].lines), title


@pytest.mark.parametrize("noun", NOUNS)
def test_a_nouns_page_describes_its_commands_and_no_others(noun: str) -> None:
    titles = {title for one in page_of(noun).values() for title in one.inside if title.startswith("isi_net ")}
    commands = {
        path: one for path, one in VERBS.items() if path.split(maxsplit=1)[0] == noun and path not in LEAVES
    }
    assert titles == {
        " ".join(["isi_net", path, *arguments_of(command)]) for path, command in commands.items()
    }


@pytest.mark.parametrize("path", VERBS)
def test_a_command_is_in_the_synopsis_with_its_arguments(path: str) -> None:
    text = " ".join(page_of(path)["SYNOPSIS"].lines) + " "
    found = {
        one.group(1): heading(re.sub(r"(?:^| )\.", " ", one.group(2))).split()
        for one in re.finditer(r"\.Nm isi_net Cm ([a-z -]+?)(?= \.|(?= Op| *$))(.*?)(?=\.Nm|$)", text)
    }
    assert path in found
    words = found[path]
    if path in LEAVES:
        assert {word for word in words if word.startswith("-")} == {
            name.removeprefix("-") for one in options_of(VERBS[path]) for name in one.names
        }
        return
    assert ("[options]" in words) == bool(options_of(VERBS[path]))
    assert [word for word in words if word != "[options]"] == [
        word for one in arguments_of(VERBS[path]) for word in one.split()
    ]


@pytest.mark.parametrize("path", VERBS)
def test_a_commands_options_are_documented_and_no_others(path: str) -> None:
    section = section_of(path)
    shared = shared_options(page_of(path))
    documented = documented_options(section)
    for phrase, other in shared.items():
        if phrase in section.says():
            documented |= documented_options(other)
    assert documented == options_of(VERBS[path])


@pytest.mark.parametrize("path", VERBS)
def test_every_word_that_an_option_takes_is_documented(path: str) -> None:
    page, section = page_of(path), section_of(path)
    items = {
        option: f"{head} {body}"
        for one in (section, *shared_options(page).values())
        for head, body in one.items("Fl").items()
        for option in re.findall(r"Fl (-[a-z-]+)", head)
    }
    for one in VERBS[path].params:
        if isinstance(one, click.Option) and isinstance(one.type, click.Choice):
            said = re.split(r"[ |]", items[one.opts[0].removeprefix("-")])
            assert set(one.type.choices) <= set(said), one.opts


def test_the_global_options_are_documented_and_no_others() -> None:
    documented = documented_options(Section(OVERVIEW["OPTIONS"].lines))
    assert {name for one in documented for name in one.names} == {
        *HELP,
        *(name for one in isi_net.params for name in one.opts),
    }


@pytest.mark.parametrize("page", PAGES)
def test_no_page_speaks_of_an_option_or_command_that_is_not(page: str) -> None:
    known = {name for one in TREE.values() for param in one.params for name in param.opts} | HELP
    text = "\n".join(text for section in PAGES[page].values() for text in section.all())
    assert {f"-{name}" for name in re.findall(r"\bFl (-[a-z][a-z0-9-]+)", text)} <= known
    named = {
        one.strip() for one in re.findall(r"Nm (?:isi_net )?Cm ((?:[a-z-]+(?: |$))+)", text, re.MULTILINE)
    }
    assert named <= TREE.keys()


@pytest.mark.parametrize("page", PAGES)
def test_every_page_of_ours_that_is_referred_to_exists(page: str) -> None:
    text = "\n".join(text for section in PAGES[page].values() for text in section.all())
    named = {f"{name}.{number}" for name, number in re.findall(r"\.Xr (isi_net\S*) (\d)", text)}
    assert named <= PAGES.keys() - {page}


@pytest.mark.parametrize("module", MODULES)
def test_every_page_that_the_program_names_exists(module: str) -> None:
    """`man 5 isi_net.toml` in a remedy, `isi_net(8)` in a help."""
    text = (SOURCE / module).read_text()
    named = {f"{name}.{number}" for number, name in re.findall(r"\bman (\d) (isi_net[\w.-]*\w)", text)}
    named |= {f"{name}.{number}" for name, number in re.findall(r"\b(isi_net[\w.-]*)\((\d)\)", text)}
    assert named <= PAGES.keys()


# Exit statuses and the environment.


def statuses(page: dict[str, Section]) -> dict[int, str]:
    """The exit statuses of a page."""
    found = {}
    for text in page["EXIT STATUS"].lines:
        if number := re.fullmatch(r"\.It (\d+)", text):
            status = int(number[1])
            found[status] = ""
        elif found and text not in (".El", ".Pp") and not text.startswith(".Bl"):
            found[status] = f"{found[status]} {text}".strip()
        elif text == ".El":
            break
    return found


def test_the_exit_statuses_are_those_of_the_table() -> None:
    assert statuses(OVERVIEW) == exits.TABLE


@pytest.mark.parametrize("noun", NOUNS)
def test_a_nouns_exit_statuses_are_those_that_it_can_end_in(noun: str) -> None:
    """Every command can succeed, fail, be misused and be interrupted; any other it names itself."""
    own = {
        getattr(exits, node.attr)
        for node in ast.walk(MODULES[f"cli/{noun}.py"])
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "exits" and node.attr.isupper()
    }
    can = {exits.DONE, exits.FAILED, exits.USAGE, exits.INTERRUPTED} | own
    assert statuses(page_of(noun)).keys() == can
    assert all(statuses(page_of(noun)).values())


@pytest.mark.parametrize("noun", NOUNS)
def test_a_nouns_page_ends_in_exit_statuses_examples_and_neighbours(noun: str) -> None:
    assert list(page_of(noun))[-3:] == ["EXIT STATUS", "EXAMPLES", "SEE ALSO"]


def test_every_environment_variable_is_documented_and_no_other() -> None:
    asked = {
        node.args[0].value
        for tree in MODULES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("os.environ.get", "os.getenv")
        and isinstance(node.args[0], ast.Constant)
    }
    ours = {
        node.value
        for tree in MODULES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and re.fullmatch(r"_?ISI_NET_[A-Z]+", str(node.value))
    }
    assert set(OVERVIEW["ENVIRONMENT"].words("Ev")) == asked | ours


# Findings.


@dataclass(frozen=True)
class Maker:
    """A function that makes findings: the names of its parameters, and its severity where it has one."""

    parameters: tuple[str, ...]
    severity: str

    def argument(self, call: ast.Call, name: str) -> ast.expr | None:
        """What a call gives for the parameter `name`."""
        place = self.parameters.index(name)
        given = {one.arg: one.value for one in call.keywords}
        return call.args[place] if place < len(call.args) else given.get(name)


NO_MAKER = Maker((), "")
CONSTANTS = {
    ast.unparse(target): node.value.value
    for tree in MODULES.values()
    for node in tree.body
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
    for target in node.targets
    if isinstance(node.value.value, str)
}
FINDING = Maker(tuple(inspect.signature(Finding).parameters), "")


def makers(tree: ast.Module) -> Iterator[tuple[str, Maker, bool]]:
    """The functions that make findings of a parameter `code`: name, what it is, whether its module's own."""
    for scope in ast.walk(tree):
        if not isinstance(scope, ast.Module | ast.ClassDef):
            continue
        for one in scope.body:
            if not isinstance(one, ast.FunctionDef):
                continue
            names = [arg.arg for arg in one.args.args]
            if isinstance(scope, ast.ClassDef) and not any(
                ast.unparse(decorator) == "staticmethod" for decorator in one.decorator_list
            ):
                names = names[1:]
            if "code" in names and makes_findings(one):
                private = one.name.startswith("_") or getattr(scope, "name", "").startswith("_")
                yield one.name, Maker(tuple(names), severity_of(one)), private


def makes_findings(function: ast.FunctionDef) -> bool:
    return any(
        isinstance(node, ast.Call) and ast.unparse(node.func) == "Finding" for node in ast.walk(function)
    )


def severity_of(function: ast.FunctionDef) -> str:
    """The severity of the findings that a function makes, unless it is told another."""
    defaults = function.args.args[len(function.args.args) - len(function.args.defaults) :]
    said: dict[str, ast.expr] = {
        arg.arg: value for arg, value in zip(defaults, function.args.defaults, strict=True)
    }
    for call in ast.walk(function):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "Finding":
            severity = FINDING.argument(call, "severity")
            if isinstance(severity, ast.Name):
                severity = said.get(severity.id)
            assert isinstance(severity, ast.Constant), f"the severity of {function.name} is not written down"
            return str(severity.value)
    raise AssertionError(f"{function.name} makes no finding")


def words_in(value: ast.expr | None) -> set[str]:
    """The words that an expression can be: one, or either of two."""
    if isinstance(value, ast.IfExp):
        return words_in(value.body) | words_in(value.orelse)
    assert isinstance(value, ast.Constant), "not written down"
    return {str(value.value)}


def codes_in(code: ast.expr, function: ast.FunctionDef | None) -> set[str]:
    """The codes that an expression can be; none where they come from a caller, or from another finding."""
    if isinstance(code, ast.Constant):
        return {str(code.value)}
    if isinstance(code, ast.IfExp):
        return codes_in(code.body, function) | codes_in(code.orelse, function)
    if isinstance(code, ast.Attribute | ast.Call) and ".code" in ast.unparse(code):
        return set()
    if isinstance(code, ast.Name) and function is not None:
        passed_on = code.id == "code" and any(arg.arg == "code" for arg in function.args.args)
        if passed_on and makes_findings(function):
            return set()
        assigned = [
            node.value
            for node in ast.walk(function)
            if isinstance(node, ast.Assign) and code.id in {ast.unparse(target) for target in node.targets}
        ]
        if assigned:
            return {one for value in assigned for one in codes_in(value, function)}
    if isinstance(code, ast.Name) and code.id in CONSTANTS:
        return {CONSTANTS[code.id]}
    why = "write it there, or call the parameter that it comes from `code`"
    raise AssertionError(f"line {code.lineno}: cannot tell the code {ast.unparse(code)}: {why}")


@cache
def findings() -> dict[str, set[str]]:
    """Every finding that the source can make: its code, with the severities that it has."""
    found: dict[str, set[str]] = {}
    everywhere = {"Finding": FINDING}
    own: dict[str, dict[str, Maker]] = {}
    for module, tree in MODULES.items():
        for name, maker, private in makers(tree):
            (own.setdefault(module, {}) if private else everywhere)[name] = maker
    for module, tree in MODULES.items():
        known = everywhere | own.get(module, {})
        inside: dict[ast.Call, ast.FunctionDef] = {
            call: function
            for function in ast.walk(tree)
            if isinstance(function, ast.FunctionDef)
            for call in ast.walk(function)
            if isinstance(call, ast.Call)
        }
        for call in ast.walk(tree):
            if not isinstance(call, ast.Call):
                continue
            maker = known.get(ast.unparse(call.func).rpartition(".")[2], NO_MAKER)
            if maker is NO_MAKER or any(one.arg is None for one in call.keywords):
                continue  # `**fields` are another finding's
            code = maker.argument(call, "code")
            assert code is not None, f"{module} line {call.lineno}"
            said = maker.argument(call, "severity") if "severity" in maker.parameters else None
            passed_on = said is None or isinstance(said, ast.Name | ast.Attribute)
            severities = {maker.severity} if passed_on else words_in(said)
            for one in codes_in(code, inside.get(call)):
                assert all(severities), (
                    f"{module} line {call.lineno}: the severity of {one} is not written down"
                )
                found.setdefault(one, set()).update(severities)
    return found


def test_findings_are_found_in_the_source_however_they_are_made() -> None:
    """One of each way: at once, by a helper, through a variable, with a severity of the caller's."""
    known = {"report_old", "server_not_trusted", "range_twice", "lease_file_missing", "file_cut_off"}
    assert known <= findings().keys()
    assert findings()["report_unknown"] == {"error"}


def test_every_finding_is_in_the_merger_page_with_its_severity_and_a_remedy() -> None:
    section = PAGES["isi_net-merger.8"]["FINDINGS"]
    documented = {}
    for head, body in section.items("Sy").items():
        code, severities = head.removeprefix("Sy ").split(" Pq ")
        assert code not in documented, f"{code} stands there twice"
        assert body, f"{code} is not explained"
        documented[code] = set(severities.split(" , "))
    assert documented == findings()


# Settings.


def known_keys() -> dict[str, set[str]]:
    """The tables of the settings with their keys, as `_settings` reads them."""
    (function,) = (
        node
        for node in MODULES["settings.py"].body
        if isinstance(node, ast.FunctionDef) and node.name == "_settings"
    )
    return {
        ast.literal_eval(call.args[1]): ast.literal_eval(call.args[2]) or set()
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "_table"
    }


def test_every_setting_is_documented_and_no_other() -> None:
    tables = PAGES["isi_net.toml.5"]["DESCRIPTION"].inside
    assert {
        title.removeprefix("Table "): set(one.words("Ic")) for title, one in tables.items()
    } == known_keys()


def test_every_word_and_default_of_a_setting_is_documented() -> None:
    tables = PAGES["isi_net.toml.5"]["DESCRIPTION"].inside
    for key, words in (
        ("manager", settings.MANAGERS),
        ("client", clients.WORDS),
        ("source", (AUTO, *(one.name for one in sources.TABLE))),
    ):
        said = tables["Table dhcp"].items("Ic")[f"Ic {key}"].split()
        assert set(words) <= set(said)
        assert f".Cm {words[0]} unless given" in " ".join(said)
    for key, default in (
        ("poll_interval", settings.POLL_INTERVAL_SECONDS),
        ("deadline", settings.DEADLINE_SECONDS),
    ):
        assert f" {default:g} unless given" in tables["Table daemon"].items("Ic")[f"Ic {key}"]


@pytest.mark.parametrize("key", ["poll_interval", "deadline"])
def test_the_least_and_the_most_of_a_setting_are_as_documented(key: str, tmp_path: Path) -> None:
    tables = PAGES["isi_net.toml.5"]["DESCRIPTION"].inside
    bounds = re.search(r"([0-9.]+) to ([0-9.]+)", tables["Table daemon"].items("Ic")[f"Ic {key}"])
    assert bounds is not None
    tree = Tree(str(tmp_path))
    least, most = map(float, bounds.groups())
    for value, fits in ((least, True), (most, True), (least * 0.99, False), (most + 1, False)):
        fixed_cluster.write(tree.settings, f"[daemon]\n{key} = {value!r}\n".encode())
        with nullcontext() if fits else pytest.raises(BadValue):
            assert getattr(settings.load(tree), key) == value


def test_the_example_of_settings_is_understood_and_shows_every_key(tmp_path: Path) -> None:
    (example,) = literal_blocks(PAGES["isi_net.toml.5"]["EXAMPLES"])
    tree = Tree(str(tmp_path))
    fixed_cluster.write(tree.settings, example.encode())
    assert settings.load(tree).node == Node(4, 3, "GLaDOS-3")
    assert {key for keys in known_keys().values() for key in keys} <= set(
        re.findall(r"^\w+", example, re.MULTILINE)
    )


# Files.

FILES = PAGES["isi_net-files.5"]
PREFIXES = {"F": Tree().flexnet, "W": Tree().workers}


def paths() -> set[str]:
    """Every path of the tree, with `<devid>` for a devid; directories only where nothing in them is ours."""
    tree = Tree("/", "/ifs")
    found = set()
    for name, _ in inspect.getmembers(Tree):
        if name.startswith("_") or name == "elsewhere":
            continue  # other programs' files: LEASE FILES
        value = getattr(tree, name)
        if callable(value):
            value = value(*(f"<{each}>" for each in inspect.signature(value).parameters))
        if isinstance(value, str):
            found.add(value)
    return {one for one in found if not any(other.startswith(f"{one}/") for other in found)}


def test_every_path_is_documented_and_no_other() -> None:
    documented = {
        re.sub(r"^([FW])(?=/)", lambda found: PREFIXES[found[0]], one) for one in FILES["FILES"].words("Pa")
    }
    edited = f"{Tree().configuration}.edited-<time>"
    assert documented == {*paths(), edited}
    said = " ".join(FILES["FILES"].lines)
    for prefix, directory in PREFIXES.items():
        assert re.search(rf"\.Pa {prefix} .*?\.Pa {re.escape(directory)} ", said)


@pytest.mark.parametrize("source", sources.TABLE, ids=lambda one: one.name)
def test_every_place_of_a_lease_file_is_documented(source: sources.Source) -> None:
    body = FILES["LEASE FILES"].items("Ic")[f"Ic {source.name}"]
    found = re.findall(r"\.Pa (\S+)", body)
    assert found == [f"/{re.sub('{([a-z]+)}', '<' + chr(92) + '1>', one)}" for one in source.places]


def test_no_client_is_documented_that_is_not_understood() -> None:
    assert FILES["LEASE FILES"].words("Ic") == [one.name for one in sources.TABLE]


def structs(module: str) -> list[type[msgspec.Struct]]:
    """The JSON documents and parts of documents that a format is made of."""
    members = vars(importlib.import_module(f"isi_net.formats.{module}")).values()
    return [
        one
        for one in members
        if inspect.isclass(one) and issubclass(one, msgspec.Struct) and one.__module__.endswith(f".{module}")
    ]


JSON_FORMATS = [
    one.name
    for one in pkgutil.iter_modules(formats.__path__)
    if one.name != "json_document" and structs(one.name)
]


def test_formats_are_found() -> None:
    assert {"node_report", "pool_members", "tenure"} <= set(JSON_FORMATS)


@pytest.mark.parametrize("module", JSON_FORMATS)
def test_every_field_of_a_json_format_is_documented_and_no_other(module: str) -> None:
    section = FILES[module.replace("_", " ").upper()]
    fields = {one.encode_name for struct in structs(module) for one in msgspec.structs.fields(struct)}
    assert set(section.words("Va")) == fields
    assert section.items("Va")["Va schema"] == f"{json_document.SCHEMA}."


def test_every_element_and_attribute_of_the_configuration_is_documented_and_no_other() -> None:
    attributes: dict[str, set[str]] = {}
    children: dict[str, set[str]] = {}
    for kind in vars(flx_config).values():
        if isinstance(kind, flx_config._Kind):
            attributes.setdefault(f"Element {kind.tag}", set()).update(kind.readers)
            children.setdefault(f"Element {kind.tag}", set()).update(kind.children)
    documented = FILES["CONFIGURATION"].inside
    assert {title: set(one.words("Va")) for title, one in documented.items()} == attributes
    for title, one in documented.items():
        held = one.lines[: one.lines.index(".Bl -tag -width Ds")]
        assert {text.split()[1] for text in held if text.startswith(".Ql ")} == children[title]
    assert documented["Element flx_config"].items("Va")["Va schema"] == f"{flx_config.SCHEMA}."


def test_the_line_of_the_log_is_one_that_the_daemon_writes() -> None:
    (shown,) = literal_blocks(FILES["LOG"])
    when = 1770481580.946863
    node = Node(4, 4, "GLaDOS-4")
    assert " ".join(shown.split()) + "\n" == line(
        when, "info", node, 3626, "Taking ownership of the IPMerger role"
    )


@pytest.mark.parametrize("page", ["isi_net-files.5", "isi_net-merger.8"])
def test_every_way_in_which_a_tenure_ends_is_documented(page: str) -> None:
    """What is given to `give_back` and `_end`, and the ends that errors have."""
    said = {
        one.value
        for module in ("merger/role.py", "merger/merger.py", "daemon/wiring.py")
        for node in ast.walk(MODULES[module])
        for one in (
            node.args
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith((".give_back", "._end"))
            else node.values
            if isinstance(node, ast.Dict)
            else ()
        )
        if isinstance(one, ast.Constant)
    }
    assert {"released", "stepped down", "fenced"} <= said
    text = {text.removesuffix(" ,") for section in PAGES[page].values() for text in section.all()}
    assert {f".Ql {one!s}" for one in said} <= {re.sub(" [;.]$", "", one) for one in text}


NUMBERS = (
    ("isi_net-config.8", f"the newest {revisions.KEPT} revisions are kept"),
    ("isi_net-files.5", f"the newest {revisions.KEPT}, see"),
    ("isi_net-files.5", f"the newest {tenure.KEPT:,} terms"),
    ("isi_net-files.5", f"it is written again every {report.REWRITE_SECONDS} seconds"),
    ("isi_net-files.5", f"findings about the lease files, {node_report.MAX_PROBLEMS} at most"),
    ("isi_net-files.5", f"its interfaces, {inventory.MAX_INTERFACES} at most"),
    ("isi_net-reports.8", f"every {report.REWRITE_SECONDS} seconds to show that the node lives"),
    ("isi_net-reports.8", f"after {report.OLD_SECONDS} seconds it is called old"),
    ("isi_net-upgrade.8", f"has reported within the last {report.OLD_SECONDS} seconds"),
    ("isi_net-merger.8", f"is more than {report.OLD_SECONDS // 60} minutes old"),
    ("isi_net-merger.8", f"more than {('', 'one', 'two')[report.SKEW_SECONDS // 60]} minutes ahead"),
    ("isi_net-merger.8", f"again after {('', '', '', '', '', 'five')[int(REST_SECONDS)]} seconds"),
    ("isi_net-daemon.8", f"every {('', '', '', '', '', 'five')[int(EVERY_SECONDS)]} seconds it also"),
    ("isi_net.toml.5", f"{('', 'one', 'two', 'three')[STALLED_DEADLINES]} of them without a turn"),
)


@pytest.mark.parametrize(("page", "sentence"), NUMBERS)
def test_a_number_in_the_manual_is_the_programs(page: str, sentence: str) -> None:
    text = " ".join(text for section in PAGES[page].values() for text in section.all())
    assert sentence in text.lower()


# How the pages are written.


def test_mandoc_has_nothing_to_complain_of() -> None:
    """But that this machine has not installed the pages that ours refer to."""
    pages = [f"man/{page}" for page in PAGES]
    need(missing({"mandoc": "mandoc"}))
    command = ["mandoc", "-T", "lint", *pages]
    linted = subprocess.run(command, cwd=HOUSE, capture_output=True, text=True, check=False)
    said = [one for one in linted.stdout.splitlines() if "referenced manual not found" not in one]
    assert said == []


@pytest.mark.parametrize("page", PAGES)
def test_groff_has_nothing_to_complain_of(page: str) -> None:
    """It formats the page as it would be read, with every warning that it has."""
    need(missing({"groff": "groff-base"}))
    command = ["groff", "-ww", "-mdoc", "-Tutf8", f"man/{page}"]
    formatted = subprocess.run(command, cwd=HOUSE, capture_output=True, text=True, check=False)
    assert (formatted.returncode, formatted.stderr) == (0, "")
    assert "SEE ALSO" in re.sub(".\b", "", formatted.stdout)  # bold is struck twice
