"""`python -m rankify` is the `rankify` command."""

from rankify.cli import main

if __name__ == "__main__":
    main()
