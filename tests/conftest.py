"""Its being here puts tests/ on the path, so that any test can say `from strategies import …`."""

from hypothesis import HealthCheck, settings

# How long an example takes says something of the machine, and of what else it does just now: in two loops of
# the whole suite side by side, one law in ten rounds failed by hypothesis' own clock.
settings.register_profile(
    "patient", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")
