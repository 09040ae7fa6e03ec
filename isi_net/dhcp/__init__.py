"""DHCP on this node: the clients that we run, and the leases of all clients, as they wrote them."""
