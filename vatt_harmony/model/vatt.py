"""VATT assembled: private tokenisers, shared or separate encoders, and the head stage."""

from torch import Tensor, nn

from .config import ModelConfig
from .encoder import transformer
from .heads import HeadStage
from .t5 import T5Encoder, T5Tokens
from .text import TextTokens
from .tower import VideoTokens, sound_tokens


class Vatt(nn.Module):
    """Video-audio-text encoder (Akbari et al., arXiv 2104.11178), modality-agnostic or modality-specific.

    `forward` is the trunk: no layer of it couples samples, so it can run in chunks and be replayed. What couples
    them (batch norm) lives in `head_stage`. Parameters may have any float type; the trunk computes in it.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        text = TextTokens if config.kind == "agnostic" else T5Tokens
        self.tokens = nn.ModuleDict(
            {
                "video": VideoTokens(config, widths["video"]),
                "audio": sound_tokens(config, widths["audio"]),
                "text": text(config, widths["text"]),
            }
        )
        self.encoders = _encoders(config)
        self.head_stage = HeadStage(config)

    def forward(
        self,
        video: Tensor | None = None,
        audio: Tensor | None = None,
        text: Tensor | None = None,
        video_seed: Tensor | None = None,
        audio_seed: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Representations z `[N, D_branch]` before the final norm, under "video", "audio", "text".

        video: uint8 or float in [-1, 1] `[Nv, T, H, W, 3]`; audio: float `[Na, S]`; text: int64 ids `[Nt, L]`,
        0 = padding. A branch that is None has no keys in the result. Seeds, int64 `[N]`, decide DropToken in
        training mode. "video_act", ... are the detached inputs `[N, P]` of the last FFN matrix at the pooled token.
        """
        given = {"video": (video, video_seed), "audio": (audio, audio_seed), "text": (text, None)}
        out: dict[str, Tensor] = {}
        for branch, (media, seed) in given.items():
            if media is not None:
                tokens, mask = self.tokens[branch](media, seed)
                out[branch], out[f"{branch}_act"] = self.encoders[self.encoder_of(branch)](tokens, mask)
        return out

    def encoder_of(self, branch: str) -> str:
        """Name in `encoders` of the encoder that a branch goes through."""
        return "shared" if self.config.kind == "agnostic" else branch

    @property
    def shared_branches(self) -> tuple[str, ...]:
        """Branches whose encoder more than one loss reaches: all, or the video tower alone."""
        return ("video", "audio", "text") if self.config.kind == "agnostic" else ("video",)


def _encoders(config: ModelConfig) -> nn.ModuleDict:
    dropout, checkpointing = config.dropout, config.checkpointing
    if config.kind == "agnostic":
        shared = transformer(*config.trunk.shape, dropout=dropout, checkpointing=checkpointing)
        return nn.ModuleDict({"shared": shared})
    # The official spectrogram towers have no biases in their encoder.
    audio_bias = config.sound == "waveform"
    return nn.ModuleDict(
        {
            "video": transformer(*config.video_tower.shape, dropout=dropout, checkpointing=checkpointing),
            "audio": transformer(
                *config.audio_tower.shape, bias=audio_bias, dropout=dropout, checkpointing=checkpointing
            ),
            "text": T5Encoder(*config.text_tower.shape, dropout=dropout, checkpointing=checkpointing),
        }
    )
