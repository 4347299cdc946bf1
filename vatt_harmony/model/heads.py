"""The head stage: final norms, post-projections and projection heads, on the gathered batch."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from .config import ModelConfig
from .norm import MaskedBatchNorm, WideDense, WideLayerNorm, WideRMSNorm, wide
from .pairs import PAIRS

BRANCHES = ("video", "audio", "text")
Embeddings = dict[str, dict[str, Tensor]]


class Projection(nn.Module):
    """A chain of layers in which batch norms see only valid rows: `dense`, `bias` (dense with bias), `bn`, `relu`."""

    def __init__(self, layers: str, width: int, out: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for name in layers.split():
            if name in ("dense", "bias"):
                self.layers.append(WideDense(width, out, bias=name == "bias"))
                width = out
            else:
                self.layers.append(MaskedBatchNorm(width) if name == "bn" else nn.ReLU())

    def forward(self, x: Tensor, valid: Tensor, update: bool) -> Tensor:
        """`[..., D]`, bool `[...]` -> `[..., out]`."""
        for layer in self.layers:
            x = layer(x, valid, update) if isinstance(layer, MaskedBatchNorm) else layer(x)
        return x


# Head -> map -> layers : the released code's, and the paper's. The `at` map is the project's.
LAYERS = {
    "code": {
        "video_to_va": "dense bn relu dense bn",
        "audio_to_va": "bias",
        "va_to_vt": "relu dense bn",
        "text_to_vt": "bias",
        "audio_to_vt": "relu dense bn",
    },
    "paper": {
        "video_to_va": "dense bn relu dense bn",
        "audio_to_va": "dense bn",
        "va_to_vt": "dense bn",
        "text_to_vt": "dense bn",
        "audio_to_vt": "dense bn",
    },
}


class HierarchicalHeads(nn.Module):
    """Video -> va space -> vt space; audio -> va (-> vt for an audio-text loss); text -> vt."""

    def __init__(self, config: ModelConfig, widths: Mapping[str, int]) -> None:
        super().__init__()
        layers, va, vt = LAYERS[config.heads], config.d_va, config.d_vt
        self.video_to_va = Projection(layers["video_to_va"], widths["video"], va)
        self.audio_to_va = Projection(layers["audio_to_va"], widths["audio"], va)
        self.va_to_vt = Projection(layers["va_to_vt"], va, vt)
        self.text_to_vt = Projection(layers["text_to_vt"], widths["text"], vt)
        self.audio_to_vt = Projection(layers["audio_to_vt"], va, vt) if config.audio_text_head else None

    def forward(
        self,
        x: Mapping[str, Tensor],
        valid: Mapping[str, Tensor],
        update: bool,
        pairs: Sequence[str] | None = None,
    ) -> Embeddings:
        """Pair -> branch -> embedding, for every branch in `x`; `pairs` as in `HeadStage.forward`."""
        out: Embeddings = {pair: {} for pair in PAIRS}
        if "video" in x:
            va = _copies(self.video_to_va(x["video"], valid["video"], update), "video", pairs)
            if "video_audio" in va:
                out["video_audio"]["video"] = va["video_audio"]
            if "video_text" in va:
                out["video_text"]["video"] = self.va_to_vt(va["video_text"], valid["video"], update)
        if "audio" in x:
            va = _copies(self.audio_to_va(x["audio"], valid["audio"], update), "audio", pairs)
            if "video_audio" in va:
                out["video_audio"]["audio"] = va["video_audio"]
            if "audio_text" in va and self.audio_to_vt is not None:
                out["audio_text"]["audio"] = self.audio_to_vt(va["audio_text"], valid["audio"], update)
        if "text" in x:
            vt = _copies(self.text_to_vt(x["text"], valid["text"], update), "text", pairs)
            out["video_text"].update({"text": vt["video_text"]} if "video_text" in vt else {})
            if "audio_text" in vt and self.audio_to_vt is not None:
                out["audio_text"]["text"] = vt["audio_text"]
        return out


class JointHeads(nn.Module):
    """One space for all: ReLU, dense, batch norm for each branch (the code's `JointHead`)."""

    def __init__(self, config: ModelConfig, widths: Mapping[str, int]) -> None:
        super().__init__()
        self.pairs = [pair for pair in PAIRS if config.audio_text_head or pair != "audio_text"]
        self.maps = nn.ModuleDict({b: Projection("relu dense bn", widths[b], config.d_va) for b in BRANCHES})

    def forward(
        self,
        x: Mapping[str, Tensor],
        valid: Mapping[str, Tensor],
        update: bool,
        pairs: Sequence[str] | None = None,
    ) -> Embeddings:
        """As `HierarchicalHeads.forward`."""
        joint = {branch: _copies(self.maps[branch](x[branch], valid[branch], update), branch, pairs) for branch in x}
        return {pair: {b: joint[b][pair] for b in PAIRS[pair] if pair in joint.get(b, {})} for pair in self.pairs}


def _copies(space: Tensor, branch: str, pairs: Sequence[str] | None) -> Mapping[str, Tensor]:
    """Pair -> what it sees of a branch's rows: the same for all, or a copy each from the first dimension."""
    users = [pair for pair in pairs or PAIRS if branch in PAIRS[pair]]
    if pairs is None:
        return dict.fromkeys(users, space)
    # A squeeze and an unbind are views whose backward is a view or one stack.
    return {users[0]: space.squeeze(0)} if len(users) == 1 else dict(zip(users, space.unbind(), strict=True))


class HeadStage(nn.Module):
    """From z to embeddings. Runs replicated on the global batch, in float32 at least.

    It has no dropout, also where the trunk has: it runs on every rank and several times a step, on the same rows, and
    must give the same each time. The official code drops after the final norm.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        widths = config.widths
        agnostic = config.kind == "agnostic"
        if agnostic:
            self.norms = nn.ModuleDict({"shared": WideLayerNorm(widths["video"], eps=1e-6)})
        else:
            kinds = {"video": WideLayerNorm, "audio": WideLayerNorm, "text": WideRMSNorm}
            self.norms = nn.ModuleDict({branch: kinds[branch](widths[branch], eps=1e-6) for branch in BRANCHES})
        self.post = nn.ModuleDict()
        if agnostic:
            self.post.update({branch: WideDense(widths[branch], config.post_width) for branch in BRANCHES})
            widths = dict.fromkeys(BRANCHES, config.post_width)
        self.heads = (JointHeads if config.heads == "joint" else HierarchicalHeads)(config, widths)

    def forward(
        self,
        z: Mapping[str, Tensor],
        valid: Mapping[str, Tensor],
        update_statistics: bool,
        pairs: Sequence[str] | None = None,
    ) -> dict[str, tuple[Tensor, Tensor]]:
        """Unnormalised embeddings of each pair whose two branches are in `z`.

        z: "video" `[B, D]`, "audio" `[B, D]`, "text" `[B, K, D]`; valid: bool `[B]`, `[B]`, `[B, K]`: rows that
        count in the batch norms. Returns "video_audio" -> (`[B, 512]`, `[B, 512]`), "video_text" -> (`[B, 256]`,
        `[B, K, 256]`), and with the audio-text head "audio_text" -> (`[B, 256]`, `[B, K, 256]`).

        With `pairs`, every branch of z has one dimension more in front: a copy of its rows for each of the pairs that
        use it, in their order. No pair then shares a row with another, so that one backward of the sum of all losses
        gives the gradient of each.
        """
        spaces = self._spaces(z, valid, update_statistics, pairs)
        complete = {pair: [space.get(b) for b in pair.split("_")] for pair, space in spaces.items()}
        return {pair: (a, b) for pair, (a, b) in complete.items() if a is not None and b is not None}

    def take_statistics(self) -> None:
        """Move the batch norms' running statistics by the last forward in training mode that has not moved them."""
        for module in self.modules():
            if isinstance(module, MaskedBatchNorm):
                module.take_statistics()

    def forget_statistics(self) -> None:
        """Leave out whatever `take_statistics` has not taken yet."""
        for module in self.modules():
            if isinstance(module, MaskedBatchNorm):
                module.forget_statistics()

    def embed(self, z: Mapping[str, Tensor]) -> Embeddings:
        """Pair -> branch -> unnormalised embedding, for any branches; meant for evaluation mode."""
        valid = {branch: torch.ones(x.shape[:-1], dtype=torch.bool, device=x.device) for branch, x in z.items()}
        return self._spaces(z, valid, False, None)

    def features(self, z: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Pooled features (post-projected where there are post-projections), before the heads."""
        out = {}
        for branch in (b for b in BRANCHES if b in z):
            x = self.norms["shared" if "shared" in self.norms else branch](wide(z[branch]))
            out[branch] = gelu(self.post[branch](x)) if branch in self.post else x
        return out

    def _spaces(
        self, z: Mapping[str, Tensor], valid: Mapping[str, Tensor], update: bool, pairs: Sequence[str] | None
    ) -> Embeddings:
        device = next(iter(z.values())).device.type
        known = torch.amp.is_autocast_available(device)  # not for meta tensors, on which work is counted
        # An engine's autocast would take the heads below float32.
        with torch.autocast(device, enabled=False) if known else nullcontext():
            spaces: Embeddings = self.heads(self.features(z), valid, update, pairs)
            return spaces
