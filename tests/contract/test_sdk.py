"""Dell's own SDK takes our JSON: every key is one of its fields, every value is of the type and within the
bounds that it demands.

It is `isilon-sdk` 0.7.0 of PyPI, 400 MB once installed, so `.ci/run` installs it and these tests are slow
ones.  Its package would import thousands of modules: the models are loaded from their files, one by one.
"""

import importlib.util
import json
import re
import time
from functools import cache
from pathlib import Path
from typing import Any

import fixed_cluster
import pytest
from needs import need

# What we say besides what the API of OneFS 9.7 knows.
OURS = {"GroupnetSubnetExtended": {"dhcp_servers"}}

PLAIN = {"str": str, "int": int, "bool": bool}


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def sdk() -> None:
    if importlib.util.find_spec("isilon_sdk") is None:
        need(["isilon_sdk (pip install isilon-sdk==0.7.0 six)"])


@cache
def model(name: str) -> type:
    """Dell's class of that name; each has a module of its own, called as it in lower case."""
    package = importlib.util.find_spec("isilon_sdk")
    assert package is not None
    assert package.submodule_search_locations is not None
    module = re.sub("(?<!^)([A-Z])", r"_\1", name).lower()
    file = Path(package.submodule_search_locations[0], "v9_7_0", "models", f"{module}.py")
    spec = importlib.util.spec_from_file_location(module, file)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    found: type = getattr(loaded, name)
    return found


def taken(value: Any, kind: str) -> Any:
    """`value` as a `kind` of Dell's, made as the SDK's own client makes it; but an unknown field, or a
    value of another type, which that client passes over, is an error."""
    if value is None:
        return None
    if kind in PLAIN:
        assert type(value) is PLAIN[kind], f"{value!r} is not {kind}"
        return value
    if kind.startswith("list["):
        assert isinstance(value, list)
        return [taken(one, kind[len("list[") : -1]) for one in value]
    cls: Any = model(kind)
    fields = {key: one for key, one in value.items() if key not in OURS.get(kind, ())}
    assert fields.keys() <= cls.attribute_map.keys(), f"{fields.keys() - cls.attribute_map.keys()} of {kind}"
    return cls(**{key: taken(one, cls.swagger_types[key]) for key, one in fields.items()})


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("cluster")
    fixed_cluster.make(directory, reported_at=int(time.time()))
    return directory


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("pools list", "NetworkPool"),
        ("interfaces list", "NetworkInterface"),
        ("subnets list", "GroupnetSubnetExtended"),
        ("groupnets list", "NetworkGroupnetExtended"),
    ],
)
def test_dells_models_take_our_json(command: str, kind: str, cluster: Path) -> None:
    printed = json.loads(fixed_cluster.run(cluster, *command.split(), "--format", "json").out)
    models = [taken(record, kind) for record in printed]
    assert len(models) >= 2
    assert [one.id for one in models] == [record["id"] for record in printed]


def test_an_externally_managed_pool_is_one_to_the_sdk(cluster: Path) -> None:
    printed = json.loads(fixed_cluster.run(cluster, "pools", "view", "subnet0.pool0", "--format", "json").out)
    pool = taken(printed, "NetworkPool")
    assert (pool.alloc_method, pool.external_manager, pool.aggregation_mode) == (
        "externally_managed",
        "AWS",
        "none",
    )
    assert [(one.low, one.high) for one in pool.ranges[:1]] == [("10.20.30.11", "10.20.30.11")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"alloc_method": "externally-managed"},
        {"external_manager": "x" * 129},
        {"sc_ttl": "0"},
        {"colour": "red"},
        {"ranges": [{"low": "ten", "high": "10.0.0.1"}]},
    ],
    ids=str,
)
def test_what_the_sdk_would_not_take_is_found(wrong: dict[str, Any]) -> None:
    with pytest.raises((AssertionError, ValueError)):
        taken({"id": "groupnet0.subnet0.pool0", **wrong}, "NetworkPool")
