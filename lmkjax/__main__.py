"""`python -m lmkjax VERB ...`, the same as `lmkjax VERB ...`."""

from lmkjax import cli

cli.main()
