"""`python -m lmkjax VERB ...`, the same as `lmkjax VERB ...`."""

from lmkjax import cli

if __name__ == "__main__":
    cli.main()
