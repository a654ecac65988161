"""`python -m tonewise` is the command `tonewise`."""

from tonewise.cli import main

main()
