"""`python -m spfmodel`: the same as the `spfmodel` command."""

from .cli import main

main()
