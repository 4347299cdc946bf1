"""The network of a fine-tune: one encoder for each modality and a fusion; built, saved and loaded."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from safetensors.torch import load_model, save_model
from torch import Tensor, nn

from vatt_harmony.config import from_mapping, to_mapping
from vatt_harmony.errors import UserError
from vatt_harmony.finetune.config import EncoderConfig, FinetuneConfig, FusionConfig, InputsConfig, Modality
from vatt_harmony.finetune.models.described import bring_tokenizer, describe, locate
from vatt_harmony.finetune.models.encoder import ModalityEncoder, build_encoder
from vatt_harmony.finetune.models.fusions.build import build_fusion
from vatt_harmony.finetune.models.fusions.linear import LinearFusion
from vatt_harmony.finetune.models.fusions.widths import Width
from vatt_harmony.finetune.models.lora import save_adapter

CONFIG_NAME, WEIGHTS_NAME = "config.json", "model.safetensors"


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """All that a `FinetuneModel` is built from."""

    classes: tuple[str, ...]
    """Names of the logits, in their order."""
    encoders: dict[str, EncoderConfig]
    """Modality to its network, in the order in which features are joined."""
    inputs: InputsConfig
    """What the networks read."""
    fusion: FusionConfig
    """How features meet."""


class FinetuneModel(nn.Module):
    """Clips to logits. A `Balancer` taps `encoders.m`, and for slices `fusion_linear`."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.spec = spec
        read_tokens = spec.fusion.kind == "transformer"
        encoders = {
            name: build_encoder(config, cast(Modality, name), spec.inputs, read_tokens=read_tokens)
            for name, config in spec.encoders.items()
        }
        self.encoders = nn.ModuleDict(encoders)
        widths = {name: Width(encoder.width, encoder.token_width) for name, encoder in encoders.items()}
        self.widths = {name: width.pooled for name, width in widths.items()}
        self.fusion = build_fusion(spec.fusion, widths, len(spec.classes))

    @property
    def feature_paths(self) -> dict[str, str]:
        """Modality to the module whose output is its feature."""
        return {name: f"encoders.{name}" for name in self.encoders}

    @property
    def fusion_linear(self) -> str | None:
        """Path of the linear layer over the concatenated features; None where the fusion is another."""
        return "fusion.linear" if isinstance(self.fusion, LinearFusion) else None

    def forward(self, present: Mapping[str, Tensor] | None = None, **inputs: Tensor) -> Tensor:
        """Logits `[B, C]` of the media of every modality; `present` is bool `[B]` for those that may be missing.

        A missing modality is not encoded: its features are zeros for the fusion, as when it is removed to be measured.
        Raises ValueError when a modality of the model has no input, or another one has.
        """
        if set(inputs) != set(self.encoders):
            raise ValueError(
                f"inputs are given for {sorted(inputs)}, the model reads {sorted(self.encoders)}; give each of them, "
                "and mark by `present` which clips lack one"
            )
        known = present or {}
        features = {name: encoder(inputs[name], known.get(name)) for name, encoder in self.encoders.items()}
        for name, shown in known.items():  # once more: a modality that is permuted may have come from another clip
            features[name] = features[name].where(shown)
        logits: Tensor = self.fusion(features)
        return logits

    def save_pretrained(self, folder: Path) -> None:
        """Write config.json and model.safetensors, all that `from_pretrained` needs; call on one rank.

        Beside them, `encoders/m` describes networks that a folder described, and holds the tokenizer of text;
        `adapters/m` holds what LoRA has learnt, as peft reads it.
        """
        folder.mkdir(parents=True, exist_ok=True)
        encoders = {}
        for name, encoder in self.encoders.items():
            assert isinstance(encoder, ModalityEncoder)
            encoders[name] = describe(encoder.config, encoder.backbone.config, folder, f"encoders/{name}")
            if encoder.config.train == "lora":
                save_adapter(encoder.backbone.network, folder / "adapters" / name)
        inputs = self.spec.inputs
        if "text" in encoders:
            text = bring_tokenizer(self.spec.encoders["text"], inputs.text, folder / "encoders" / "text")
            inputs = replace(inputs, text=text)
        spec = to_mapping(replace(self.spec, encoders=encoders, inputs=inputs))
        (folder / CONFIG_NAME).write_text(json.dumps(spec, indent=2) + "\n")
        save_model(self, str(folder / WEIGHTS_NAME))

    @classmethod
    def from_pretrained(cls, folder: Path) -> "FinetuneModel":
        """The saved model, in evaluation mode on the CPU. Raises UserError for another folder."""
        for name in (CONFIG_NAME, WEIGHTS_NAME):
            if not (folder / name).is_file():
                raise UserError(
                    f"{folder} has no {name}", "There is no model in it", "Give the folder model/ of a fine-tune"
                )
        spec = from_mapping(ModelSpec, json.loads((folder / CONFIG_NAME).read_text()))
        encoders = {name: locate(config, folder) for name, config in spec.encoders.items()}
        model = cls(replace(spec, encoders=encoders))
        load_model(model, str(folder / WEIGHTS_NAME))
        return model.eval()


def build_model(config: FinetuneConfig, classes: Sequence[str]) -> FinetuneModel:
    """A new model for the named classes (of a regression: outputs); random weights come from torch's generator."""
    return FinetuneModel(
        ModelSpec(
            classes=tuple(classes),
            encoders={name: config.encoders[name] for name in config.data.modalities},
            inputs=config.inputs,
            fusion=config.fusion,
        )
    )
