"""An encoder and an aligner that are trained together."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor, nn

from vatt_harmony.align.batch import Batch
from vatt_harmony.align.config import AlignConfig
from vatt_harmony.align.network import NeuMatch
from vatt_harmony.align.sequence import AlignmentSequence
from vatt_harmony.errors import UserError

if TYPE_CHECKING:  # it brings transformers along, which few trainings need
    from vatt_harmony.align.features.finetune import OnTheFly

ENCODER = "encoder"
"""Folder of a trained encoder, inside that of its aligner."""


class Tuned(nn.Module):
    """Batches of item numbers to logits, with gradient into both."""

    def __init__(self, encoder: "OnTheFly", aligner: NeuMatch) -> None:
        super().__init__()
        self.encoder, self.aligner = encoder, aligner

    def forward(self, batch: Batch) -> Tensor:
        """As `NeuMatch.forward`, of a batch whose features are `OnTheFly.numbered`."""
        features, joint = self.encoder(batch.features, batch.lengths)
        logits: Tensor = self.aligner(replace(batch, features=features, joint=joint))
        return logits


def with_features(encoder: "OnTheFly | None", sequences: Sequence[AlignmentSequence]) -> Sequence[AlignmentSequence]:
    """The sequences with the features that the encoder gives now; as they are where there is no encoder."""
    return sequences if encoder is None else encoder.encoded(sequences)


def check_tuned(config: AlignConfig) -> None:
    """Raises UserError for options that need features which do not change."""
    for name, given in (("rollin", config.train.rollin > 0), ("analysis", config.train.analysis)):
        if given:
            raise UserError(
                f"train.{name} is set, and data.encoder too",
                "It would read every film once more in each epoch",
                f"Leave out train.{name}, or train on prepared features without data.encoder",
            )


def save(model: NeuMatch, encoder: "OnTheFly | None", folder: Path) -> None:
    """Write the aligner into `folder`, and an encoder that is trained beside it."""
    model.save_pretrained(folder)
    if encoder is not None and encoder.trained:
        encoder.save_pretrained(folder / ENCODER)


def load(model: NeuMatch, encoder: "OnTheFly | None", folder: Path) -> None:
    """Give both the weights that `save` has written."""
    model.load_state_dict(NeuMatch.from_pretrained(folder).state_dict())
    if encoder is not None and encoder.trained:
        from vatt_harmony.model.loading import load_model

        encoder.model.load_state_dict(load_model(folder / ENCODER, "cpu")[0].state_dict())
