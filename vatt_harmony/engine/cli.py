"""The verbs of the engine: `pretrain` and `export`."""

import argparse
import os
from pathlib import Path
from typing import Any


def add_parsers(verbs: Any) -> None:
    """Add `pretrain` and `export` to the command line."""
    pretrain = verbs.add_parser(
        "pretrain",
        help="the main job: train an encoder from a recipe",
        epilog="Any field of the recipe can be replaced: --harmony.rule sum --engine.steps 100",
    )
    pretrain.add_argument("config", type=Path, help="recipe, such as configs/pretrain/demo.yaml")
    pretrain.add_argument("--run", type=Path, help="run folder; resumed if it holds a checkpoint (runs/NAME)")
    pretrain.add_argument("--init", type=Path, help="run or checkpoint that gives a new run its weights only")
    pretrain.set_defaults(run_verb=_pretrain, takes_overrides=True)

    export = verbs.add_parser("export", help="a run's encoder as a Hugging Face folder")
    export.add_argument("run", type=Path, help="run folder or one checkpoint")
    export.add_argument("out", type=Path, help="new folder")
    export.set_defaults(run_verb=_export)


def _pretrain(options: argparse.Namespace) -> int:
    from vatt_harmony.config import load_config
    from vatt_harmony.engine.config import RunConfig, shipped_file
    from vatt_harmony.engine.failure import one_message
    from vatt_harmony.engine.finish import finished, tell_result
    from vatt_harmony.engine.launch import first_process, start_process, stop_process
    from vatt_harmony.engine.pretrainer import Pretrainer

    config = load_config(RunConfig, shipped_file(str(options.config)), options.overrides)
    run = options.run or Path("runs") / options.config.stem
    if not finished(run, config):
        with one_message():
            process = start_process(config.engine.first_step_minutes)
            Pretrainer(config, run, process, options.init).train()
        stop_process()
    if first_process():
        tell_result(run)
    return 0


def _export(options: argparse.Namespace) -> int:
    os.environ.setdefault("DS_ACCELERATOR", "cpu")  # else libraries look for one, aloud
    from transformers.utils import logging

    from vatt_harmony.downstream.export import export
    from vatt_harmony.engine.parts import load_trained

    logging.disable_progress_bar()

    trained = load_trained(options.run)
    config = trained.config
    export(
        trained.model,
        trained.tokenizer,
        config.stream,
        options.out,
        weights=config.objective.weights.active(),
        data=sorted(config.data.sources),
    )
    print(f"exported to {options.out}")
    return 0
