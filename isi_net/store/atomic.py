"""The only door that writes: a whole new file, fsync, rename, fsync of the directory.

Readers take no lock and never see half a file.  Nothing is written through a symbolic link, nothing over
what is not a regular file, and no name in a shared directory can be guessed before it is there.
Raises Unwritable with what to do, and no OSError but these: FileNotFoundError of `stage`, `publish`, `claim`
and `touch` and FileExistsError of `claim` and `make_new_directory` come through, because the fence and the
compare and swap are made of them.
"""

import contextlib
import errno
import os
import re
import stat

from isi_net.errors import Unwritable

FILE_MODE, DIRECTORY_MODE = 0o644, 0o755

_STAGED = re.compile(r"\.(.+)\.[0-9a-f]{16}")


def staged_name(name: str) -> str | None:
    """What a file that `stage` made was going to be, by its hidden name; None when it is no such file."""
    found = _STAGED.fullmatch(name)
    return found[1] if found else None


_REMOVE_TRIES = 10
_NOT_EMPTY = frozenset({errno.ENOTEMPTY, errno.EEXIST})  # rmdir(2) may say either


def stage(directory: str, name: str, data: bytes) -> str:
    """Writes `data` to a new file in `directory`, safe on the disk, and gives back its path.

    The file's own name is hidden and cannot be guessed; `name` is what people see of it in a listing.
    FileNotFoundError comes through: for the holder of a role it means that it is fenced.
    """
    path = os.path.join(directory, f".{name}.{os.urandom(8).hex()}")
    try:
        descriptor = os.open(
            path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE
        )
    except FileNotFoundError:
        raise
    except OSError as error:
        raise explain(error, directory) from error
    try:
        try:
            os.fchmod(descriptor, FILE_MODE)
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)  # on some file systems this is what says that the disk is full
    except OSError as error:
        _unlink_quietly(path)
        raise explain(error, directory) from error
    return path


def publish(staged: str, target: str) -> None:
    """Renames `staged` over `target`, safe on the disk.  FileNotFoundError: somebody took `staged` away."""
    try:
        with contextlib.suppress(FileNotFoundError):  # the first of its name
            if not stat.S_ISREG(os.lstat(target).st_mode):
                raise Unwritable("not a regular file", target, "take away what lies there")
        os.rename(staged, target)
        sync_directory(os.path.dirname(target))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise explain(error, target) from error


def claim(staged: str, target: str) -> None:
    """Gives `staged` the name `target` as well, which only one can win, safe on the disk.

    FileExistsError: somebody else has it.  (With the same file it is our own link whose answer was lost:
    a win.)  FileNotFoundError: somebody took `staged` away.
    """
    try:
        try:
            os.link(staged, target, follow_symlinks=False)
        except FileExistsError:
            if not os.path.samestat(os.lstat(staged), os.lstat(target)):
                raise
        sync_directory(os.path.dirname(target))
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError as error:
        raise explain(error, target) from error


def replace(target: str, data: bytes) -> None:
    """Makes `target` a file of `data`, whole or not at all; its directory is made when it is missing."""
    directory, name = os.path.split(target)
    make_directory(directory)
    try:
        staged = stage(directory, name, data)
        try:
            publish(staged, target)
        except (FileNotFoundError, Unwritable):
            _unlink_quietly(staged)
            raise
    except FileNotFoundError as error:  # the directory, or what we staged, vanished under us
        raise explain(error, target) from error


def make_directory(path: str) -> None:
    """Makes `path` and what is missing on the way to it, safe on the disk."""
    if os.path.isdir(path):
        return
    parent = os.path.dirname(path)
    try:
        if parent != path:
            make_directory(parent)
        os.mkdir(path, DIRECTORY_MODE)
        os.chmod(path, DIRECTORY_MODE)
        sync_directory(parent)
    except FileExistsError:
        if not os.path.isdir(path):
            raise Unwritable("not a directory", path, "take away what lies there") from None
    except OSError as error:
        raise explain(error, path) from error


def make_new_directory(path: str) -> None:
    """Makes `path`, which must not be there yet, safe on the disk.  FileExistsError: somebody was faster."""
    try:
        os.mkdir(path, DIRECTORY_MODE)
        sync_directory(os.path.dirname(path))
    except FileExistsError:
        raise
    except OSError as error:
        raise explain(error, path) from error


def remove(path: str) -> None:
    """Removes the file `path`, or the directory with all in it; one that is not there is well removed."""
    try:
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            os.unlink(path)
            return
        for attempt in range(_REMOVE_TRIES):
            for name in os.listdir(path):
                remove(os.path.join(path, name))
            try:
                os.rmdir(path)
                return
            except OSError as error:
                # Its owner, who does not know yet that it is fenced, staged one more file.
                if error.errno not in _NOT_EMPTY or attempt == _REMOVE_TRIES - 1:
                    raise
    except FileNotFoundError:
        pass
    except OSError as error:
        raise explain(error, path) from error


def touch(path: str) -> None:
    """Sets the file's times to now.  FileNotFoundError comes through."""
    try:
        os.utime(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise explain(error, path) from error


def sync_directory(path: str) -> None:
    """Makes the names in `path` safe on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unlink_quietly(path: str) -> None:
    """For clearing up after a failure that is being reported: a second failure would only hide the first."""
    with contextlib.suppress(OSError):
        os.unlink(path)


def explain(error: OSError, path: str) -> Unwritable:
    """`error` as one of ours, with what to do."""
    todo = {
        errno.ENOSPC: "make room on the file system",
        errno.EDQUOT: "make room within the quota",
        errno.EROFS: "the file system is read-only: remount it",
        errno.EACCES: "run as root, or let this user write there",
        errno.EPERM: "run as root, or let this user write there",
        errno.ENOENT: "its directory vanished: is the file system mounted?",
        errno.EISDIR: "take away what lies there",
        errno.ELOOP: "a symbolic link does not belong there: take it away",
    }.get(error.errno or 0, "look at the file system")
    return Unwritable(f"cannot write: {error.strerror}", path, todo)
