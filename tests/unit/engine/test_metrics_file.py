import json

from vatt_harmony.engine.metrics_file import MetricsFile
from vatt_harmony.engine.report import SPEED, StepReport


def report(step, loss=1.0):
    return StepReport(step=step, losses={"total": loss}, scalars={SPEED: {"mfu": 0.4}})


def test_one_json_object_a_step(tmp_path):
    path = tmp_path / "metrics.jsonl"
    metrics = MetricsFile(path, resumed_step=0)
    metrics.write(report(1))
    metrics.write(report(2, loss=float("nan")))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    metrics.close()
    assert lines[0] == {"step": 1, "1 learning/loss/total": 1.0, "4 speed/mfu": 0.4}
    assert lines[1]["1 learning/loss/total"] is None


def test_a_resumed_run_cuts_later_and_broken_lines(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 10}\n{"step": 20}\n{"step": 30}\n{"step": 4')
    metrics = MetricsFile(path, resumed_step=20)
    metrics.write(report(30))
    metrics.close()
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [10, 20, 30]


def test_a_new_run_in_an_old_folder_starts_empty(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 10}\n')
    MetricsFile(path, resumed_step=0).close()
    assert path.read_text() == ""
