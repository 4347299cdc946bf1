"""A new model, optionally with its video trunk started from an image ViT of timm."""

from typing import Any

import torch
from torch import Tensor, nn

from .config import ModelConfig
from .encoder import Block, Encoder
from .positions import resample
from .torchvision_ops import prepare_torchvision
from .tower import VideoTokens
from .vatt import Vatt


def new_model(config: ModelConfig) -> Vatt:
    """The model of a new run: `Vatt(config)`, its video trunk started from timm where the config names a ViT."""
    model = Vatt(config)
    if config.timm:
        prepare_torchvision()
        import timm  # heavy, and needs the line above

        weights = {"checkpoint_path": config.timm_file} if config.timm_file else {"pretrained": True}
        start_from_timm(model, timm.create_model(config.timm, **weights))
    return model


@torch.no_grad()
def start_from_timm(model: Vatt, vit: nn.Module) -> None:
    """Copy a timm `VisionTransformer` into the encoder, patch embedding, positions and AGG of the video branch.

    Patch weights are spread evenly over the frames of a patch, so a still video gives the image's tokens. The
    position table is split into its closest sum of rows and columns. With the agnostic kind the pre-projection,
    which timm does not have, stays new. Raises ValueError naming what does not fit.
    """
    branch = model.encoder_of("video")
    source: Any = vit
    tokens, encoder = model.tokens["video"], model.encoders[branch]
    assert isinstance(tokens, VideoTokens) and isinstance(encoder, Encoder)
    _check(model, source)
    _copy_patches(tokens, source)
    _copy_positions(tokens, source, model.config.video_grid)
    for block, image_block in zip(encoder.blocks, source.blocks, strict=True):
        assert isinstance(block, Block)
        _copy_block(block, image_block)
    model.head_stage.norms[branch].load_state_dict(source.norm.state_dict())


def _check(model: Vatt, vit: Any) -> None:
    config = model.config
    tower = config.trunk if config.kind == "agnostic" else config.video_tower
    depth, width, ff, heads = tower.shape
    first = vit.blocks[0]
    theirs = {
        "depth": (depth, len(vit.blocks)),
        "width": (width, vit.embed_dim),
        "ff": (ff, first.mlp.fc1.out_features),
        "heads": (heads, first.attn.num_heads),
        "patch": (config.patch[1:], tuple(vit.patch_embed.proj.kernel_size)),
    }
    for name, (own, other) in theirs.items():
        if own != other:
            raise ValueError(f"{name} is {own}, the timm model has {other}; set {name} to {other} or choose another")
    odd = {
        "a norm before its blocks": not isinstance(vit.norm_pre, nn.Identity),
        "query and key norms": not isinstance(first.attn.q_norm, nn.Identity),
        "no final LayerNorm": not isinstance(vit.norm, nn.LayerNorm),
        "register tokens": vit.num_reg_tokens > 0,
    }
    if found := [what for what, is_so in odd.items() if is_so]:
        raise ValueError(f"timm is {config.timm!r}, a ViT with {' and '.join(found)}; must be a plain pre-norm ViT")


def _copy_patches(tokens: VideoTokens, vit: Any) -> None:
    kernel, bias = vit.patch_embed.proj.weight, vit.patch_embed.proj.bias  # [D, 3, p, p]
    mean, std = (torch.tensor(vit.pretrained_cfg[key]).to(kernel)[:, None, None] for key in ("mean", "std"))
    frames = tokens.config.patch[0]
    # timm sees (pixel - mean) / std with pixels in [0, 1]; here they are in [-1, 1].
    scaled = (kernel / (2 * std)).permute(0, 2, 3, 1)[:, None] / frames
    tokens.embed.weight.copy_(scaled.expand(-1, frames, -1, -1, -1).flatten(1))
    offset = (kernel * (0.5 - mean) / std).sum((1, 2, 3))
    tokens.embed.bias.copy_(offset if bias is None else bias + offset)


def _copy_positions(tokens: VideoTokens, vit: Any, grid: tuple[int, int, int]) -> None:
    prefix = 0 if vit.no_embed_class else vit.num_prefix_tokens
    table: Tensor = vit.pos_embed[0]
    places = table[prefix:].view(*vit.patch_embed.grid_size, -1)  # [h, w, D]
    mean = places.mean((0, 1))
    rows, columns = places.mean(1), places.mean(0) - mean
    positions = tokens.positions
    positions.get_parameter("axis0").zero_()
    positions.get_parameter("axis1").copy_(resample(rows, grid[1], "natural_cubic"))
    positions.get_parameter("axis2").copy_(resample(columns, grid[2], "natural_cubic"))
    # The LayerNorm over the sum would change its scale; its own scale and shift give that back.
    positions.norm.weight.fill_(float(places.std(-1, correction=0).mean()))
    positions.norm.bias.fill_(float(places.mean()))
    if vit.cls_token is not None:
        tokens.agg.copy_(vit.cls_token[0, 0] + (table[0] if prefix else 0))


def _copy_block(block: Block, source: Any) -> None:
    width = block.wo.out_features
    q, kv = source.attn.qkv.weight.split([width, 2 * width])
    bias = source.attn.qkv.bias
    q_bias, kv_bias = (torch.zeros(3 * width) if bias is None else bias).split([width, 2 * width])
    pairs: list[tuple[nn.Linear, Tensor, Tensor]] = [
        (block.attention.q, q, q_bias),
        (block.attention.kv, kv, kv_bias),
        (block.attention.o, *_scaled(source.attn.proj, source.ls1)),
        (block.wi, source.mlp.fc1.weight, source.mlp.fc1.bias),
        (block.wo, *_scaled(source.mlp.fc2, source.ls2)),
    ]
    for own, weight, own_bias in pairs:
        own.weight.copy_(weight)
        own.bias.copy_(own_bias)
    block.attention_norm.load_state_dict(source.norm1.state_dict())
    block.ff_norm.load_state_dict(source.norm2.state_dict())


def _scaled(linear: nn.Linear, layer_scale: nn.Module) -> tuple[Tensor, Tensor]:
    """Weights of a linear layer with the LayerScale that follows it folded in."""
    gamma = getattr(layer_scale, "gamma", torch.ones(())).to(linear.weight)
    return gamma[..., None] * linear.weight, gamma * linear.bias
