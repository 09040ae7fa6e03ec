"""Whether a node has what it should, as `isi_net flexnet status` answers it by its exit status."""

import pytest

from isi_net.flexnet.status import Status
from isi_net.model.applying import Plan
from isi_net.model.finding import Finding, Severity
from isi_net.model.nics import Applied


@pytest.mark.parametrize("severity", ["info", "warning", "error"])
@pytest.mark.parametrize("by_the_daemon", [False, True])
def test_a_warning_is_a_difference_and_information_is_none(severity: Severity, by_the_daemon: bool) -> None:
    """Whoever found it: the comparison just now, or the daemon when it last did something."""
    found = (Finding("NIC ens5", "link_down", severity, "is set down"),)
    status = (
        Status(1, Applied(findings=found), (), Plan())
        if by_the_daemon
        else Status(1, Applied(), (), Plan((), found))
    )
    assert status.findings == found
    assert status.differs is (severity != "info")
