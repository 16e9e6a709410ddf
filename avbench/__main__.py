"""``python -m avbench``: the command line."""

import sys

from avbench.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
