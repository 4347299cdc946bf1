"""The encoder of one modality: what prepares its input, its network, and what of it learns."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from vatt_harmony.errors import UserError
from vatt_harmony.finetune.config import AudioConfig, EncoderConfig, InputsConfig, Modality, VideoConfig
from vatt_harmony.finetune.models.conformer_encoder import ConformerEncoder
from vatt_harmony.finetune.models.frontends import Frames, Sound
from vatt_harmony.finetune.models.lora import add_lora
from vatt_harmony.finetune.models.output import EncoderOutput
from vatt_harmony.finetune.models.text_encoder import TextEncoder
from vatt_harmony.finetune.models.timm_encoder import timm_encoder
from vatt_harmony.finetune.models.vatt_encoder import VattEncoder


class ModalityEncoder(nn.Module):
    """Frontend and network. Its output is what a `Balancer` taps: `encoders.audio` of a `FinetuneModel`."""

    def __init__(self, config: EncoderConfig, frontend: nn.Module, backbone: Any, read_tokens: bool) -> None:
        super().__init__()
        self.config, self.read_tokens = config, read_tokens
        self.frontend, self.backbone = frontend, backbone
        self.width: int = backbone.width
        self.token_width: int = backbone.token_width
        if config.train == "frozen":
            backbone.requires_grad_(False)
        elif config.train == "lora":
            add_lora(backbone, config.lora)

    def forward(self, media: Tensor, present: Tensor | None = None) -> EncoderOutput:
        """Media of B clips, as the data set collates them, to their features.

        Zeros where `present`, bool `[B]`, is false. Clips that lack the modality do not pass through the network: they
        would move the statistics of batch norms.
        """
        if present is None or bool(present.all()):
            return self._encode(media)
        rows = present.nonzero()[:, 0]
        if len(rows) > 1:
            return self._encode(media[rows]).spread(rows, len(media))
        with _kept_statistics(self.backbone):
            if len(rows) == 1:
                return self._encode(media[rows]).spread(rows, len(media))
            # A blank clip, of which nothing is used: every weight gets a gradient, of zero, as other ranks expect.
            return self._encode(torch.zeros_like(media[:1])).spread(rows.new_zeros(1), len(media)).where(present)

    def _encode(self, media: Tensor) -> EncoderOutput:
        pooled, tokens, mask = self.backbone(self.frontend(media))
        if not self.read_tokens:
            return EncoderOutput(pooled)
        return EncoderOutput(pooled, tokens.view_as(tokens), mask)

    def train(self, mode: bool = True) -> "ModalityEncoder":
        """Training mode; what is frozen stays in evaluation mode, so that its batch norms and dropout keep still."""
        super().train(mode)
        if self.config.train == "frozen":
            self.backbone.eval()
        elif self.config.train == "lora":
            for module in self.backbone.network.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self


@contextmanager
def _kept_statistics(network: nn.Module) -> Iterator[None]:
    """Within it batch norms normalise by their running statistics: a single clip has none of its own to give."""
    moving = [module for module in network.modules() if isinstance(module, _BatchNorm) and module.training]
    for module in moving:
        module.eval()
    try:
        yield
    finally:
        for module in moving:
            module.train()


def build_encoder(
    config: EncoderConfig, modality: Modality, inputs: InputsConfig, *, read_tokens: bool
) -> ModalityEncoder:
    """The encoder of `modality` with its initial or loaded weights.

    `read_tokens`: whether the fusion reads tokens besides the pooled feature. Raises UserError where network and input
    do not fit, or weights cannot be had.
    """
    frontend, backbone = BUILDERS[modality](config, inputs, read_tokens)
    return ModalityEncoder(config, frontend, backbone, read_tokens)


def _video(config: EncoderConfig, inputs: InputsConfig, read_tokens: bool) -> tuple[nn.Module, nn.Module]:
    video: VideoConfig = inputs.video
    _check_view(config, "video", video.view, {"timm": ("frames",), "vatt": ("frames",), "conformer": ("features",)})
    if config.kind == "timm":
        return Frames(video), timm_encoder(config, 3, video.shape)
    if config.kind == "vatt":
        return nn.Identity(), VattEncoder(config, "video", inputs, read_tokens)
    return nn.Identity(), ConformerEncoder(config, video.width)


def _audio(config: EncoderConfig, inputs: InputsConfig, read_tokens: bool) -> tuple[nn.Module, nn.Module]:
    audio: AudioConfig = inputs.audio
    spectra = ("spectrogram", "logmel")
    conformer = ("waveform",) if config.conformer.base else spectra
    _check_view(config, "audio", audio.view, {"timm": spectra, "vatt": ("waveform",), "conformer": conformer})
    frontend = Sound(audio)
    if config.kind == "timm":
        return frontend, timm_encoder(config, 1, (frontend.width, frontend.frames))
    if config.kind == "conformer":
        return frontend, ConformerEncoder(config, frontend.width)
    return nn.Identity(), VattEncoder(config, "audio", inputs, read_tokens)  # as in pretraining, not normalised


def _text(config: EncoderConfig, inputs: InputsConfig, read_tokens: bool) -> tuple[nn.Module, nn.Module]:
    _check_view(config, "text", "words", {"transformers": ("words",), "vatt": ("words",)})
    if config.kind == "vatt":
        return nn.Identity(), VattEncoder(config, "text", inputs, read_tokens)
    return nn.Identity(), TextEncoder(config)


BUILDERS: dict[Modality, Callable[[EncoderConfig, InputsConfig, bool], tuple[nn.Module, nn.Module]]] = {
    "video": _video,
    "audio": _audio,
    "text": _text,
}


def _check_view(config: EncoderConfig, modality: Modality, view: str, readable: dict[str, tuple[str, ...]]) -> None:
    if config.kind not in readable:
        raise UserError(
            f"encoders.{modality}.kind is {config.kind}",
            f"It cannot read {modality}",
            f"Choose one of {', '.join(readable)}",
        )
    if view not in readable[config.kind]:
        raise UserError(
            f"inputs.{modality}.view is {view}, which encoders.{modality}.kind {config.kind} cannot read",
            "Its values would be misread",
            f"Set inputs.{modality}.view to {' or '.join(readable[config.kind])}, or choose another kind",
        )
