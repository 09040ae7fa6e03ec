"""What runs on a host of `shared_fs.py` and is no `isi_net`: a rename that comes late, a reader that counts.

python on_host.py late STAGING TARGET CONTROL   stages, says so, and renames when it is told `go`
python on_host.py watch IFS FILE...             reads until somebody writes to its stdin
"""

import errno
import json
import os
import re
import select
import sys
import threading
import time
from collections import Counter

from isi_net.errors import Unreadable
from isi_net.store import atomic, revisions
from isi_net.store.read import read, read_seen
from isi_net.store.tree import Tree

# What a file system says while the connection is down, or comes back: ask again.
_NOT_YET = frozenset(
    {errno.ENOTCONN, errno.EBADFD, errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN}
)
_GIVE_UP_SECONDS = 30.0  # of being told to ask again
_LIMIT = 64 << 20


def late(staging: str, target: str, control: str) -> None:
    """Renames a file out of the fenced `staging` over `target`, and an unfenced one over `control`.

    Both are on their way at once; what each came to is printed as JSON.
    """
    renames = {
        "fenced": (atomic.stage(staging, "late", b"late\n"), target),
        "control": (atomic.stage(os.path.dirname(control), "late", b"late\n"), control),
    }
    print("staged", flush=True)
    sys.stdin.readline()
    answers: dict[str, dict[str, object]] = {}

    def insist(name: str) -> None:
        told: list[str] = []
        begun = since = time.monotonic()
        while True:
            try:
                os.rename(*renames[name])
                answer = "ok"
            except OSError as error:
                answer = errno.errorcode[error.errno or 0]
                if answer not in told:
                    told.append(answer)
                    since = time.monotonic()
                if error.errno in _NOT_YET and time.monotonic() - since < _GIVE_UP_SECONDS:
                    time.sleep(0.1)
                    continue
            break
        answers[name] = {"answer": answer, "told": told, "seconds": time.monotonic() - begun}

    threads = [threading.Thread(target=insist, args=(name,)) for name in renames]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps(answers), flush=True)


def watch(ifs: str, paths: list[str]) -> None:
    """Opens each file again and again as it is replaced, as any program would; what fails is then asked for
    as `isi_net` does.  Prints what it saw: how often a plain read failed, and what patience made of it.

    `behind` counts reads of an older revision after a newer one: for a moment, second names may be.  The
    configuration itself may not.
    """
    seen: Counter[str] = Counter()
    tree = Tree("/", ifs)
    newest = dict.fromkeys([ifs, *paths], 0)
    slowest = 0.0
    while not select.select([sys.stdin], [], [], 0)[0]:
        number = revisions.current(tree).number
        seen["configuration went back"] += number < newest[ifs]
        newest[ifs] = max(newest[ifs], number)
        for path in paths:
            try:
                data, _ = read(path, _LIMIT)
                seen["reads"] += 1
                seen["empty"] += not data
            except Unreadable as error:
                seen["reads"] += 1
                cause = error.__cause__
                seen[errno.errorcode.get(getattr(cause, "errno", 0) or 0, "other")] += 1
                data = b""
            if not data:
                begun = time.monotonic()
                try:
                    data, _ = read_seen(path, _LIMIT)
                    seen["survived"] += 1
                except Unreadable:
                    seen["not survived"] += 1
                    continue
                finally:
                    slowest = max(slowest, time.monotonic() - begun)
            found = re.search(rb'revision"?[=:] ?"?([0-9]+)', data)
            whole = data.endswith((b"</flx_config>\n", b"}\n"))
            if found is None or not whole:
                seen["torn"] += 1
                continue
            number = int(found[1])
            seen["behind"] += number < newest[path]
            newest[path] = max(newest[path], number)
    print(json.dumps({**seen, "slowest": slowest}), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "late":
        late(*sys.argv[2:])
    else:
        watch(sys.argv[2], sys.argv[3:])
