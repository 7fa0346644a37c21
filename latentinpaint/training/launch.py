"""What started this process beside others: torchrun, SLURM's srun, or nothing, and Lightning starts the others."""

import os
from dataclasses import dataclass

import torch.distributed as dist


@dataclass(frozen=True)
class Launch:
    """The processes that a launcher has started for one run.

    Attributes:
        launcher: its name, for a person.
        per_machine: processes on each machine, one a device.
        machines: how many.
    """

    launcher: str
    per_machine: int
    machines: int


def launched() -> Launch | None:
    """What torchrun or srun has started; None if this process was started alone."""
    if dist.is_available() and dist.is_torchelastic_launched():
        here = int(os.environ["LOCAL_WORLD_SIZE"])
        return Launch("torchrun", here, int(os.environ["WORLD_SIZE"]) // here)
    tasks = int(os.environ.get("SLURM_NTASKS", 1))
    is_interactive = os.environ.get("SLURM_JOB_NAME") in ("bash", "interactive")  # a shell, not one of the tasks
    if tasks == 1 or is_interactive:
        return None
    machines = int(os.environ.get("SLURM_NNODES", 1))
    return Launch("SLURM", tasks // machines, machines)


def is_restarted_on_failure() -> bool:
    """Whether torchrun starts the processes anew when one of them dies (--max-restarts)."""
    return launched() is not None and int(os.environ.get("TORCHELASTIC_MAX_RESTARTS", 0)) > 0
