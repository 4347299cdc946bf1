import io
import json

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2

from vatt_harmony.engine import report as groups
from vatt_harmony.engine.environment import device_name, write_environment
from vatt_harmony.engine.monitor import Monitor
from vatt_harmony.engine.report import Clip, Look, RetrievalRow, StepReport


def clip(number, cosine=None):
    frames = np.random.default_rng(number).integers(0, 255, (8, 40, 60, 3), dtype=np.uint8)
    return Clip(key=f"demo/{number}", frames=frames, caption=f"a red circle number {number} moves up", cosine=cosine)


def full_report(step):
    clips = [clip(number, cosine=number / 4 - 1) for number in range(8)]
    look = Look(retrieval=[RetrievalRow(query=clips[0], answers=[(c, 0.5) for c in clips])], conflicting=clips)
    return StepReport(
        step=step,
        losses={"video_text": 2.0, "total": 3.0 + step},
        scalars={group: {"recall/t2v_r1" if group == groups.LEARNING else "value": 0.25} for group in groups.GROUPS},
        cosines=[-0.5, 0.5, 1.0, float("nan"), float("nan")],
        sources=["film", "grid", "grid", "grid", "silent"],
        look=look,
    )


def events(folder):
    accumulator = EventAccumulator(str(folder / "tensorboard"))
    accumulator.Reload()
    return accumulator


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    with Monitor(folder, steps=4, stream=io.StringIO()) as monitor:
        for step in (1, 2):
            monitor.log(full_report(step))
        monitor.checkpoint(folder / "checkpoints" / "step_00000002")
        monitor.end("finished")
    return folder


def test_the_six_groups_are_there_by_their_names(run):
    tags = events(run).Tags()
    names = set(tags["scalars"]) | set(tags["images"]) | set(tags["histograms"])
    assert sorted({name.split("/")[0] for name in names}) == [
        "1 learning", "2 harmony", "3 data", "4 speed", "5 health", "6 look",
    ]  # fmt: skip


def test_scalars_read_back(run):
    losses = events(run).Scalars("1 learning/loss/total")
    assert [(event.step, event.value) for event in losses] == [(1, 4.0), (2, 5.0)]
    assert events(run).Scalars("2 harmony/cosine_mean/grid")[0].value == pytest.approx(0.75)


def test_cosines_overall_and_by_source(run):
    accumulator = events(run)
    assert accumulator.Histograms("2 harmony/cosine")[0].histogram_value.num == 3
    assert accumulator.Histograms("2 harmony/cosine_by_source/grid")[0].histogram_value.num == 2
    assert "2 harmony/cosine_by_source/silent" not in accumulator.Tags()["histograms"]


def test_pictures_read_back(run):
    for tag in ("6 look/retrieval", "6 look/most_conflicting"):
        encoded = events(run).Images(tag)[0].encoded_image_string
        assert Image.open(io.BytesIO(encoded)).width > 500


def test_the_layout_lays_the_recalls_over_one_another(run):
    plugin = events(run).SummaryMetadata("custom_scalars__config__").plugin_data.plugin_name
    assert plugin == "custom_scalars"
    event = events(run).Tensors("custom_scalars__config__")[0]
    layout = layout_pb2.Layout.FromString(event.tensor_proto.string_val[0])
    charts = {chart.title: list(chart.multiline.tag) for chart in layout.category[0].chart}
    assert [category.title for category in layout.category] == list(groups.GROUPS[:5])
    assert charts["recalls in the batch"] == ["^1 learning/recall@.*"]
    assert charts["held-out recalls"] == ["^1 learning/held_out/R@.*"]


def test_status_of_a_finished_run(run):
    status = json.loads((run / "status.json").read_text())
    assert (status["state"], status["step"], status["of"]) == ("finished", 2, 4)
    assert status["last_checkpoint"] == "checkpoints/step_00000002"


def test_a_failure_leaves_its_message(tmp_path):
    with pytest.raises(RuntimeError), Monitor(tmp_path, steps=4, stream=io.StringIO()) as monitor:
        assert json.loads((tmp_path / "status.json").read_text())["state"] == "starting"
        monitor.log(full_report(1))
        assert json.loads((tmp_path / "status.json").read_text())["state"] == "running"
        raise RuntimeError("disk full")
    status = json.loads((tmp_path / "status.json").read_text())
    assert (status["state"], status["message"]) == ("failed", "disk full")


def test_a_resumed_run_replaces_the_steps_it_repeats(tmp_path):
    with Monitor(tmp_path, steps=4, stream=io.StringIO()) as monitor:
        for step in (1, 2, 3):
            monitor.log(full_report(step))
    with Monitor(tmp_path, steps=4, resumed_step=1, stream=io.StringIO()) as monitor:
        monitor.log(full_report(2))
        monitor.end("preempted", "SIGTERM")
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2]
    assert [event.step for event in events(tmp_path).Scalars("1 learning/loss/total")] == [1, 2]


def test_unknown_groups_and_uneven_lists_are_refused():
    with pytest.raises(ValueError, match="7 other"):
        StepReport(step=1, losses={}, scalars={"7 other": {}})
    with pytest.raises(ValueError, match="sources"):
        StepReport(step=1, losses={}, cosines=[0.1])


def test_environment(tmp_path):
    import torch

    name = device_name(torch.device("cpu"))
    write_environment(tmp_path, devices=[name, name], deepspeed={"zero_optimization": {"stage": 1}})
    environment = json.loads((tmp_path / "environment.json").read_text())
    assert environment["ranks"] == 2
    assert environment["packages"]["torch"] == torch.__version__
    assert environment["deepspeed"] == {"zero_optimization": {"stage": 1}}
