"""`python -m datadeling`, the same as the `datadeling` command."""

from datadeling.cli import main

if __name__ == "__main__":
    main()
