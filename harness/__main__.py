"""`python -m harness` is `joulemark`."""

from harness.cli import main

main()
