"""The IP Reporter: from this node's leases to its report on the shared file system; and the inbox, in which
whoever asks finds all nodes' reports.
"""
