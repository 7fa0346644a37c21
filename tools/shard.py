"""The command `latentinpaint shard`."""

from latentinpaint.cli import main

if __name__ == "__main__":
    main("shard")
