"""The pretrained encoders of the study, by the verb `pretrain`, each in a process of its own."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from vatt_harmony.config import load_config
from vatt_harmony.engine.config import RunConfig
from vatt_harmony.engine.parts import build_model, load_trained, model_config
from vatt_harmony.engine.status import read_status
from vatt_harmony.model.config import ModelConfig
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.scale.esc_study.corpora import build_shards, recordings, voices, write_clips
from vatt_harmony.scale.esc_study.protocol import CONTINUED_RATE, CONTINUED_STEPS, TUNING_SEED, VOICES, Start
from vatt_harmony.scale.esc_study.sounds import Sounds, final_parts

RECIPE = Path(__file__).with_name("pretrain.yaml")
CORPUS_SEED = 1


def network_config() -> ModelConfig:
    """The model of the recipe."""
    config = load_config(RunConfig, RECIPE, [])
    return model_config(config, config.data.vocabulary)


def encoder(start: Start, fold: int, seed: int, sounds: Sounds, work: Path) -> Vatt:
    """The model that a classifier begins from; pretrained now, in `work`, unless it was before.

    Raises RuntimeError when `pretrain` fails.
    """
    if start == "initial values":
        return build_model(network_config(), seed)
    if start == "voices":
        return load_trained(_on_voices(seed, work)).model
    return load_trained(_continued(fold, sounds, work)).model


def _on_voices(seed: int, work: Path) -> Path:
    run = work / f"pretrained-voices-{seed}"
    if not _is_finished(run):
        clips = write_clips(work / "voices", voices(VOICES, CORPUS_SEED))
        _pretrain(run, build_shards(clips, work / "voices" / "shards"), ["--seed", str(seed)])
    return run


def _continued(fold: int, sounds: Sounds, work: Path) -> Path:
    run = work / f"pretrained-recordings-{fold}"
    if not _is_finished(run):
        clips = write_clips(work / "recordings", recordings(list(sounds.waves), sounds.names, CORPUS_SEED))
        test = [sounds.names[place] for place in final_parts(sounds.folds, fold)[1]]
        shards = build_shards(clips, work / f"recordings-without-{fold}", left_out=test)
        begun = ["--init", str(_on_voices(TUNING_SEED, work)), "--seed", str(TUNING_SEED)]
        changed = ["--engine.steps", str(CONTINUED_STEPS), "--optim.lr", str(CONTINUED_RATE)]
        _pretrain(run, shards, [*begun, *changed])
    return run


def _is_finished(run: Path) -> bool:
    status = read_status(run)
    return status is not None and status.state == "finished"


def _pretrain(run: Path, shards: Path, options: Sequence[str]) -> None:
    verb = [sys.executable, "-m", "vatt_harmony", "pretrain", str(RECIPE), "--run", str(run)]
    told = subprocess.run(
        [*verb, "--data.sources.sounds.shards", str(shards), *options], capture_output=True, text=True, check=False
    )
    if told.returncode:
        raise RuntimeError(f"pretraining in {run} ended with status {told.returncode}:\n{told.stderr[-2000:]}")
