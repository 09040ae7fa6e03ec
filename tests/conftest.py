"""Its being here puts tests/ on the path, so that any test can say `from strategies import …`.

And whoever starts the tests has the same tests: in their own shell they may look at a cluster of theirs, in a
terminal of any width.
"""

import os

from hypothesis import HealthCheck, settings

for name in ("ISI_NET_ROOT", "ISI_NET_IFS"):
    os.environ.pop(name, None)
os.environ["COLUMNS"] = "80"

# How long an example takes says something of the machine, and of what else it does just now: in two loops of
# the whole suite side by side, one law in ten rounds failed by hypothesis' own clock.  And what failed in an
# earlier run is not kept: a run says nothing of another one, and the checkout need not be writable.
settings.register_profile(
    "patient", settings.default, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")
