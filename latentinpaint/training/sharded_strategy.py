"""Fully sharded training: every process keeps a share of the weights' gradients and of the optimiser's numbers.

The task is one unit, gathered whole for a step: its networks are called by more methods than `forward`, which alone
could gather them one by one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.core.optimizer import LightningOptimizer
from pytorch_lightning.strategies import FSDPStrategy
from pytorch_lightning.trainer.states import TrainerStatus
from torch import Tensor, nn
from torch.optim import Optimizer


class ShardedStrategy(FSDPStrategy):
    """Lightning's `FSDPStrategy`, on processors too; mixed precision is autocast's, with weights in float32.

    After a run the task is a plain module again, whole in the first process.
    """

    @property
    def mixed_precision_config(self) -> None:
        """None: weights that were cast, statistics among them, would compute something else than on one device."""

    def _setup_model(self, model: nn.Module) -> nn.Module:
        from torch.distributed.fsdp import FullyShardedDataParallel

        return FullyShardedDataParallel(
            model,
            cpu_offload=self.cpu_offload,
            sharding_strategy=self.sharding_strategy,
            device_id=self.root_device,
            sync_module_states=self.root_device.type != "cpu",  # processors begin with equal weights by their seed
            use_orig_params=True,
        )

    def clip_gradients(self, largest: float) -> None:
        """Scale all gradients so that their norm, over the shares of all processes, is at most so large."""
        from torch.distributed.fsdp import FullyShardedDataParallel

        assert isinstance(self.model, FullyShardedDataParallel)
        self.model.clip_grad_norm_(largest)

    def optimizer_state(self, optimizer: Optimizer) -> dict[str, Any]:
        if self.root_device.type != "cpu":
            return super().optimizer_state(optimizer)
        # Moved to where they are already, all of a parameter's entries would be the one buffer they were gathered in.
        from torch.distributed.fsdp import (
            FullOptimStateDictConfig,
            FullStateDictConfig,
            FullyShardedDataParallel,
            OptimStateKeyType,
            StateDictType,
        )

        assert self.model is not None
        if isinstance(optimizer, LightningOptimizer):
            optimizer = optimizer.optimizer
        how = FullOptimStateDictConfig(offload_to_cpu=False, rank0_only=True)
        whole = StateDictType.FULL_STATE_DICT
        with FullyShardedDataParallel.state_dict_type(self.model, whole, FullStateDictConfig(), how):
            state = FullyShardedDataParallel.optim_state_dict(self.model, optimizer)
        if self.global_rank > 0:
            return state
        return FullyShardedDataParallel.rekey_optim_state_dict(state, OptimStateKeyType.PARAM_ID, self.model)

    def teardown(self) -> None:
        task = self.lightning_module
        assert task is not None
        # A run that failed has processes that would be waited for in vain.
        ended_well = task._trainer is not None and task.trainer.state.status == TrainerStatus.RUNNING
        weights: dict[str, Tensor] = {}
        if ended_well and self.model is not task:
            weights = self.lightning_module_state_dict()
        super().teardown()
        if weights:
            _set_parameters(task, weights)
            task.cpu()


@contextmanager
def whole_weights(trainer: pl.Trainer) -> Iterator[None]:
    """Within it the task has all its weights in every process, which all have to enter it."""
    strategy = trainer.strategy
    if not isinstance(strategy, ShardedStrategy) or strategy.model is None:
        yield
        return
    # Imported where it is used: it takes longer than many a command.
    from torch.distributed.fsdp import FullyShardedDataParallel

    with FullyShardedDataParallel.summon_full_params(strategy.model, writeback=False):
        yield


def total_norm(gradients: list[Tensor], trainer: pl.Trainer) -> Tensor:
    """The norm of gradients, of which a sharded run has a share in every process."""
    square = torch.nn.utils.get_total_norm(gradients).square().to(trainer.strategy.root_device)
    if isinstance(trainer.strategy, ShardedStrategy):
        square = trainer.strategy.reduce(square, reduce_op="sum")
    return square.sqrt()


def _set_parameters(module: nn.Module, weights: dict[str, Tensor]) -> None:
    for name, share in list(module.named_parameters()):
        path, _, leaf = name.rpartition(".")
        setattr(module.get_submodule(path), leaf, nn.Parameter(weights[name], requires_grad=share.requires_grad))
