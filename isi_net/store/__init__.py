"""Names and bytes: where everything lies, how it is read, and how it is written so that nothing is lost.

`tree.py` is the only file that spells a path, `atomic.py` the only one that writes, `lock.py` the only
one that locks.  Nothing here knows what the bytes mean.
"""
