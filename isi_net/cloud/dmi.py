"""DMI: what the firmware says of the machine, as the kernel shows it in `/sys/class/dmi/id`.

A hypervisor writes these texts; no network and no DHCP server can.  The product's UUID is for root alone
(mode 0400); whoever runs as another user does without.
"""

from isi_net.errors import Unreadable
from isi_net.model.cloud import DMI_FIELDS, Fact
from isi_net.store.read import read
from isi_net.store.tree import Tree

_MAX_BYTES = 1 << 16  # sysfs says 4096 of every file


def facts(tree: Tree) -> tuple[Fact, ...]:
    """What DMI says of the machine; a field that is missing, empty or not for us to read is left out."""
    found = []
    for name in DMI_FIELDS:
        path = tree.dmi(name)
        try:
            value = read(path, _MAX_BYTES)[0].decode(errors="replace").strip()
        except Unreadable:
            continue
        if value:
            found.append(Fact(name, path, value))
    return tuple(found)
