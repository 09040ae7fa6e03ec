"""The IP Merger: hold the role, read the reports, walk the plan.

What to publish is decided by `model/merge.py`; how it is published safely, by `store/`.  This room only
goes from the one to the other, and stops at the first sign that the role is not its own any more.
"""
