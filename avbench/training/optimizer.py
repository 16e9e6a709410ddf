"""Adam (Kingma & Ba 2015, arXiv:1412.6980), with PyTorch's own arithmetic.

``torch.optim.Adam`` loads the compiler on first use, which takes a process longer than a small model's first hundred
steps. Its kernel computes the same numbers without it; this class only holds the state.
"""

from collections.abc import Iterable
from typing import Any

import torch


class Adam:
    """Adam with L2 weight decay and the default betas (0.9, 0.999) and epsilon (1e-8); fused kernels.

    Args:
        parameters: float tensors that require gradients, all on one device.
        learning_rate: may be changed between steps.
        weight_decay: added to the gradient, times the parameter.
        clip_grad: where the gradient of all parameters together is longer, it is scaled down to this norm (Pascanu,
            Mikolov & Bengio 2013, arXiv:1211.5063); None for no limit.
    """

    def __init__(
        self,
        parameters: Iterable[torch.Tensor],
        learning_rate: float,
        weight_decay: float,
        clip_grad: float | None = None,
    ) -> None:
        self.parameters, self.clip_grad = list(parameters), clip_grad
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.mean = [torch.zeros_like(p, memory_format=torch.preserve_format) for p in self.parameters]
        self.square = [torch.zeros_like(p, memory_format=torch.preserve_format) for p in self.parameters]
        # One count for all, which the kernel reads: three dozen tensors to count up are a twentieth of a small step.
        self.steps = torch.zeros((), dtype=torch.float32, device=self.parameters[0].device)

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Change every parameter by its gradient.

        Raises:
            RuntimeError: a parameter has no gradient: it took no part in the loss.
        """
        gradients = [parameter.grad for parameter in self.parameters]
        if any(gradient is None for gradient in gradients):
            raise RuntimeError("a parameter has no gradient")
        if self.clip_grad is not None:
            torch.nn.utils.clip_grad_norm_(self.parameters, self.clip_grad)
        self.steps += 1
        torch._fused_adam_(
            self.parameters,
            gradients,
            self.mean,
            self.square,
            [],
            [self.steps] * len(self.parameters),
            lr=self.learning_rate,
            beta1=0.9,
            beta2=0.999,
            weight_decay=self.weight_decay,
            eps=1e-8,
            amsgrad=False,
            maximize=False,
        )

    def state_dict(self) -> dict[str, list[torch.Tensor]]:
        """Return the moments and step counts, in the order of the parameters."""
        return {"mean": self.mean, "square": self.square, "steps": [self.steps] * len(self.parameters)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state; the tensors are copied to the parameters' device."""
        for name, own in self.state_dict().items():
            for target, source in zip(own, state[name], strict=True):
                target.copy_(source)
