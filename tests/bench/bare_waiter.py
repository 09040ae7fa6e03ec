"""The floor of a handover: a program whose thread waits in flock(2), and then writes what must be safe first.

    python bare_waiter.py DIRECTORY NUMBER

Granted, it makes the term's directory and a tenure, both synced, and only then adds a line to the log,
`DIRECTORY/log`: the time and the NUMBER.  It holds the lock until it is killed.
"""

import fcntl
import os
import sys
import threading
import time


def sync(directory: str) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


directory, number = sys.argv[1:]
lock = os.open(f"{directory}/lock", os.O_RDWR | os.O_CREAT)
granted = threading.Event()


def stand_in_line() -> None:
    fcntl.flock(lock, fcntl.LOCK_EX)
    granted.set()


threading.Thread(target=stand_in_line, daemon=True).start()
granted.wait()
os.mkdir(f"{directory}/term.{os.getpid()}")
sync(directory)
with open(f"{directory}/tenures/new", "xb") as tenure:
    tenure.write(b'{"devid": 1}\n' * 20)
    tenure.flush()
    os.fsync(tenure.fileno())
os.rename(f"{directory}/tenures/new", f"{directory}/tenures/{os.getpid()}")
sync(f"{directory}/tenures")
with open(f"{directory}/log", "a") as log:
    log.write(f"{time.time()} {number}\n")
time.sleep(3600)
