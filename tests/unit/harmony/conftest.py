"""A small model in float64 whose per-sample gradients can be written out, as the oracle for the harmonizer.

The trunk ends in x + W·gelu(V·x) like the last block of a transformer; the heads hold batch norms over the batch, and
the losses see all samples as negatives, so that samples are coupled above the trunk and nowhere below.
"""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn.functional import batch_norm, gelu

from vatt_harmony.objective import ObjectiveConfig, PairWeights, pair_losses, valid_pairs

WIDTH, HIDDEN, CANDIDATES = 6, 9, 3
BRANCHES = ("video", "audio", "text")


class Toy:
    """B samples of video `[B, W]`, audio `[B, W]` and text `[B, K, W]`; one trunk for all branches, or one each."""

    def __init__(self, *, batch: int = 12, three_losses: bool = False, specific: bool = False, seed: int = 10) -> None:
        generator = torch.Generator().manual_seed(seed)

        def draw(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        self.inputs = {"video": draw(batch, WIDTH), "audio": draw(batch, WIDTH), "text": draw(batch, CANDIDATES, WIDTH)}
        trunks = [
            [draw(WIDTH, WIDTH) / 2, draw(HIDDEN, WIDTH) / 2, draw(WIDTH, HIDDEN) / 2]
            for _ in (BRANCHES if specific else BRANCHES[:1])
        ]
        self.trunks = dict(zip(BRANCHES, trunks * (1 if specific else 3), strict=True))
        self.shared = ("video",) if specific else BRANCHES
        for weight in self.parameters():
            weight.requires_grad_()
        self.heads = [draw(WIDTH, WIDTH).requires_grad_() for _ in range(5)]
        self.valid = {
            "video": torch.ones(batch, dtype=torch.bool),
            "audio": torch.arange(batch) != 1,
            "text": (torch.arange(batch) % 4 != 2)[:, None] & torch.tensor([True, True, False]),
        }
        self.weights = PairWeights(audio_text=0.7 if three_losses else 0.0)

    def parameters(self) -> list[Tensor]:
        """Weights of the trunk that several losses share (all trunks if there is one for each branch)."""
        return list({id(weight): weight for trunk in self.trunks.values() for weight in trunk}.values())

    def encode(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        z, act = {}, {}
        for branch, x in self.inputs.items():
            first, into, out = self.trunks[branch]
            hidden = torch.tanh(x @ first.T)
            act[branch] = gelu(hidden @ into.T)
            z[branch] = hidden + act[branch] @ out.T
        return z, act

    def losses(self, z: dict[str, Tensor]) -> dict[str, Tensor]:
        """Loss terms; video and audio heads go through batch norm."""
        video, audio = (
            batch_norm(z[b] @ w.T, None, None, training=True)
            for b, w in zip(("video", "audio"), self.heads[:2], strict=True)
        )
        text = z["text"] @ self.heads[2].T
        embeddings = {
            "video_audio": (video, audio),
            "video_text": (batch_norm(video.relu() @ self.heads[3].T, None, None, training=True), text),
            "audio_text": (batch_norm(audio.relu() @ self.heads[4].T, None, None, training=True), text),
        }
        config = ObjectiveConfig(temperature=0.5, weights=self.weights)
        return pair_losses(embeddings, self.valid, config).terms

    def pair_valid(self) -> dict[str, Tensor]:
        return {pair: mask for pair, mask in valid_pairs(self.valid).items() if pair in self.weights.active()}

    def cotangents(self) -> tuple[dict[str, dict[str, Tensor]], dict[str, Tensor], dict[str, Tensor]]:
        """u per loss and branch, activations, and z with graph."""
        z, act = self.encode()
        leaves = {branch: x.detach().requires_grad_() for branch, x in z.items()}
        u = {}
        for pair, loss in self.losses(leaves).items():
            branches = [branch for branch in BRANCHES if branch in pair]
            u[pair] = dict(
                zip(
                    branches,
                    torch.autograd.grad(loss, [leaves[b] for b in branches], retain_graph=True),
                    strict=True,
                )
            )
        return u, {branch: a.detach() for branch, a in act.items()}, z

    def per_sample(self, u: dict[str, Tensor], parameters: list[Tensor]) -> Tensor:
        """Gradients `[B, P]` of what flows through each sample's own z, one backward a sample (the oracle)."""
        z, _ = self.encode()
        rows = []
        for i in range(len(self.inputs["video"])):
            pulled = sum((u[branch][i] * z[branch][i]).sum() for branch in u)
            gradients = torch.autograd.grad(
                pulled, parameters, retain_graph=True, allow_unused=True, materialize_grads=True
            )
            rows.append(torch.cat([g.flatten() for g in gradients]))
        return torch.stack(rows)


def projected_sum(gradients: Tensor) -> Tensor:
    """PCGrad on vectors `[M, P]`, averaged over all orders of projections, for M of 1 to 3."""
    total = torch.zeros_like(gradients[0])
    for i in range(len(gradients)):
        others = [j for j in range(len(gradients)) if j != i]
        for order in (others, others[::-1]):
            g = gradients[i].clone()
            for j in order:
                inner = g @ gradients[j]
                if inner < 0:
                    g = g - inner / (gradients[j] @ gradients[j]) * gradients[j]
            total = total + g / 2
    return total


@pytest.fixture
def make_toy() -> type[Toy]:
    return Toy


@pytest.fixture(name="projected_sum")
def projected_sum_fixture() -> Callable[[Tensor], Tensor]:
    return projected_sum
