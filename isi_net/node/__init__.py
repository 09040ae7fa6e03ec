"""This node as its settings have it: its leases, and the cloud that it is in."""
