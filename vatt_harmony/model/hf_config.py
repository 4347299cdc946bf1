"""The configuration of an export, in the manner of transformers."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from transformers import AutoConfig, PretrainedConfig

from .config import ModelConfig


class VattConfig(PretrainedConfig):  # type: ignore[misc]
    """`vatt`: the fields of `ModelConfig`; `trained_pairs`: the pairs of modalities a loss has aligned."""

    model_type = "vatt_harmony"
    has_no_defaults_at_init = True  # saves every field: later defaults must not change an old export

    def __init__(
        self,
        vatt: Mapping[str, Any] | None = None,
        trained_pairs: Sequence[str] = ("video_audio", "video_text"),
        **kwargs: Any,
    ) -> None:
        self.vatt = json.loads(json.dumps(ModelConfig.from_dict(vatt or {}).to_dict()))
        self.trained_pairs = list(trained_pairs)
        super().__init__(**kwargs)

    @property
    def model_config(self) -> ModelConfig:
        """The typed configuration of the wrapped `Vatt`."""
        return ModelConfig.from_dict(self.vatt)


if not __name__.startswith("transformers_modules."):  # code that came with a model is found by its auto_map
    AutoConfig.register(VattConfig.model_type, VattConfig, exist_ok=True)
