"""`isi_net config check`: what it says is of one revision."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import fixed_cluster

from isi_net.flexnet import published
from isi_net.formats import flx_config
from isi_net.model.names import GroupnetId, SubnetId

HOUSE = Path(__file__).parents[2]

# Runs `isi_net` with the last arguments; the first file appears under the second's name as soon as the third
# is opened, which Python announces (sys.addaudithook).
WHILE_IT_READS = """
import os, sys
from isi_net.__main__ import main

staged, name, opened = sys.argv[1:4]

def hook(event, arguments):
    if event == "open" and arguments[0] == opened and not os.path.exists(name):
        os.link(staged, name)

sys.addaudithook(hook)
sys.argv[1:] = sys.argv[4:]
main()
"""


def test_the_schema_and_the_rules_are_checked_of_the_same_revision(tmp_path: Path) -> None:
    """Also where another is published while it reads: 13, which breaks a rule, has no part in the answer."""
    tree = fixed_cluster.make(tmp_path)
    network = published.load(tree)
    subnet_id = SubnetId("groupnet0", "subnet1")
    subnet = replace(network.existing_subnet(subnet_id), prefixlen=30)
    broken = replace(network.with_subnet(GroupnetId("groupnet0"), subnet), revision=13)
    staged = tmp_path / "13"
    staged.write_bytes(flx_config.render(broken))

    def checked() -> tuple[int, str, str]:
        program = [sys.executable, "-c", WHILE_IT_READS, str(staged), tree.revision(13), tree.revision(12)]
        ran = subprocess.run(
            [*program, "--root", str(tmp_path), "config", "check", "--format", "json"],
            env=os.environ | {"PYTHONPATH": str(HOUSE)},
            capture_output=True,
            text=True,
            check=False,
        )
        return ran.returncode, ran.stdout, ran.stderr

    assert checked() == (0, "[]\n", "")
    assert os.path.exists(tree.revision(13))
    status, said, _ = checked()
    assert status == 1
    assert "subnet1" in said
