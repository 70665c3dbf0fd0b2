"""`python -m ekiden` is the command `ekiden`."""

from ekiden.cli import main

if __name__ == "__main__":
    main()
