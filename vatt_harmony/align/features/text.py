"""Sentence features from a text encoder of transformers, or from word counts."""

import hashlib
import json
from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional as F
from transformers import AutoModel, AutoTokenizer

from vatt_harmony.align.data.tfidf import HashedTfidf
from vatt_harmony.align.features.encoder import Rows
from vatt_harmony.errors import UserError
from vatt_harmony.model.fingerprint import weights_digest

LONGEST = 512
"""Most tokens of a sentence where the tokenizer knows no limit."""


class TransformerTexts:
    """The mean of the last hidden states over the tokens of a sentence, as a unit vector; frozen.

    `name` is a folder or a model of the Hub; of an encoder-decoder the encoder is used. Raises UserError when it
    cannot be had.
    """

    def __init__(self, name: str, batch: int = 8, device: str = "cpu") -> None:
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(name)
            model = AutoModel.from_pretrained(name)
        except (OSError, ValueError) as error:
            raise UserError(
                f"The text encoder {name} cannot be had: {error}",
                "No sentence would have features",
                "Name a folder that transformers has saved, a model that can be fetched, or tfidf",
            ) from error
        model = model.get_encoder() if model.config.is_encoder_decoder else model
        self._model, self._batch, self._device = model.eval().to(device), batch, device
        self._longest = min(self._tokenizer.model_max_length, LONGEST)
        told = [weights_digest(model), self._tokenizer.get_vocab(), self._longest]
        self.fingerprint = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]

    @torch.no_grad()
    def texts(self, film: str, texts: Sequence[str]) -> Rows:
        """As `TextEncoder.texts`."""
        groups = [list(texts[start : start + self._batch]) for start in range(0, len(texts), self._batch)]
        return Rows(np.concatenate([self._encode(group) for group in groups]))

    def _encode(self, texts: list[str]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        tokens = self._tokenizer(
            texts, padding=True, truncation=True, max_length=self._longest, return_tensors="pt"
        ).to(self._device)
        hidden = self._model(**tokens).last_hidden_state
        real = tokens["attention_mask"].unsqueeze(-1)
        mean = (hidden * real).sum(dim=1) / real.sum(dim=1)
        return np.asarray(F.normalize(mean.float(), dim=-1).cpu().numpy())


class TfidfTexts:
    """Hashed TF-IDF, its weights fitted on the training sentences; clips and sentences share no space."""

    def __init__(self, train: Sequence[str], width: int = 300, seed: int = 0) -> None:
        if not train:
            raise UserError(
                "There are no training films whose words could be counted",
                "Rare and common words would weigh the same",
                "Put films into the split train, or name a text encoder",
            )
        self._encode = HashedTfidf(train, width, seed)
        self.fingerprint = hashlib.sha256("\n".join(["tfidf", str(width), str(seed), *train]).encode()).hexdigest()[:16]

    def texts(self, film: str, texts: Sequence[str]) -> Rows:
        """As `TextEncoder.texts`."""
        return Rows(self._encode(texts))
