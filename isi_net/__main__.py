"""The way in: ``isi_net`` and ``python -m isi_net``."""

import gc

_OBJECTS = 50_000


def main() -> None:
    """Runs the command that the process was started with; ends the process with its exit status."""
    collect_seldom()
    try:
        from isi_net.cli import main as run  # noqa: PLC0415 - to import it makes most of the objects

        run()
    finally:
        # Or else an ending process looks through them all three times more.  All that it leaves is memory,
        # which the kernel takes as it is; stdout is flushed, and files are closed where they are used.
        gc.freeze()


def collect_seldom() -> None:
    """Has Python look seldom for rings of garbage, which it does whenever 700 more objects stand than before.

    That is 40 times while a command starts, for nothing, since what it makes then stays.
    """
    gc.set_threshold(_OBJECTS)


if __name__ == "__main__":
    main()
