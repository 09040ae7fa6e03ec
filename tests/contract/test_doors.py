"""What the docstrings of the house promise of its doors, read from its syntax trees."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from isi_net.store.tree import COMMAND_PREFIX, LEASE_PREFIX, Tree

PACKAGE = Path(__file__).parents[2] / "isi_net"
MODULES = {
    file.relative_to(PACKAGE).as_posix(): ast.parse(file.read_text()) for file in PACKAGE.rglob("*.py")
}

# Calls that change a file system, and who makes them.  What an editor adds here needs a reason as good.
CHANGING = re.compile(
    "f?chmod|[fl]?chown|copy.*|f?truncate|link|makedirs|mk(dir|fifo|nod)|move|p?writev?|remove(dirs)?|renames?"
    "|replace|rm(dir|tree)|symlink|unlink|utime|write_(bytes|text)"
)
WRITING_FLAGS = frozenset({"O_WRONLY", "O_RDWR", "O_CREAT", "O_APPEND", "O_TRUNC"})
MAY_CHANGE = {
    "store/atomic.py": "the one door that writes",
    "store/lock.py": "the lock file's creation, and the holder's signature in it",
    "daemon/log.py": "the log, appended to in place",
    "daemon/watch.py": "a byte into its own pipe",
    "cli/stdout.py": "stdout, and /dev/null in its place",
}
# The demonstration plays the machines around a cluster (cloud, DHCP client, administrator) in a directory
# of its own; what its daemons do in there goes through the doors like everything else.
HOUSE = sorted(module for module in MODULES if not module.startswith("demo/"))
# Errors name the file that bytes are said to come from; nothing is opened by that name.
MAY_SPELL = {"formats/flx_config.py": {"flx_config.xml"}}


def calls(tree: ast.Module) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def name_of(call: ast.Call) -> str:
    """`os.rename` of `os.rename(…)`, `open` of `open(…)`."""
    return ast.unparse(call.func)


def texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every text in a module that is not a docstring, with its line."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value


def importers(package: str) -> set[str]:
    """The modules that import `package` or anything in it, wherever in the module that is."""
    found = set()
    for module, tree in MODULES.items():
        for node in ast.walk(tree):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            if any(name.split(".")[0] == package for name in names):
                found.add(module)
    return found


def changes(tree: ast.Module) -> list[str]:
    """The calls in a module that can change a file system, each with its line."""
    return [f"{call.lineno}: {ast.unparse(call)}" for call in calls(tree) if is_a_change(call)]


def is_a_change(call: ast.Call) -> bool:
    module, _, verb = name_of(call).rpartition(".")
    if verb == "open":
        flags = {node.attr for node in ast.walk(call) if isinstance(node, ast.Attribute)}
        given = [*call.args[-1:], *(one.value for one in call.keywords)]  # the mode is the last argument
        modes = [one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        return bool(flags & WRITING_FLAGS) or any(
            re.fullmatch("[rwaxbt+]*[wax+][bt+]*", one) for one in modes
        )
    return bool(CHANGING.fullmatch(verb)) and (module in {"os", "shutil"} or verb.startswith("write_"))


@pytest.mark.parametrize("module", MODULES)
def test_a_module_opens_with_what_it_is_for(module: str) -> None:
    assert ast.get_docstring(MODULES[module])


def test_every_directory_of_modules_is_a_package() -> None:
    """A package has a docstring only if it has an `__init__.py`, and only then it is in the layers."""
    rooms = {file.parent for file in PACKAGE.rglob("*.py")}
    assert [room for room in rooms if not (room / "__init__.py").exists()] == []


def test_there_is_no_drawer_for_odds_and_ends() -> None:
    drawers = {"util", "utils", "helper", "helpers", "common", "misc", "tools", "lib"}
    names = {part for module in MODULES for part in module.removesuffix(".py").split("/")}
    assert names.isdisjoint(drawers)


def test_only_flx_config_knows_lxml() -> None:
    assert importers("lxml") == {"formats/flx_config.py"}


def test_only_netlink_knows_pyroute2() -> None:
    assert importers("pyroute2") == {"flexnet/netlink.py"}


def test_only_the_lock_knows_portalocker() -> None:
    assert importers("portalocker") == {"store/lock.py"}


@pytest.mark.parametrize("room", ["model", "formats"])
def test_what_is_pure_opens_nothing(room: str) -> None:
    """But its own schema, which ships beside it."""
    doors = {
        f"{module}: {name_of(call)}"
        for module, tree in MODULES.items()
        if module.startswith(f"{room}/")
        for call in calls(tree)
        if name_of(call).rpartition(".")[2]
        in {"open", "read_bytes", "read_text", "scandir", "listdir", "stat"}
    }
    assert doors <= {"formats/flx_config.py: Path(__file__).with_name(NAME_OF_SCHEMA).read_bytes"}


def test_the_model_has_no_clock() -> None:
    clocks = {module for package in ("time", "datetime") for module in importers(package)}
    assert {module for module in clocks if module.startswith("model/")} == set()


def spelled_in_tree() -> frozenset[str]:
    """Every part of every path of the tree that is no common word: it has a dot or an underscore."""
    tree = Tree("/", "/")
    paths = [value for name in dir(Tree) if isinstance(value := getattr(tree, name), str)]
    parts = {part for path in paths for part in path.split("/")} | {LEASE_PREFIX, COMMAND_PREFIX}
    return frozenset(part for part in parts if "." in part or "_" in part) - {"isi_net"}


def test_the_tree_spells_what_this_looks_for() -> None:
    assert {".ifsvar", "ip_reports", "flx_config.xml", "pool_members", "ip_merger"} <= spelled_in_tree()


@pytest.mark.parametrize("module", [module for module in HOUSE if module != "store/tree.py"])
def test_only_the_tree_spells_a_path(module: str) -> None:
    spelled = spelled_in_tree() - MAY_SPELL.get(module, set())
    found = [
        f"{line}: {text!r}"
        for line, text in texts(MODULES[module])
        if text in spelled or text.startswith(("/etc/", "/var/", "/ifs"))
    ]
    joined = [
        f"{call.lineno}: {ast.unparse(call)}"
        for call in calls(MODULES[module])
        if name_of(call) == "os.path.join"
        and any(isinstance(one, ast.Constant) and one.value for one in call.args)
    ]
    assert found + joined == []


@pytest.mark.parametrize("module", [module for module in HOUSE if module not in MAY_CHANGE])
def test_only_one_door_writes(module: str) -> None:
    assert changes(MODULES[module]) == []


@pytest.mark.parametrize("module", MAY_CHANGE)
def test_who_may_write_does(module: str) -> None:
    """A name that writes no more has no business in the list; and it shows that a write is seen."""
    assert changes(MODULES[module])


def test_a_write_is_seen_however_it_is_spelled() -> None:
    source = "os.rename(a, b); shutil.move(a, b); open(p, 'w'); p.open(mode='ab'); p.write_text(t)"
    assert len(changes(ast.parse(f"{source}; os.open(p, os.O_RDWR)"))) == 6
    assert changes(ast.parse("open(p); open(p, 'rb'); os.open(p, os.O_RDONLY); text.replace(a, b)")) == []
