"""The options that say which machines a command works on, which several commands have."""

from latentinpaint.errors import InputError, choose

ENGINES = {"local": "this machine", "ray": "the machines of a Ray cluster"}


def check_engine(engine: str, ray_address: str | None) -> None:
    """Raise an `InputError` unless --engine is one of `ENGINES`, and --ray-address has a cluster to be of."""
    choose(ENGINES, engine, "--engine")
    if ray_address is not None and engine != "ray":
        raise InputError("--ray-address is that of a Ray cluster: add --engine ray")
