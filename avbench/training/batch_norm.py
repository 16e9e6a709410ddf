"""Batch norm over groups of a batch, and over several processes."""

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from avbench.core.errors import UserError


def synchronise_batch_norm(module: nn.Module, device: torch.device) -> None:
    """Replace the batch norm inside a module by one over the parts of all processes; parameters keep their names."""
    if device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(module)
        return
    for name, child in module.named_children():
        if isinstance(child, _BatchNorm):
            replacement = _CPUBatchNorm(child.num_features, child.eps, child.momentum)
            replacement.load_state_dict(child.state_dict())
            replacement.requires_grad_(child.weight.requires_grad)
            setattr(module, name, replacement)
        else:
            synchronise_batch_norm(child, device)


class _CPUBatchNorm(_BatchNorm):
    """Synchronised batch norm where PyTorch's, which is for GPUs, does not run."""

    def _check_input_dim(self, _: torch.Tensor) -> None:
        """Take any number of dimensions."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise (batch, channels, *space) by mean and variance over all processes."""
        if not self.training:
            return super().forward(x)
        from torch.distributed.nn.functional import all_reduce  # with gradient

        axes, shape = [0, *range(2, x.ndim)], (1, -1, *[1] * (x.ndim - 2))
        count = all_reduce(torch.tensor(float(x.numel() // x.shape[1])))
        mean = all_reduce(x.sum(axes)) / count
        centred = x - mean.view(shape)
        variance = all_reduce(centred.square().sum(axes)) / count
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
            self.num_batches_tracked += 1
        scale = self.weight * (variance + self.eps).rsqrt()
        return centred * scale.view(shape) + self.bias.view(shape)


def group_sizes(batch_size: int, groups: int, where: str = "batch_norm_groups") -> list[int]:
    """Cut a batch into groups as PyTorch's ``DataParallel`` cuts it for so many GPUs.

    Groups of ⌈batch / groups⌉ clips, the last with what is left: 309 in 4 is 78, 78, 78, 75. One departure: a clip that
    would be alone in the last group joins the one before it.

    Args:
        batch_size: clips.
        groups: at least 1.
        where: how the message begins.

    Raises:
        UserError: there are fewer than two clips a group.
    """
    if groups == 1:
        return [batch_size]
    if batch_size < 2 * groups:
        raise UserError(
            f"{where}: a batch of {batch_size} clips is too small for {groups} groups of batch norm with two clips or "
            "more each. Lower protocol.batch_norm_groups, or choose subset and batch size so that batches are larger."
        )
    size = -(-batch_size // groups)
    sizes = [min(size, batch_size - begin) for begin in range(0, batch_size, size)]
    if sizes[-1] == 1:
        sizes[-2:] = [size + 1]
    return sizes
