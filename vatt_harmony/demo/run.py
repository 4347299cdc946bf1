"""The demo from the first frame drawn to the last line printed; every finished stage is kept and not done again."""

import os
from dataclasses import replace
from pathlib import Path

import torch
from rich.console import Console

from vatt_harmony.demo.alignment import align
from vatt_harmony.demo.findings import Findings, by_fault, figures, overhead, read_losses, visits_of
from vatt_harmony.demo.finetune import finetune_encoder
from vatt_harmony.demo.launch import pretrain, ranks
from vatt_harmony.demo.measure import Measured, measure
from vatt_harmony.demo.report import write_report
from vatt_harmony.demo.screen import show, verdict
from vatt_harmony.demo.settings import RECIPE, RUNS, DemoSettings
from vatt_harmony.demo.stages import Stages
from vatt_harmony.demo.truth import Clip, read_truth
from vatt_harmony.downstream.export import export
from vatt_harmony.engine.config import shipped_file
from vatt_harmony.engine.observations import read_observations
from vatt_harmony.engine.parts import load_trained
from vatt_harmony.figures import Figure, write_figures
from vatt_harmony.media.demo_corpus import make_corpus
from vatt_harmony.shards.build import build


def run_demo(settings: DemoSettings, json_file: Path | None = None) -> int:
    """Make, train, measure, export, fine-tune, align, tell; 0, or 1 when a whole demo fell below its floor.

    Raises UserError when the folder belongs to something else or a run fails.
    """
    console = Console()
    settings.claim()
    stages = Stages(settings.out / "seconds.json", console)
    _make_shards(settings, stages)
    for run in RUNS:
        config = settings.config(run)
        processes = ranks(config.stream.global_batch)
        with stages.stage(f"pretraining, {run}", f"{config.engine.steps} steps on {processes} ranks"):
            pretrain(str(shipped_file(RECIPE)), settings.out / run, settings.overrides(run), processes)
    with stages.stage("retrieval", f"{settings.test} held-out clips, both runs"):
        measured = {run: measure(settings.out / run, settings.shards / "test", _device()) for run in RUNS}
    clips = read_truth(settings.corpus)
    findings = _find(settings, measured, clips)
    with stages.stage("export", f"the harmonized encoder, to {settings.encoder}"):
        _export(settings, figures(findings))
    with stages.stage("fine-tuning", f"the encoder on a few labelled clips, to {settings.finetuning}"):
        findings = replace(findings, finetuned=finetune_encoder(settings, clips))
    with stages.stage("alignment", f"films of the clips with their sentences, to {settings.alignment}"):
        findings = replace(findings, aligned=align(settings, clips))
    findings = replace(findings, seconds=stages.total)
    rows = figures(findings)
    write_report(findings, settings, clips)
    console.print()
    show(findings, settings, console)
    if json_file is not None:
        write_figures(rows, json_file)
    if not settings.checked:
        console.print("The floor was not checked: --steps and --clips make another demo.", highlight=False)
    failure = verdict(rows, settings)
    if failure:
        console.print(failure, style="bold red", markup=False, highlight=False)
    return 1 if failure else 0


def _make_shards(settings: DemoSettings, stages: Stages) -> None:
    workers = os.cpu_count() or 1
    with stages.stage("corpus", f"{settings.clips} training and {settings.test} held-out clips, {settings.corpus}"):
        corpus = make_corpus(
            settings.corpus,
            settings.seed,
            train=settings.clips,
            test=settings.test,
            unseen=settings.unseen,
            workers=workers,
        )
    with stages.stage("shards", str(settings.shards)):
        build(corpus.manifest, settings.shards, workers=workers)


def _find(settings: DemoSettings, measured: dict[str, Measured], clips: dict[str, Clip]) -> Findings:
    cosines, by_cosine, by_loss = by_fault(visits_of(read_observations(settings.out / "harmonized")), clips)
    more, by = overhead(settings.out / "harmonized", settings.out / "plain")
    return Findings(
        harmonized=measured["harmonized"],
        plain=measured["plain"],
        cosines=cosines,
        by_cosine=by_cosine,
        by_loss=by_loss,
        overhead=more,
        overhead_by=by,
        losses={f"{run} {pair}": c for run in RUNS for pair, c in read_losses(settings.out / run).items()},
    )


def _export(settings: DemoSettings, rows: list[Figure]) -> None:
    trained = load_trained(settings.out / "harmonized")
    export(
        trained.model,
        trained.tokenizer,
        trained.config.stream,
        settings.encoder,
        weights=trained.config.objective.weights.active(),
        data=sorted(trained.config.data.sources),
        figures=rows,
    )


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
