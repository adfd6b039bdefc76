"""``python -m datagen`` and the ``datagen`` script are the command line."""

from __future__ import annotations

import os
import sys

from datagen.cli.exit_codes import INTERRUPTED


def main() -> None:
    """Run the command line; Ctrl-C while it is being imported ends as quietly as later."""
    try:
        from datagen.cli.main import main as run_and_exit

        run_and_exit()
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        sys.stderr.flush()
        os._exit(INTERRUPTED)  # half-imported modules may fail to be torn down


if __name__ == "__main__":
    main()
