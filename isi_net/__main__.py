"""The way in: ``isi_net`` and ``python -m isi_net``."""

from isi_net.cli import main

if __name__ == "__main__":
    main()
