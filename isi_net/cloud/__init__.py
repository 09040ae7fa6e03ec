"""Which cloud is this: what this machine says of itself.  No network is asked."""
