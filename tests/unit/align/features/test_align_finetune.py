"""Training end to end: features on the fly are the prepared ones, and a frozen encoder stays as it was."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support.exports import STREAM, make_export
from support.films import write_table
from torch import nn

from vatt_harmony.align.actions import ACTION_SETS
from vatt_harmony.align.batch import Batch, collate
from vatt_harmony.align.config import NetworkConfig
from vatt_harmony.align.data.pieces import cut
from vatt_harmony.align.features.finetune import OnTheFly
from vatt_harmony.align.features.kept import KeptMedia
from vatt_harmony.align.losses import action_loss
from vatt_harmony.align.network import NeuMatch
from vatt_harmony.align.prepare import prepare
from vatt_harmony.align.prepare_options import PrepareOptions
from vatt_harmony.align.sequence import load_sequences
from vatt_harmony.downstream.items import Failures
from vatt_harmony.errors import UserError
from vatt_harmony.model.loading import load_model

ACTIONS = ACTION_SETS["one_to_many"]
NETWORK = NetworkConfig(width=8, action_width=4, matched_width=4, window=1)


@pytest.fixture(scope="module", params=["tower", "joint"])
def prepared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `model` (an exported encoder) and `out` (two training films and one to validate)."""
    folder = tmp_path_factory.mktemp(request.param)
    make_export(folder, audio_text_head=True)
    table = write_table(folder, ("train", "train", "val"))
    options = PrepareOptions(
        source=table, out=folder / "out", encoder=folder / "model", mode=request.param, sound=True, keep_media=True
    )
    failures = Failures()
    prepare(options, failures)
    assert not failures.counts
    return folder


def on_the_fly(prepared: Path, trained: bool = True) -> OnTheFly:
    return OnTheFly(prepared / "model", [prepared / "out/train", prepared / "out/val"], trained=trained)


def batch_of(encoder: OnTheFly) -> Batch:
    return collate([piece for film in encoder.numbered(0) for piece in cut(film, ACTIONS)])


def test_on_the_fly_features_are_the_prepared_ones(prepared: Path) -> None:
    encoder = on_the_fly(prepared)
    for folder, split in enumerate(("train", "val")):
        kept = load_sequences(prepared / "out" / split)
        for again, before in zip(encoder.encoded(encoder.numbered(folder)), kept, strict=True):
            for own, expected in zip(again.streams, before.streams, strict=True):
                np.testing.assert_allclose(own.features, expected.features, atol=1e-5)
                np.testing.assert_allclose(own.joint, expected.joint, atol=1e-5)


@pytest.mark.parametrize("rows", [1, 3])
def test_a_batch_of_numbers_becomes_padded_features_whatever_is_computed_at_once(prepared: Path, rows: int) -> None:
    encoder = on_the_fly(prepared)
    encoder.batch = rows
    batch = collate(
        [piece for folder in (1, 0) for film in encoder.numbered(folder) for piece in cut(film, ACTIONS, 4)]
    )
    features, joint = encoder(batch.features, batch.lengths)
    kept = [film for split in ("val", "train") for film in load_sequences(prepared / "out" / split)]
    expected = collate([piece for film in kept for piece in cut(film, ACTIONS, 4)])
    assert expected.joint is not None and batch.joint is None
    for found, wanted in zip((*features, *joint), (*expected.features, *expected.joint), strict=True):
        torch.testing.assert_close(found.detach(), wanted, rtol=0, atol=1e-5)


def steps(prepared: Path, rate: float | None, count: int = 3) -> tuple[OnTheFly, nn.Module, list[float]]:
    """The encoder, the aligner and the losses after some updates; rate None: the encoder takes no part."""
    encoder = on_the_fly(prepared, trained=rate is not None)
    batch = batch_of(encoder)
    dims = [stream.features.shape[1] for stream in load_sequences(prepared / "out/train")[0].streams]
    aligner = NeuMatch(NETWORK, dims)
    optimizers: list[torch.optim.Optimizer] = [torch.optim.Adam(aligner.parameters(), lr=1e-2)]
    if rate is not None:
        optimizers.append(torch.optim.AdamW(encoder.parameters(), lr=rate))
    losses = []
    for module in (encoder, aligner):
        module.train()
    for _ in range(count):
        features, joint = encoder(batch.features, batch.lengths)
        logits = aligner(replace(batch, features=features, joint=joint))
        loss = action_loss(logits, batch.targets, batch.steps, 0.03)
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        losses.append(float(loss.detach()))
    return encoder, aligner, losses


def equal(one: nn.Module, other: nn.Module) -> bool:
    theirs = other.state_dict()
    return all(torch.equal(value, theirs[name]) for name, value in one.state_dict().items())


def test_frozen_leaves_the_encoder_and_rate_0_the_run_bit_equal(prepared: Path) -> None:
    fresh = on_the_fly(prepared)
    frozen_encoder, frozen, losses = steps(prepared, None)
    still_encoder, still, same = steps(prepared, 0.0)
    assert equal(frozen_encoder, fresh) and equal(still_encoder, fresh)
    assert losses == same and equal(frozen, still)
    moving_encoder, _, others = steps(prepared, 1e-3)
    assert others[0] == losses[0] and others[1:] != losses[1:]
    moved = {
        name for name, value in moving_encoder.state_dict().items() if not torch.equal(value, fresh.state_dict()[name])
    }
    assert any("tokens.video" in name for name in moved) and any("tokens.audio" in name for name in moved)
    assert any("tokens.text" in name for name in moved) and not any("running" in name for name in moved)


def test_a_trained_encoder_is_saved_as_an_export(prepared: Path, tmp_path: Path) -> None:
    encoder, _, _ = steps(prepared, 1e-3, count=1)
    encoder.save_pretrained(tmp_path / "tuned")
    model, processor = load_model(tmp_path / "tuned")
    assert equal(model, encoder.model) and processor.to_dict() == encoder.processor.to_dict()


def test_features_without_media_and_windows_of_another_encoder_are_refused(prepared: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for file in (prepared / "out/val").iterdir():
        if file.suffix != ".safetensors":
            (bare / file.name).write_bytes(file.read_bytes())
    with pytest.raises(UserError, match="--keep-media"):
        KeptMedia.open(bare)
    (tmp_path / "other").mkdir()
    make_export(tmp_path / "other", stream=replace(STREAM, size=48), audio_text_head=True)
    with pytest.raises(UserError, match="48"):
        OnTheFly(tmp_path / "other/model", [prepared / "out/val"])
