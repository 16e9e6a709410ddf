"""Several processes that share every batch, one per GPU, as ``python -m torch.distributed.run`` starts them.

A run's batches, draws and loss are those of a single process, whatever the number: each process embeds its part of a
batch, and the embeddings are gathered, so that negatives come from the whole batch.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import distributed

from avbench.core.errors import UserError
from avbench.training.batch_norm import group_sizes


@dataclass(frozen=True)
class World:
    """All processes of a run, seen from one of them.

    Attributes:
        rank: of this process; 0 leads, and is the only one that writes.
        size: how many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes checkpoints, outcome and log."""
        return self.rank == 0

    def part(self, clips: int, batch_norm_groups: int = 1, where: str = "batch_size") -> slice:
        """Return this process's part of a batch: as even as can be, or its group of batch norm.

        Args:
            clips: of the batch.
            batch_norm_groups: 1, or as many as there are processes.
            where: how messages begin.

        Raises:
            UserError: there are other numbers of groups, or too few clips.
        """
        if self.size == 1:
            return slice(0, clips)
        if batch_norm_groups not in (1, self.size):
            raise UserError(
                f"{where}: {self.size} processes cannot share {batch_norm_groups} groups of batch norm. Start as many "
                "processes as there are groups, or one; or set protocol.batch_norm_groups to 1, which is normalised "
                "over all processes together."
            )
        if batch_norm_groups == 1:
            sizes = [clips // self.size + (rank < clips % self.size) for rank in range(self.size)]
        else:
            sizes = group_sizes(clips, batch_norm_groups, where)
        if len(sizes) < self.size or not sizes[-1]:
            raise UserError(f"{where}: a batch of {clips} clips is too small for {self.size} processes. Start fewer.")
        begin = sum(sizes[: self.rank])
        return slice(begin, begin + sizes[self.rank])

    def gather(self, rows: torch.Tensor, part: slice, total: int) -> torch.Tensor:
        """Return the rows of all processes, in order and with gradient.

        Every process computes the same loss of them. Its backward pass leaves in each process's parameters its own
        rows' share of the gradient times ``size``, of which DistributedDataParallel's mean makes the sum.

        Args:
            rows: this process's, float (n, d).
            part: where they stand among all.
            total: rows of all processes.
        """
        return rows if self.size == 1 else _Gather.apply(rows, part, total, self.size)

    def any(self, flag: bool, device: torch.device) -> bool:
        """Return whether the flag is set in any process; all get the same answer."""
        if self.size == 1:
            return flag
        flags = torch.tensor(int(flag), device=device)
        distributed.all_reduce(flags, distributed.ReduceOp.MAX)
        return bool(flags)


ALONE = World()


class _Gather(torch.autograd.Function):
    """Sum of what every process has in its own rows, and zeros elsewhere: parts may differ in length."""

    @staticmethod
    def forward(ctx, rows: torch.Tensor, part: slice, total: int, size: int) -> torch.Tensor:
        ctx.part, ctx.size = part, size
        whole = rows.new_zeros(total, *rows.shape[1:])
        whole[part] = rows
        distributed.all_reduce(whole)
        return whole

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        return gradient[ctx.part] * ctx.size, None, None, None


@contextlib.contextmanager
def join(device: torch.device) -> Iterator[World]:
    """Meet the other processes, if the launcher's variables (``RANK``, ``WORLD_SIZE``, …) tell of any.

    Raises:
        UserError: the variables are not complete.
    """
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        yield ALONE
        return
    if missing := [name for name in ("RANK", "MASTER_ADDR", "MASTER_PORT") if name not in os.environ]:
        raise UserError(
            f"WORLD_SIZE is {os.environ['WORLD_SIZE']}, and {missing[0]} is not set. Start several processes by "
            "`python -m torch.distributed.run --nproc-per-node N -m avbench pretrain …`, or unset WORLD_SIZE."
        )
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    yield World(distributed.get_rank(), distributed.get_world_size())
    distributed.destroy_process_group()  # not after an error: the launcher ends those that wait for this process
