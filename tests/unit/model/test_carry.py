"""Settings, when an older or an imported configuration is brought in."""

from dataclasses import replace

from isi_net.model.carry import brought_in
from isi_net.model.network import EARLIER, ClusterSettings, Configuration, Groupnet

NEW = Configuration(revision=9, settings=ClusterSettings("9.8.0.0", on_premises_dhcp=True))
GROUPNETS = (Groupnet(1, "groupnet0"),)


def test_the_settings_of_another_revision_come_with_it_but_the_release_stays() -> None:
    older = Configuration(revision=3, settings=ClusterSettings("9.7.0.0", sbr=True), groupnets=GROUPNETS)
    brought = brought_in(older, NEW)
    assert brought.settings == ClusterSettings("9.8.0.0", sbr=True)
    assert brought.groupnets == GROUPNETS


def test_what_an_earlier_release_wrote_never_takes_the_upgrade_back() -> None:
    brought = brought_in(Configuration(settings=EARLIER, groupnets=GROUPNETS), NEW)
    assert brought.settings == NEW.settings
    assert brought.groupnets == GROUPNETS


def test_what_a_later_release_wrote_commits_no_upgrade() -> None:
    assert brought_in(NEW, replace(NEW, settings=EARLIER)).settings == EARLIER
