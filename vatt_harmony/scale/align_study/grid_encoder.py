"""A small VATT for half-second windows of GRID clips: towers for mouth, sound and words, trained as `pretrain` does.

A window's text is what is said in it or, now and then, the clip's whole sentence, so that pieces of a clip come near
the sentence that a film's text holds.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from vatt_harmony.engine.optim import OptimConfig, build_optimizer
from vatt_harmony.engine.parts import build_model
from vatt_harmony.engine.schedule import learning_rate
from vatt_harmony.model.config import ModelConfig, TowerConfig
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.objective.config import ObjectiveConfig, PairWeights
from vatt_harmony.objective.objective import pair_losses
from vatt_harmony.randomness import keyed_generator
from vatt_harmony.scale.align_study.grid_corpus import FPS, FRAMES, RATE, SIZE, WORDS, Corpus, said

WINDOW = 12
"""Frames of a window, 0.48 s: no piece is shorter."""
SAMPLES = WINDOW * RATE // FPS
STEPS = 1200
BATCH = 48
WHOLE = 0.2
"""Share of windows that stand beside the whole sentence."""
SHIFT = 2
"""Pixels by which a batch's pictures are moved at most."""
TOWER = TowerConfig(depth=2, width=96, ff=192, heads=4)
OPTIM = OptimConfig(lr=2e-3, lr_end=2e-5, warmup=20, betas=(0.9, 0.98), weight_decay=0.05, clip=1.0)
OBJECTIVE = ObjectiveConfig(
    mode="symmetric", temperature=0.2, weights=PairWeights(video_audio=0.0, video_text=1.0, audio_text=1.0)
)


def model_config(vocabulary: int) -> ModelConfig:
    """Towers of two layers; 24 tokens of mouth, 8 of sound."""
    return ModelConfig(
        kind="specific",
        video_tower=TOWER,
        audio_tower=TOWER,
        text_tower=TowerConfig(depth=1, width=96, ff=192, heads=4),
        frames=WINDOW,
        size=SIZE,
        patch=(2, 16, 16),
        sound="spectrogram",
        samples=SAMPLES,
        sample_rate=RATE,
        stft_window=0.025,
        stft_hop=0.01,
        spectrogram_patch=(6, 80),
        words=WORDS,
        vocabulary=vocabulary + 1,
        text_width=64,
        keep_video=1.0,
        keep_audio=1.0,
        heads="joint",
        d_va=128,
        d_vt=128,
        audio_text_head=True,
    )


def train_encoder(corpus: Corpus, clips: Sequence[int], seed: int, steps: int = STEPS) -> Vatt:
    """The encoder of `clips` alone, in evaluation mode; 75 s on one core."""
    vocabulary = corpus.vocabulary
    model = build_model(model_config(len(vocabulary)), seed).train()
    optimizer = build_optimizer(model, OPTIM)
    generator = keyed_generator(seed, "grid encoder")
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, OPTIM, steps)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(_loss(model, *_draw(corpus, vocabulary, clips, generator)))
        torch.nn.utils.clip_grad_norm_(model.parameters(), OPTIM.clip)
        model.head_stage.take_statistics()
        optimizer.step()
    return model.eval()


def token_ids(words: Sequence[str], vocabulary: dict[str, int]) -> Tensor:
    """Ids int64 `[WORDS]`, 0 after the last word."""
    ids = torch.zeros(WORDS, dtype=torch.int64)
    ids[: len(words)] = torch.tensor([vocabulary[word] for word in words], dtype=torch.int64)
    return ids


def _loss(model: Vatt, video: Tensor, audio: Tensor, text: Tensor) -> Tensor:
    z = model(video=video, audio=audio, text=text)
    there = torch.ones(len(text), dtype=torch.bool)
    valid = {"video": there, "audio": there, "text": (text != 0).any(1, keepdim=True)}
    sides = model.head_stage(
        {"video": z["video"], "audio": z["audio"], "text": z["text"][:, None]}, valid, update_statistics=True
    )
    return pair_losses(sides, valid, OBJECTIVE).total


def _draw(
    corpus: Corpus, vocabulary: dict[str, int], clips: Sequence[int], generator: Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Random windows around what is said, sound louder or softer and with noise, pictures moved a little."""
    rows = generator.choice(np.asarray(clips), BATCH, replace=len(clips) < BATCH)
    videos, sounds, texts = [], [], []
    for clip in rows.tolist():
        words = corpus.words[clip]
        first = max(0, round(words[0].start * FPS) - WINDOW // 2)
        last = min(FRAMES - WINDOW, round(words[-1].end * FPS) - WINDOW // 2)
        frame = int(generator.integers(min(first, last), last + 1))
        videos.append(corpus.motion[clip, frame : frame + WINDOW])
        sounds.append(_louder(_sound_at(corpus.sound[clip], frame), generator))
        heard = (
            [word.text for word in words]
            if generator.random() < WHOLE
            else said(words, frame / FPS, (frame + WINDOW) / FPS)
        )
        texts.append(token_ids(heard, vocabulary))
    moved = generator.integers(-SHIFT, SHIFT + 1, 2).tolist()
    video = torch.stack(videos).roll(moved, (2, 3)) * float(1 + 0.1 * generator.standard_normal())
    return coloured(video), torch.stack(sounds), torch.stack(texts)


def _louder(sound: Tensor, generator: Generator) -> Tensor:
    louder = sound * float(np.exp(0.3 * generator.standard_normal()))
    noise = torch.from_numpy(generator.standard_normal(len(sound)).astype(np.float32))
    return louder + 0.01 * louder.abs().max() * noise


def _sound_at(sound: Tensor, frame: int) -> Tensor:
    start = frame * RATE // FPS
    return sound[start : start + SAMPLES]


def coloured(grey: Tensor) -> Tensor:
    """Brightness as the three colours that the model reads, `[..., 3]`."""
    return grey[..., None].expand(*grey.shape, 3)
