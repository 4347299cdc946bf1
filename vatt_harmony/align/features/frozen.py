"""An exported encoder as `align prepare` uses it: frozen, for clips and for sentences."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import torch

from vatt_harmony.align.features.encoder import Rows
from vatt_harmony.align.features.vatt import (
    BATCH,
    Encoded,
    Mode,
    check_model,
    encode_clips,
    encode_texts,
    token_chunks,
)
from vatt_harmony.align.features.windows import Cut, Short, read_cuts
from vatt_harmony.align.sequence import AlignmentSequence
from vatt_harmony.media.errors import MediaError
from vatt_harmony.model.fingerprint import weights_digest
from vatt_harmony.model.hf import VattModel
from vatt_harmony.model.processor import VattProcessor

VERSION = 1
"""Of the way from media to features; to be raised when it changes."""


class FrozenVatt:
    """Features in `mode`, and the shared space beside them; see `clip_features` for `sound` and `short`."""

    def __init__(
        self,
        model: VattModel,
        processor: VattProcessor,
        *,
        mode: Mode = "tower",
        sound: bool = False,
        short: Short = "loop",
        batch: int = BATCH,
    ) -> None:
        check_model(model, sound)
        self.model, self.processor = model.eval(), processor
        self.mode, self.sound, self.short, self.batch = mode, sound, short, batch
        told = [VERSION, weights_digest(model), processor.to_dict(), processor.tokenizer.to_str(), mode, sound, short]
        self.fingerprint = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]

    def clips(self, film: AlignmentSequence) -> Iterator[Rows | str]:
        """As `ClipEncoder.clips`."""
        assert film.media is not None, "clips are read from a film"
        cuts = read_cuts(Path(film.media), film.clips.spans, self.processor, sound=self.sound, short=self.short)
        while group := list(islice(cuts, self.batch)):
            good = [cut for cut in group if isinstance(cut, Cut)]
            rows = iter(self._encode(good))
            yield from (cut.reason if isinstance(cut, MediaError) else next(rows) for cut in group)

    def texts(self, film: str, texts: Sequence[str]) -> Rows:
        """As `TextEncoder.texts`."""
        with torch.no_grad():
            return self._rows(encode_texts(self.model, token_chunks(self.processor, texts), self.batch))

    def _encode(self, cuts: Sequence[Cut]) -> list[Rows]:
        if not cuts:
            return []
        with torch.no_grad():
            rows = self._rows(encode_clips(self.model, cuts, self.sound, self.batch))
        assert rows.joint is not None
        return [Rows(*row) for row in zip(rows.features[:, None], rows.joint[:, None], strict=True)]

    def _rows(self, encoded: Encoded) -> Rows:
        return Rows(encoded.of(self.mode).cpu().numpy(), encoded.joint.cpu().numpy())
