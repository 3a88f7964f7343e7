"""`python -m seeclickfix_async._cli`, the same as `scf`."""

import sys

from seeclickfix_async._cli import main

if __name__ == "__main__":
    sys.exit(main())
