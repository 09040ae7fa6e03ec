"""DHCP on this node: the clients' leases, as they wrote them."""
