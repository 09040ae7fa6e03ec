"""The IP Merger: hold the role, read the reports, walk the plan; and what administrators ask of it.

What to publish is decided by `model/merge.py`; how it is published safely, by `store/`.  The merger itself
(`merger`, `role`) only goes from the one to the other, and stops at the first sign that the role is not its
own any more.  Beside it: who holds the role (`status`), why an address is where it is (`explain`), the
upgrade that gives the cluster its pools (`upgrade`), and the end of a node (`retire`).
"""
