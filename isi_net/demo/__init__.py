"""The demo: a cluster of four nodes in one directory, and a cloud that leases it addresses.

The daemons and the commands are the real ones, as an administrator starts them; only the cloud is played
(`cloud.py`).  No root, no network, no DHCP client, and nothing outside the directory is touched.
"""
