"""Machines by what their DMI says: the files of `/sys/class/dmi/id`, as published fingerprints have them.

Sources: AWS, "Detect whether a host is an EC2 instance" (both UUIDs are its examples); cloud-init's and
systemd's tests; `dmidecode` of the others as their makers document it.
"""

from pathlib import Path

from isi_net.store.tree import Tree

AZURE_TAG = "7783-7084-3265-9085-8269-3286-77"
RANDOM_UUID = "4c4c4544-0051-3610-8052-b9c04f4e4432"


def _machine(
    sys_vendor: str, product_name: str, board: str, bios: str, version: str, tag: str, uuid: str = RANDOM_UUID
) -> dict[str, str]:
    return {
        "sys_vendor": sys_vendor,
        "product_name": product_name,
        "board_vendor": board,
        "bios_vendor": bios,
        "bios_version": version,
        "chassis_asset_tag": tag,
        "product_uuid": uuid,
    }


_MS, _AMI = "Microsoft Corporation", "American Megatrends Inc."
_EC2, _PC = "Amazon EC2", "Standard PC (Q35 + ICH9, 2009)"

IN_A_CLOUD: dict[str, tuple[str, dict[str, str]]] = {
    "AWS Nitro": (
        "AWS",
        _machine(_EC2, "m5.large", _EC2, _EC2, "1.0", _EC2, "ec2f3c5e-0e2d-4b1c-9c3e-7b1f0a9d2c11"),
    ),
    "AWS metal": ("AWS", _machine(_EC2, "m5.metal", _EC2, _EC2, "1.0", _EC2)),
    "AWS Xen": (
        "AWS",
        _machine("Xen", "HVM domU", "", "Xen", "4.11.amazon", "", "EC2E1916-9099-7CAF-FD21-012345ABCDEF"),
    ),
    "AWS Xen, asked by a user": (
        "AWS",
        _machine("Xen", "HVM domU", "", "Xen", "4.2.amazon", "", ""),
    ),
    "AWS Xen, by its UUID alone": (
        "AWS",
        _machine("Xen", "HVM domU", "", "Xen", "", "", "ec2e1916-9099-7caf-fd21-012345abcdef"),
    ),
    "AWS Xen, its UUID little-endian": (
        "AWS",
        _machine("Xen", "HVM domU", "", "Xen", "", "", "45E12AEC-DCD1-B213-94ED-012345ABCDEF"),
    ),
    "Azure": ("Azure", _machine(_MS, "Virtual Machine", _MS, _AMI, "090008", AZURE_TAG)),
    "Azure, generation 2": (
        "Azure",
        _machine(_MS, "Virtual Machine", _MS, _MS, "Hyper-V UEFI Release v4.1", AZURE_TAG),
    ),
    "GCP": ("GCP", _machine("Google", "Google Compute Engine", "Google", "Google", "Google", "")),
    "GCP, an older image": ("GCP", _machine("Google", "Google", "Google", "Google", "Google", "")),
    "OCI": (
        "OCI",
        _machine("QEMU", "Standard PC (i440FX + PIIX, 1996)", "", "SeaBIOS", "1.11.0", "OracleCloud.com"),
    ),
    "OCI metal": (
        "OCI",
        _machine(
            "Oracle Corporation",
            "ORACLE SERVER E4-2c",
            "Oracle Corporation",
            _AMI,
            "78010000",
            "OracleCloud.com",
        ),
    ),
}
ELSEWHERE: dict[str, dict[str, str]] = {
    "bare metal": _machine("Dell Inc.", "PowerEdge R740", "Dell Inc.", "Dell Inc.", "2.19.1", ""),
    "bare metal, nobody filled it in": _machine(
        "To Be Filled By O.E.M.",
        "To Be Filled By O.E.M.",
        "ASRock",
        _AMI,
        "P1.30",
        "To Be Filled By O.E.M.",
    ),
    "VMware": _machine(
        "VMware, Inc.",
        "VMware Virtual Platform",
        "Intel Corporation",
        "Phoenix Technologies LTD",
        "6.00",
        "No Asset Tag",
        "564d3d2f-8f4c-9c1e-6a4c-0123456789ab",
    ),
    "KVM": _machine("QEMU", _PC, "", "SeaBIOS", "1.16.2-debian-1.16.2-1", ""),
    "VirtualBox": _machine(
        "innotek GmbH", "VirtualBox", "Oracle Corporation", "innotek GmbH", "VirtualBox", ""
    ),
    "Hyper-V on the premises": _machine(
        _MS, "Virtual Machine", _MS, _AMI, "090008", "2831-3616-6111-0725-5803-6137-84"
    ),
    "Xen on the premises": _machine("Xen", "HVM domU", "", "Xen", "4.14.5", ""),
    "Xen on the premises, its UUID by chance": _machine(
        "Xen", "HVM domU", "", "Xen", "4.14.5", "", "ec2f3c5e-0e2d-4b1c-9c3e-7b1f0a9d2c11"
    ),
    "a Chromebook": _machine("Google", "Eve", "Google", "coreboot", "Google_Eve.9584.230.0", ""),
    "no DMI at all": {},
}


def describe(tree: Tree, machine: dict[str, str]) -> None:
    """Has `/sys/class/dmi/id` below the tree's root say what `machine` says; an empty field a blank line."""
    for name, value in machine.items():
        path = Path(tree.dmi(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value + "\n")
