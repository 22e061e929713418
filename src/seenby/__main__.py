"""`python -m seenby`: the same as `seenby`."""

from seenby.cli import main

if __name__ == "__main__":
    main()
