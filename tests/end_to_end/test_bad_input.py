"""Row 01.10: every mistake ends with one clear message and exit status 2; broken samples are skipped and counted."""

import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from support.exports import write_clip, write_shard
from support.runs import PROJECT, launch, start, tiny_recipe

from vatt_harmony.cli import main
from vatt_harmony.engine.launch import free_port


class Outcome(NamedTuple):
    status: int
    out: str
    err: str

    def says(self, *parts: str) -> None:
        """Exit status 2, one message, no trace, all `parts` in it."""
        assert self.status == 2, self.err
        assert "Traceback" not in self.err
        messages = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert len(messages) == 1, self.err
        for part in parts:
            assert part in self.err


def call(*arguments: object) -> Outcome:
    """The command line in a fork of this process, which is then a run of one rank: nothing is imported again."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = os.fork()
        if child == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            os._exit(_run([str(argument) for argument in arguments]))
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        out.seek(0)
        err.seek(0)
        return Outcome(status, out.read(), err.read())


def _run(arguments: list[str]) -> int:
    signal.alarm(60)
    os.chdir(PROJECT)
    os.environ.update(DS_ACCELERATOR="cpu", CUDA_VISIBLE_DEVICES="")
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    try:
        return main(arguments)
    except SystemExit as end:
        return int(end.code or 0)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    os.environ.setdefault("DS_ACCELERATOR", "cpu")
    import deepspeed  # noqa: F401

    from vatt_harmony.engine import pretrainer  # noqa: F401

    return tiny_recipe(tmp_path_factory.mktemp("bad_input"))


@pytest.fixture
def pretrain(recipe: Path, tmp_path: Path) -> Callable[..., Outcome]:
    return lambda *overrides: call("pretrain", recipe, "--run", tmp_path / "run", *overrides)


@pytest.fixture
def trained(recipe: Path, tmp_path: Path) -> Path:
    """A finished run of two steps in a folder of its own; trained once."""
    original = recipe.parent / "trained"
    if not original.exists():
        first = call("pretrain", recipe, "--run", original)
        assert first.status == 0, first.err
    return Path(shutil.copytree(original, tmp_path / "trained"))


def test_missing_config():
    call("pretrain", "nowhere.yaml").says("nowhere.yaml does not exist", "configs/pretrain/")


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        (["--engine.stepz", "3"], ["'engine.stepz'", "Did you mean 'engine.steps'?"]),
        (["--stream.global_batch", "0"], ["global_batch is 0", ">= 1"]),
        (["--stream.global_batch", "many"], ["stream.global_batch is 'many'", "int"]),
        (["--engine.steps"], ["--engine.steps has no value"]),
        (["--objective.mode", "symetric"], ["Did you mean 'symmetric'?"]),
        (["--data.sources.made.shards", "/nowhere"], ["/nowhere"]),
        (["--data.tokenizer", "pyproject.toml"], ["pyproject.toml is not a tokenizer"]),
        (["--data.tokenizer", "/nowhere"], ["There is no /nowhere"]),
        (["--eval.shards", "/nowhere/eval"], ["/nowhere/eval"]),
        (["--engine.deepspeed", "/nowhere.json"], ["cannot read /nowhere.json"]),
        (["--engine.deepspeed", "README.md"], ["README.md is not JSON"]),
        (["--engine.deepspeed", "{gradient_accumulation_steps: 4}"], ["gradient_accumulation_steps is 4"]),
        (["--engine.deepspeed", "{bf16: {enabled: true}}"], ["ZeRO stage 0 with bf16"]),
        (["--engine.deepspeed", "{zero_optimization: {stage: 1}, fp16: {enabled: true}}"], ["fp16"]),
        (["--engine.deepspeed", "{zero_optimization: {stage: 7}}"], ["DeepSpeed refuses"]),
        (["--optim.clip", "1", "--engine.deepspeed", "{gradient_clipping: 2}"], ["optim.clip is 1.0"]),
        (["--init", "/nowhere"], ["/nowhere is neither a run folder"]),
        (["--objective.weights.video_text", "0", "--objective.weights.video_audio", "0"], ["weight"]),
    ],
    ids=lambda value: " ".join(value)[:60] if value[0].startswith("--") else "",
)
def test_mistakes_of_the_configuration(pretrain, overrides, parts):
    pretrain(*overrides).says(*parts)


def test_sources_that_cannot_teach(pretrain, tmp_path):
    (tmp_path / "broken").mkdir()
    write_shard(tmp_path / "broken" / "a.tar", 1, tmp_path)  # its only clip is damaged
    pretrain("--data.sources.made.shards", tmp_path / "broken").says("'made' can never form a pair", "container open")
    (tmp_path / "empty").mkdir()
    pretrain("--data.sources.made.shards", tmp_path / "empty").says("holds no .tar files")
    (tmp_path / "empty" / "a.tar").write_bytes(b"\0" * 10240)
    pretrain("--data.sources.made.shards", tmp_path / "empty").says("'made'", "holds no sample")


def test_a_source_that_ends_up_yielding_nothing(pretrain, recipe):
    outcome = pretrain("--stream.min_seconds", "1000")
    outcome.says("failed one after the other", "too short", "shards verify")


@pytest.mark.parametrize("place", ["/dev/null", "/dev/null/run"])
def test_run_folders_that_cannot_be(recipe, place):
    call("pretrain", recipe, "--run", place).says("/dev/null")


def test_foreign_and_newer_checkpoints(pretrain, recipe, trained):
    checkpoint = trained / "checkpoints" / "step_00000002"
    state = json.loads((checkpoint / "state.json").read_text())
    (checkpoint / "state.json").write_text(json.dumps(state | {"version": 99}))
    for outcome in (pretrain("--init", trained), call("pretrain", recipe, "--run", trained)):
        outcome.says("format version 99", "environment.json")
    (checkpoint / "state.json").write_text("[]")
    pretrain("--init", checkpoint).says("is not a checkpoint of vatt_harmony")
    (checkpoint / "state.json").unlink()
    call("pretrain", recipe, "--run", trained).says("names step_00000002", "not a whole checkpoint")
    pretrain("--init", recipe.parent / "shards").says("neither a run folder")


def test_weights_of_another_shape_or_damaged(pretrain, trained):
    pretrain("--init", trained, "--model.d_va", "20").says("do not fit the model", "model")
    weights = trained / "checkpoints" / "step_00000002" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    pretrain("--init", trained).says("is damaged")


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        (["--model.trunk.depth", "3"], ["model.trunk.depth was 2, is 3", "--init"]),
        (["--model.d_va", "20", "--seed", "5"], ["model.d_va was 16, is 20", "seed was 0, is 5"]),
        (["--stream.global_batch", "4"], ["stream.global_batch was 8, is 4"]),
        (["--stream.noise", "0.5"], ["stream.noise was 0.01, is 0.5"]),
        (["--optim.weight_decay", "0.3"], ["optim.weight_decay was 0.01, is 0.3"]),
        (["--engine.deepspeed", "configs/deepspeed/zero0.json"], ["written at ZeRO stage 1, this run uses stage 0"]),
    ],
    ids=lambda value: " ".join(value)[:60] if value[0].startswith("--") else "",
)
def test_what_a_resumed_run_must_not_change(recipe, trained, overrides, parts):
    before = (trained / "status.json").read_text()
    call("pretrain", recipe, "--run", trained, "--engine.steps", "4", *overrides).says(*parts)
    assert (trained / "status.json").read_text() == before


def test_resuming_on_other_ranks_and_from_other_shards(recipe, trained, tmp_path):
    path = trained / "checkpoints" / "step_00000002" / "state.json"
    state = json.loads(path.read_text())
    path.write_text(json.dumps(state | {"world_size": 8}))
    call("pretrain", recipe, "--run", trained, "--engine.steps", "4").says("written by 8 ranks", "this run has 1")
    path.write_text(json.dumps(state))
    other = tiny_recipe(tmp_path / "other", clips=16)
    call("pretrain", other, "--run", trained, "--engine.steps", "4").says("digests.made")


def test_a_damaged_checkpoint(recipe, trained):
    for part in (trained / "checkpoints" / "step_00000002" / "deepspeed").iterdir():
        part.write_bytes(part.read_bytes()[:100])
    call("pretrain", recipe, "--run", trained, "--engine.steps", "4").says("is damaged", "older checkpoint")


@contextmanager
def full_disk(bytes_left: int) -> Iterator[None]:
    """No file grows beyond this."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_left, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_loses_nothing(recipe, trained):
    again = ("pretrain", recipe, "--run", trained, "--engine.steps", "4")
    with full_disk(20_000):
        call(*again).says("cannot be written", "checkpoints are kept")
    assert json.loads((trained / "status.json").read_text())["state"] == "failed"
    assert (trained / "checkpoints" / "latest").read_text() == "step_00000002\n"
    assert call(*again).status == 0
    assert (trained / "checkpoints" / "latest").read_text() == "step_00000004\n"
    assert not list((trained / "checkpoints").glob(".*.part"))


def test_a_finished_run_says_so(recipe, trained):
    outcome = call("pretrain", recipe, "--run", trained)
    assert outcome.status == 0
    for part in ("finished after step 2 of 2", "tensorboard --logdir", f"vatt-harmony export {trained}"):
        assert part in outcome.out


def test_broken_samples_are_counted_and_training_goes_on(trained):
    rows = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, 2]
    reasons = {key for row in rows for key in row if key.startswith("3 data/drops/")}
    assert reasons <= {"3 data/drops/made/container open"}


def test_manifests(tmp_path):
    manifest = tmp_path / "manifest.csv"
    call("shards", "build", "--manifest", manifest, "--out", tmp_path / "out").says(str(manifest))
    manifest.write_text("")
    call("shards", "build", "--manifest", manifest, "--out", tmp_path / "out").says(str(manifest))
    manifest.write_text("path,captions,video_id\n")
    call("shards", "build", "--manifest", manifest, "--out", tmp_path / "out").says(str(manifest))


def test_broken_media_and_captions_are_counted_skips(tmp_path):
    good = write_clip(tmp_path / "good.mp4", 1)
    (tmp_path / "truncated.mp4").write_bytes(good.read_bytes()[:300])
    (tmp_path / "text.mp4").write_text("This is no film.\n")
    (tmp_path / "times.vtt").write_text("WEBVTT\n\n00:05.000 --> 00:01.000\nbackwards\n\nxx --> yy\nno time\n")
    shutil.copy(good, tmp_path / "times.mp4")
    manifest = tmp_path / "manifest.csv"
    manifest.write_text(
        "path,captions,captions_path,video_id\n"
        "good.mp4,a good clip,,1\n"
        "truncated.mp4,a torn clip,,2\n"
        "text.mp4,no clip,,3\n"
        "times.mp4,,times.vtt,4\n"
    )
    outcome = call("shards", "build", "--manifest", manifest, "--out", tmp_path / "out", "--workers", "1")
    assert outcome.status == 0 and "Traceback" not in outcome.err
    told = " ".join((outcome.out + outcome.err).split())
    assert "3 of 4 clips dropped" in told
    assert "2 container open" in told and "1 bad captions" in told and "from 5.0 s to 1.0 s" in told


def test_two_ranks_tell_one_message(recipe, tmp_path):
    """A batch that two ranks cannot share, and a mistake that only the first rank meets."""
    other = yaml.safe_load(recipe.read_text())
    (tmp_path / "odd.yaml").write_text(yaml.safe_dump(other | {"stream": other["stream"] | {"global_batch": 7}}))
    command = [sys.executable, "-m", "deepspeed.launcher.runner", "--num_gpus", "2", "--log_level", "error"]
    command += ["--master_port", str(free_port())]
    runs = [
        start([*command, "--module", "vatt_harmony", "pretrain", str(tmp_path / "odd.yaml"),
               "--run", str(tmp_path / "a")], tmp_path / "a.txt"),
        launch(2, tmp_path / "b.txt", str(recipe), "--run", str(tmp_path / "b"), "--data.tokenizer", "pyproject.toml"),
    ]  # fmt: skip
    assert [run.wait(120) for run in runs] == [2, 1]  # torchrun has its own status for every failure
    told = (tmp_path / "a.txt").read_text()
    assert told.count("error: ") == 1 and "global_batch 7 / 2 ranks = 3.50" in told
    assert "Traceback" not in told
    told = (tmp_path / "b.txt").read_text()
    assert told.count("error: ") == 1 and "is not a tokenizer" in told
