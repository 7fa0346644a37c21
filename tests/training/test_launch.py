"""What torchrun and SLURM say of the processes that they have started."""

import pytest

from latentinpaint.training.launch import Launch, is_restarted_on_failure, launched

TORCHRUN = {"TORCHELASTIC_RUN_ID": "none", "LOCAL_WORLD_SIZE": "4", "WORLD_SIZE": "8", "RANK": "5"}
SLURM = {"SLURM_NTASKS": "6", "SLURM_NNODES": "3", "SLURM_JOB_NAME": "train"}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        pytest.param({}, None, id="alone"),
        pytest.param(TORCHRUN, Launch("torchrun", 4, 2), id="torchrun"),
        pytest.param(SLURM, Launch("SLURM", 2, 3), id="srun"),
        pytest.param({**SLURM, **TORCHRUN}, Launch("torchrun", 4, 2), id="torchrun in a job"),
        pytest.param({**SLURM, "SLURM_JOB_NAME": "bash"}, None, id="a shell in a job"),
        pytest.param({"SLURM_NTASKS": "1"}, None, id="a job of one task"),
    ],
)
def test_what_was_started(environment, expected, monkeypatch):
    for name in (*TORCHRUN, *SLURM):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert launched() == expected


@pytest.mark.parametrize(("restarts", "expected"), [("0", False), ("3", True)])
def test_restarts_are_torchruns(restarts, expected, monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_MAX_RESTARTS", restarts)
    assert not is_restarted_on_failure()  # torchrun did not start this
    for name, value in TORCHRUN.items():
        monkeypatch.setenv(name, value)
    assert is_restarted_on_failure() == expected
