"""The planned films as sequences: their shots' and sentences' features by the demo's encoder, and their media."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from vatt_harmony.align.features.vatt import Encoded, encode_clips, encode_texts, token_chunks
from vatt_harmony.align.features.windows import read_cuts
from vatt_harmony.align.sequence import NULL, AlignmentSequence, Features, Floats, Owners, Stream, pairs_of
from vatt_harmony.demo.films import PIECES, FilmPlan
from vatt_harmony.demo.truth import Clip
from vatt_harmony.media.decode import open_media, probe
from vatt_harmony.media.demo_corpus import FPS
from vatt_harmony.media.encode import encode_clip
from vatt_harmony.media.errors import MediaError
from vatt_harmony.model.hf import VattModel
from vatt_harmony.model.processor import VattProcessor
from vatt_harmony.randomness import keyed_int

BATCH = 64
SAMPLE_RATE = 16000
Rows = tuple[Features, Features]
"""Features `[N, D]` before the projection heads and `[N, J]` in the shared space."""


class Encoder:
    """Features of the corpus' clips, each cut into as many shots wherever it appears, and of sentences."""

    def __init__(self, model: VattModel, processor: VattProcessor, clips: Mapping[str, Clip], seed: int) -> None:
        self._model, self._processor, self._clips, self._seed = model, processor, clips, seed
        self._shots: dict[str, Rows] = {}
        self._texts: dict[str, int] = {}
        self._told: Rows = np.zeros((0, 0), np.float32), np.zeros((0, 0), np.float32)

    def read(self, films: Sequence[FilmPlan]) -> None:
        """Encode all that the films show and say, everything once. Raises MediaError for a clip without picture."""
        names = sorted({clip for film in films for clip in film.clips})
        cuts = []
        for name in names:
            for cut in read_cuts(self._clips[name].path, self.spans(name), self._processor):
                if isinstance(cut, MediaError):
                    raise cut
                cuts.append(cut)
        texts = sorted({sentence for film in films for sentence in film.sentences})
        with torch.no_grad():
            shown = _rows(encode_clips(self._model, cuts, batch=BATCH))
            self._told = _rows(encode_texts(self._model, token_chunks(self._processor, texts), BATCH))
        self._texts = {text: row for row, text in enumerate(texts)}
        ends = np.cumsum([len(self.spans(name)) for name in names])
        parts = zip(*(np.split(rows, ends[:-1]) for rows in shown), strict=True)
        self._shots = dict(zip(names, parts, strict=True))

    def spans(self, clip: str) -> Floats:
        """The shots `[P, 2]` of a clip, in seconds from its start: one to three of equal length."""
        end = probe(self._clips[clip].path).common[1]
        edges = np.linspace(0, round(end * FPS) / FPS, 2 + keyed_int(self._seed, clip, "shots") % PIECES)
        return np.stack([edges[:-1], edges[1:]], axis=1)

    def sequence(self, film: FilmPlan, media: Path | None = None) -> AlignmentSequence:
        """A film that has been read."""
        shots = [self.spans(clip) for clip in film.clips]
        starts = np.cumsum([0.0, *(spans[-1, 1] for spans in shots)])
        spans = np.concatenate([own + start for own, start in zip(shots, starts, strict=False)])
        owners = np.repeat(film.owners, [len(own) for own in shots]).astype(np.int64)
        shown = [np.concatenate(rows) for rows in zip(*(self._shots[clip] for clip in film.clips), strict=True)]
        told = [rows[[self._texts[sentence] for sentence in film.sentences]] for rows in self._told]
        clips = Stream(name="clips", spans=spans, features=shown[0], joint=shown[1])
        sentences = Stream(
            name="sentences",
            spans=_told_in(spans, owners, len(film.sentences)),
            texts=film.sentences,
            features=told[0],
            joint=told[1],
        )
        return AlignmentSequence(
            name=film.name,
            group=film.name,
            streams=(clips, sentences),
            pairs=pairs_of(owners),
            media=str(media) if media else None,
        )


def write_film(film: FilmPlan, clips: Mapping[str, Clip], path: Path) -> Path:
    """The film's clips one after another as one mp4; raises MediaError for one that cannot be read."""
    pictures, sounds = zip(*_windows(clips[name].path for name in film.clips), strict=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    encode_clip(path, video=np.concatenate(pictures), fps=FPS, audio=np.concatenate(sounds), sample_rate=SAMPLE_RATE)
    return path


def _windows(paths: Iterable[Path]) -> Iterable[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
    for path in paths:
        with open_media(path) as media:
            height, width = media.upright_size()
            frames = round(media.info.common[1] * FPS)
            window = media.read_window(0.0, frames, FPS, SAMPLE_RATE, height=height, width=width)
        assert window.video is not None and window.audio is not None, path  # the corpus has both everywhere
        yield window.video, window.audio


def _rows(encoded: Encoded) -> Rows:
    return encoded.tower.cpu().numpy(), encoded.joint.cpu().numpy()


def _told_in(spans: Floats, owners: Owners, sentences: int) -> Floats:
    """When each sentence is shown `[M, 2]`, NaN for one that is not."""
    told = np.full((sentences, 2), np.nan)
    for owner in np.unique(owners[owners != NULL]):
        own = spans[owners == owner]
        told[owner] = own[0, 0], own[-1, 1]
    return told
