import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from vatt_harmony.model.config import ModelConfig, TowerConfig
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.scale.flops import forward_flops, train_flops

TINY = TowerConfig(depth=3, width=64, ff=96, heads=2)
SMALL_INPUT = {"frames": 8, "size": 64, "samples": 16000, "sample_rate": 16000, "words": 8}
CONFIGS = {
    "shared medium, full size": ModelConfig(),
    "MBS, full size": ModelConfig(kind="specific"),
    "tiny shared, paper heads": ModelConfig(trunk=TINY, heads="paper", keep_video=0.3, **SMALL_INPUT),
    "tiny separate, joint heads": ModelConfig(
        kind="specific", video_tower=TINY, audio_tower=TINY, text_tower=TINY, heads="joint", **SMALL_INPUT
    ),
    "tiny spectrogram, audio-text head": ModelConfig(
        trunk=TINY, sound="spectrogram", audio_text_head=True, **SMALL_INPUT
    ),
    "tiny transposed spectrogram": ModelConfig(
        trunk=TINY, sound="spectrogram", spectrogram_order="transposed", **SMALL_INPUT
    ),
}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", CONFIGS)
def test_equal_to_the_counter_on_meta_tensors(name, training):
    config, candidates = CONFIGS[name], 5
    assert forward_flops(config, candidates, training=training) == count(config, candidates, training)


def test_medium_needs_less_than_the_formula_of_full_blocks():
    """The pooled last block saves 35 of the 492 GF that 12 full blocks take; embeddings and heads add 8."""
    full = sum(12 * (24 * n * 1024**2 + 4 * n**2 * 1024) for n in (785, 601, *[17] * 5))
    planned = sum(forward_flops(ModelConfig(), 5).values())
    assert planned == 465_696_440_320
    assert planned - full == pytest.approx((8 - 35) * 1e9, rel=0.02)
    assert train_flops(ModelConfig(), 5) == 3 * planned


def count(config, candidates, training):
    with torch.device("meta"):
        model = Vatt(config).train(training)
        media = {
            "video": torch.zeros(1, config.frames, config.size, config.size, 3, dtype=torch.uint8),
            "audio": torch.zeros(1, config.samples),
            "text": torch.zeros(candidates, config.words, dtype=torch.int64),
        }
        seed = torch.zeros(1, dtype=torch.int64)
        counted, z = {}, {}
        for branch, value in media.items():
            seeds = {} if branch == "text" else {f"{branch}_seed": seed}
            with FlopCounterMode(display=False) as counter:
                z[branch] = model(**{branch: value}, **seeds)[branch]
            counted[branch] = counter.get_total_flops()
        z["text"] = z["text"][None]
        valid = {branch: torch.ones(value.shape[:-1], dtype=torch.bool) for branch, value in z.items()}
        with FlopCounterMode(display=False) as counter:
            model.head_stage.heads(model.head_stage.features(z), valid, False)
        counted["heads"] = counter.get_total_flops()
    return counted
