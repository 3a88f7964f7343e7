"""`python -m seeclickfix_async.cli`, the same as `scf`."""

import sys

from seeclickfix_async.cli import main

if __name__ == "__main__":
    sys.exit(main())
