"""Floating-point operations of a model, from its configuration alone: two a multiply-add, matrix products only."""

import math

from vatt_harmony.model.config import ModelConfig, TowerConfig

BACKWARD = 2  # a backward takes two products for each one of the forward


def train_flops(config: ModelConfig, candidates: int) -> int:
    """FLOPs of training on one triplet with `candidates` sentences; recomputation is not credited.

    The loss over the global batch is left out: 3e-5 of the trunk at a batch of 2,048.
    """
    return (1 + BACKWARD) * sum(forward_flops(config, candidates).values())


def forward_flops(config: ModelConfig, candidates: int, *, training: bool = True) -> dict[str, int]:
    """Forward FLOPs of one triplet by part: `video`, `audio`, `text` (all candidates), `heads`.

    `training` False: without DropToken. Counted as the model computes: patches are dropped before they are
    embedded, the last block runs at the AGG token alone, post-projections and heads see AGG tokens only.
    """
    video, audio, text = _towers(config)
    video_tokens = _kept(math.prod(config.video_grid), config.keep_video if training else 1.0)
    # The transposed spectrogram order repeats the official tower, which has no DropToken.
    keep_audio = config.keep_audio if training and config.spectrogram_order == "time_mel" else 1.0
    audio_tokens = _kept(math.prod(config.audio_grid), keep_audio)
    waveform = config.sound == "waveform"
    audio_patch = config.audio_patch if waveform else math.prod(config.spectrogram_patch)
    # The T5 tower sends its AGG through the projection, the shared trunk adds it after.
    projected = config.words + (config.kind == "specific")
    return {
        "video": _embedding(config, video_tokens, 3 * math.prod(config.patch), video)
        + _encoder(video, video_tokens + 1),
        "audio": (0 if waveform else _mel_product(config))
        + _embedding(config, audio_tokens, audio_patch, audio)
        + _encoder(audio, audio_tokens + 1),
        "text": candidates * (_dense(config.text_width, text.shape[1], projected) + _encoder(text, config.words + 1)),
        "heads": _heads(config, candidates),
    }


def _encoder(tower: TowerConfig, tokens: int) -> int:
    """All blocks but the last over all tokens; the last with keys and values of all, the rest at one."""
    depth, width, ff, _ = tower.shape
    return (depth - 1) * _block(width, ff, tokens, rows=tokens) + _block(width, ff, tokens, rows=1)


def _block(width: int, ff: int, tokens: int, rows: int) -> int:
    keys_and_values = _dense(width, 2 * width, tokens)
    query_and_output = _dense(width, 2 * width, rows)
    attention = 2 * 2 * rows * tokens * width  # scores, then the mix of the values
    return keys_and_values + query_and_output + attention + 2 * _dense(width, ff, rows)


def _embedding(config: ModelConfig, tokens: int, patch: int, tower: TowerConfig) -> int:
    width = tower.shape[1]
    pre_projection = _dense(width, width, tokens) if config.kind == "agnostic" else 0
    return _dense(patch, width, tokens) + pre_projection


def _mel_product(config: ModelConfig) -> int:
    """Spectrum to mel bins; the Fourier transform is no matrix product."""
    window = int(config.stft_window * config.sample_rate)
    bins = (1 << (window - 1).bit_length()) // 2 + 1
    return _dense(bins, config.mels, config.stft_frames)


def _heads(config: ModelConfig, candidates: int) -> int:
    rows = {"video": 1, "audio": 1, "text": candidates}
    widths, post = config.widths, 0
    if config.kind == "agnostic":
        post = sum(_dense(widths[branch], config.post_width, count) for branch, count in rows.items())
        widths = dict.fromkeys(rows, config.post_width)
    va, vt = config.d_va, config.d_vt
    if config.heads == "joint":
        return post + sum(_dense(widths[branch], va, count) for branch, count in rows.items())
    to_va = _dense(widths["video"], va, 1) + _dense(va, va, 1) + _dense(widths["audio"], va, 1)
    to_vt = _dense(va, vt, 1 + config.audio_text_head) + _dense(widths["text"], vt, candidates)
    return post + to_va + to_vt


def _towers(config: ModelConfig) -> tuple[TowerConfig, TowerConfig, TowerConfig]:
    if config.kind == "agnostic":
        return config.trunk, config.trunk, config.trunk
    return config.video_tower, config.audio_tower, config.text_tower


def _kept(tokens: int, keep: float) -> int:
    return tokens if keep == 1.0 else max(1, int(keep * tokens))


def _dense(inputs: int, outputs: int, rows: int) -> int:
    return 2 * inputs * outputs * rows
