"""The model in the manner of transformers, and its place in the Auto classes.

A file of an export: it imports nothing of the package beyond its own folder (`trust_remote_code`).
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .torchvision_ops import prepare_torchvision
from .vatt import Vatt

REMOTE = __name__.startswith("transformers_modules.")
"""Whether this is the copy that came with a model, run by `trust_remote_code`."""

if not REMOTE:
    prepare_torchvision()  # transformers imports torchvision

from transformers import AutoModel, AutoProcessor, PreTrainedModel  # noqa: E402
from transformers.utils import ModelOutput  # noqa: E402

from .hf_config import VattConfig  # noqa: E402
from .processor import VattProcessor  # noqa: E402

Space = Literal["va", "vt"]

PAIR_OF: dict[tuple[str, Space], str] = {
    ("video", "va"): "video_audio",
    ("audio", "va"): "video_audio",
    ("video", "vt"): "video_text",
    ("text", "vt"): "video_text",
    ("audio", "vt"): "audio_text",
}
"""(branch, space) -> the pair of the head stage whose embedding lies in that space."""


@dataclass
class VattOutput(ModelOutput):  # type: ignore[misc]
    """Unit vectors [N, D] of the inputs that were given, None for the others.

    `va`: the video-audio space; `vt`: the video-text space. Dot products are cosines within one space only.
    """

    video_va: Tensor | None = None
    audio_va: Tensor | None = None
    video_vt: Tensor | None = None
    text_vt: Tensor | None = None
    audio_vt: Tensor | None = None


class VattModel(PreTrainedModel):  # type: ignore[misc]
    """VATT with its projection heads; inputs as `VattProcessor` makes them."""

    config_class = VattConfig
    main_input_name = "video"
    input_modalities = ("video", "audio", "text")
    _supports_sdpa = True
    _keep_in_fp32_modules_strict = ("head_stage",)

    def __init__(self, config: VattConfig) -> None:
        super().__init__(config)
        self.vatt = Vatt(config.model_config)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """Nothing: `Vatt` draws its own initial values when it is built."""

    def forward(
        self, video: Tensor | None = None, audio: Tensor | None = None, input_ids: Tensor | None = None
    ) -> VattOutput:
        """Embeddings in every space of what is given; the numbers of clips and sentences may differ.

        `video` uint8 [N, T, H, W, 3], `audio` float [N, S] in [-1, 1], `input_ids` int64 [N, L].
        """
        given = {"video": video, "audio": audio, "text": input_ids}
        embedded: dict[str, Tensor] = {}
        for branch, value in given.items():
            if value is None:
                continue
            pairs = self.embed_raw(branch, value)
            for (owner, space), pair in PAIR_OF.items():
                if owner == branch and branch in pairs.get(pair, {}):
                    embedded[f"{branch}_{space}"] = F.normalize(pairs[pair][branch], dim=-1)
        return VattOutput(**embedded)

    def get_video_features(self, video: Tensor, space: Space = "vt", normalize: bool = True) -> Tensor:
        """Embeddings [N, D] of clips uint8 [N, T, H, W, 3]; space "vt" compares with text, "va" with sound."""
        return self._features("video", video, space, normalize)

    def get_audio_features(self, audio: Tensor, space: Space = "va", normalize: bool = True) -> Tensor:
        """Embeddings [N, D] of waveforms [N, S]; space "vt" exists where the model has an audio-text head."""
        return self._features("audio", audio, space, normalize)

    def get_text_features(self, input_ids: Tensor, normalize: bool = True) -> Tensor:
        """Embeddings [N, D] of sentences int64 [N, L], in the space "vt"."""
        return self._features("text", input_ids, "vt", normalize)

    def _features(self, branch: str, value: Tensor, space: Space, normalize: bool) -> Tensor:
        if (branch, space) not in PAIR_OF:
            raise ValueError(f"space is {space!r}; for {branch} it is one of {[s for b, s in PAIR_OF if b == branch]}")
        embedding = self.embed_raw(branch, value).get(PAIR_OF[branch, space], {}).get(branch)
        if embedding is None:
            raise ValueError(
                f"This model has no {PAIR_OF[branch, space]} head, so {branch} has no embedding in the space "
                f"{space!r}. Pretrain with model.audio_text_head true and a weight for audio_text."
            )
        return F.normalize(embedding, dim=-1) if normalize else embedding

    def embed_raw(self, branch: str, value: Tensor) -> dict[str, dict[str, Tensor]]:
        """Pair -> branch -> raw embedding [N, D] of one branch."""
        seeds: dict[str, Tensor] = {}
        if self.training and branch != "text":  # DropToken; pretraining keys its seeds instead
            seeds[f"{branch}_seed"] = torch.randint(1 << 62, (len(value),), device=value.device)
        z = self.vatt(**{branch: value}, **seeds)
        pairs: dict[str, dict[str, Tensor]] = self.vatt.head_stage.embed({branch: z[branch]})
        return pairs


if not REMOTE:  # a copy is found by the auto_map of its model
    AutoModel.register(VattConfig, VattModel, exist_ok=True)
    AutoProcessor.register(VattConfig, VattProcessor, exist_ok=True)
