"""LARS over Adam: every tensor moves by a fixed share of its own norm, in the direction that Adam would take."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


class LarsAdam(Optimizer):
    """Adam whose step u of each tensor p is scaled to lr * trust * ||p||.

    u = m / (sqrt(v) + eps) with bias-corrected moments that include the present gradient (weight decay is added to it
    first); p moves by -lr * trust * ||p|| / ||u|| * u, by -lr * trust * u where ||p|| or ||u|| is 0. Weights, biases
    and norms alike. The norms are those of whole tensors: parameters must not be sharded or flattened.

    Source: released code of Wang et al., WACV 2021 (formulas only).
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        trust: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        """`params`: tensors or groups of them; `lr`: gamma; `trust`: eta."""
        super().__init__(params, {"lr": lr, "trust": trust, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Move every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
            if parameters:
                directions = self._directions(parameters, group)
                rates = layer_rates(parameters, directions, group["trust"])
                torch._foreach_mul_(directions, rates)
                torch._foreach_add_(parameters, directions, alpha=-group["lr"])
        return loss

    def _directions(self, parameters: list[Tensor], group: dict[str, Any]) -> list[Tensor]:
        """Adam's step of each parameter at rate 1, with its moments brought up to date."""
        first, second = group["betas"]
        states = [self._state(parameter) for parameter in parameters]
        for state in states:
            state["step"] += 1
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        if group["weight_decay"]:
            gradients = list(torch._foreach_add(gradients, parameters, alpha=group["weight_decay"]))
        means = [state["exp_avg"] for state in states]
        squares = [state["exp_avg_sq"] for state in states]
        torch._foreach_lerp_(means, gradients, 1 - first)
        torch._foreach_mul_(squares, second)
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - second)
        scales = torch._foreach_sqrt(squares)
        torch._foreach_div_(scales, [(1 - second ** state["step"]) ** 0.5 for state in states])
        torch._foreach_add_(scales, group["eps"])
        directions = list(torch._foreach_div(means, scales))
        torch._foreach_div_(directions, [1 - first ** state["step"] for state in states])
        return directions

    def _state(self, parameter: Tensor) -> dict[str, Any]:
        state: dict[str, Any] = self.state[parameter]
        if not state:
            state |= {"step": 0, "exp_avg": torch.zeros_like(parameter), "exp_avg_sq": torch.zeros_like(parameter)}
        return state


def layer_rates(parameters: list[Tensor], directions: list[Tensor], trust: float) -> list[Tensor]:
    """trust * ||p|| / ||u|| for each tensor, a scalar; trust alone where one of the norms is 0."""
    own, moved = torch._foreach_norm(parameters), torch._foreach_norm(directions)
    return [
        trust * torch.where(p * u > 0, p / torch.where(u > 0, u, 1.0), 1.0) for p, u in zip(own, moved, strict=True)
    ]
