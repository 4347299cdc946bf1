"""Sentences to token ids: WordPiece trained on the captions, or a tokenizer that exists."""

import string
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import tokenizers
from numpy.typing import NDArray
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

from vatt_harmony.errors import UserError

SPECIAL = ("<pad>", "<unk>", "<bos>", "<eos>")
PAD_NAMES = ("<pad>", "[PAD]")
FILE = "tokenizer.json"


class Tokenizer:
    """Crops and pads sentences to `words` ids; id 0 is padding and nothing else, as the model's mask is `id != 0`.

    Special tokens are never added: VATT's vocabulary holds `<bos>` and `<eos>` but does not use them.
    """

    def __init__(self, backend: tokenizers.Tokenizer, words: int = 16) -> None:
        self.backend, self.words = backend, words
        backend.encode_special_tokens = True  # "<pad>" in a caption is text, not padding
        backend.enable_truncation(words)
        backend.enable_padding(length=words, pad_id=0, pad_token=backend.id_to_token(0))

    @property
    def vocabulary(self) -> int:
        """Entries of the vocabulary: the rows an embedding table needs."""
        return int(self.backend.get_vocab_size())

    def encode(self, sentences: Sequence[str]) -> NDArray[np.int64]:
        """Ids `[K, L]` of K sentences; a row of zeros is a sentence of which nothing is left."""
        if not sentences:
            return np.zeros((0, self.words), np.int64)
        encoded = self.backend.encode_batch_fast(list(sentences), add_special_tokens=False)
        return np.array([sentence.ids for sentence in encoded], np.int64)

    def save(self, path: Path) -> None:
        """Write `tokenizer.json`; `load_tokenizer` reads it back."""
        self.backend.save(str(path))


def train_tokenizer(captions: Iterable[str], vocabulary: int = 16384, words: int = 16) -> Tokenizer:
    """Learn WordPiece on captions, lower-cased and without ASCII punctuation; equal captions give equal ids.

    Raises UserError when there is not one word.
    """
    backend = _pipeline(models.WordPiece(unk_token="<unk>"))
    counted = sorted(Counter(word for text in captions for word in _words(backend, text)).items())
    if not counted:
        raise UserError(
            "The sources hold no caption with a word in it",
            "There is nothing to train a tokenizer on",
            "Give data.tokenizer a tokenizer.json, or add captions to a source",
        )
    # The trainer numbers inner letters in the order of a hash table, which differs from process to process,
    # and breaks ties by these numbers; letters given as special tokens have their numbers beforehand.
    inner = sorted({f"##{letter}" for word, _ in counted for letter in word[1:]})
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocabulary, special_tokens=[*SPECIAL, *inner], min_frequency=1, show_progress=False
    )
    backend.train_from_iterator((" ".join([word] * count) for word, count in counted), trainer)
    trained = _pipeline(models.WordPiece(backend.get_vocab(), unk_token="<unk>"))
    trained.add_special_tokens(list(SPECIAL))
    return Tokenizer(trained, words)


def _pipeline(model: models.WordPiece) -> tokenizers.Tokenizer:
    backend = tokenizers.Tokenizer(model)
    punctuation = "[" + "".join(f"\\{mark}" for mark in string.punctuation) + "]"
    backend.normalizer = normalizers.Sequence(
        [normalizers.Lowercase(), normalizers.Replace(tokenizers.Regex(punctuation), "")]
    )
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    backend.decoder = decoders.WordPiece()
    return backend


def _words(backend: tokenizers.Tokenizer, text: str) -> list[str]:
    return str(backend.normalizer.normalize_str(text)).split()


def load_tokenizer(path: Path, words: int = 16) -> Tokenizer:
    """Read a `tokenizer.json` or a Hugging Face folder that holds one.

    Raises UserError when there is none, when it cannot be read, or when its padding is not id 0: moving ids
    would part the tokenizer from every table of embeddings made for it.
    """
    file = path / FILE if path.is_dir() else path
    if not file.is_file():
        raise UserError(
            f"There is no {file}",
            "Captions cannot be turned into ids",
            f'Give a {FILE}, a folder that holds one, or "" to train on the captions of the sources',
        )
    try:
        backend = tokenizers.Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises bare Exception for a file it cannot parse
        raise UserError(
            f"{file} is not a tokenizer: {error}", "Captions cannot be turned into ids", "Give another file"
        ) from error
    found = {name: backend.token_to_id(name) for name in PAD_NAMES}
    if backend.padding:
        found = {str(backend.padding["pad_token"]): int(backend.padding["pad_id"])}
    if 0 not in found.values():
        told = ", ".join(f"{name} has id {number}" for name, number in found.items() if number is not None)
        raise UserError(
            f"{file} does not pad with id 0 ({told or 'it has no padding token'})",
            "Padding would be read as a word, or a word as padding",
            'Use a tokenizer whose padding is id 0, or "" to train one on the captions of the sources',
        )
    return Tokenizer(backend, words)
