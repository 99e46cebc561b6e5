"""`python -m cachewise`: the command line."""

from .sim.command.main import main

if __name__ == "__main__":
    main()
