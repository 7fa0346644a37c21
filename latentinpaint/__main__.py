"""`python -m latentinpaint COMMAND`: the command `latentinpaint`, where its script is not on the path."""

from latentinpaint.cli import main

if __name__ == "__main__":
    main()
