"""Is this directory sound: do locks, links and renames hold across the hosts that share it?

Hosts find each other in a directory below `--ifs`, try together what the merger's role and the
configuration rest upon, through the very doors that these use, and judge what they saw.
"""
