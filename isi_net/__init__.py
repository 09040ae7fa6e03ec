"""isi_net: the addresses that a cloud leases, followed by a cluster that serves files.

Nothing is imported here: a command starts before the key comes up.
"""

__version__ = "0.1.0"
