import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.finetune_table import table_recipe, table_yaml, write_table

from vatt_harmony import cli
from vatt_harmony.finetune.compare import run as compare_run


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verb")
    return table_yaml(table_recipe(write_table(folder / "table"), train__epochs=1), folder / "tiny.yaml")


def test_seeds_in_run_folders_of_their_own_and_figures_over_them(recipe, tmp_path, capsys, caplog):
    given = [
        "finetune",
        str(recipe),
        "--run",
        str(tmp_path / "run"),
        "--seeds",
        "2",
        "--json",
        str(tmp_path / "j.json"),
    ]
    with caplog.at_level("INFO"):
        assert cli.main([*given, "--balance.rule", "multiloss"]) == 0
    told = capsys.readouterr()
    assert "seed 1  epoch 1/1  loss" in told.err and "± s.e. of 2 seeds" in told.out
    assert "table, 3 classes; 18 train, 6 val, 6 test; video and audio" in caplog.text
    for seed in (0, 1):
        assert (tmp_path / "run" / f"seed_{seed}" / "model" / "config.json").is_file()
    figures = json.loads((tmp_path / "j.json").read_text())["figures"]
    assert figures[0]["id"] == "test/accuracy" and figures[0]["n"] == 2
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["figures"] == figures


def test_a_comparison_goes_on_and_writes_page_and_table(recipe, tmp_path, capsys, monkeypatch):
    folder = tmp_path / "compared"
    given = ["finetune", str(recipe), "--run", str(folder), "--seeds", "2", "--compare", "none,mlb@lr,ensemble"]
    assert cli.main([*given, "--json", str(tmp_path / "c.json")]) == 0
    records = (folder / "records.jsonl").read_text().splitlines()
    assert [json.loads(line)["row"] for line in records] == [
        "none",
        "mlb@lr",
        "only:video",
        "only:audio",
        "ensemble",
    ] * 2
    assert not (folder / "mlb_lr" / "seed_0" / "checkpoints").exists()
    assert (folder / "compare.md").read_text().startswith("# ")
    page = (folder / "compare.html").read_text()
    assert "ensemble" in page and "https://" not in page
    figures = json.loads((tmp_path / "c.json").read_text())["figures"]
    assert [figure["id"] for figure in figures[:3]] == ["none/accuracy", "mlb@lr/accuracy", "mlb@lr-none/accuracy"]
    assert f"page: {folder / 'compare.html'}" in capsys.readouterr().out
    monkeypatch.setattr(compare_run, "finetune", lambda *_, **__: pytest.fail("it is recorded"))
    assert cli.main(given) == 0


def test_a_mistake_in_the_table_is_told_before_torch_is_imported(recipe, tmp_path):
    (tmp_path / "clips.csv").write_text("path,lable\na.wav,one\n")
    given = ["finetune", str(recipe), "--run", str(tmp_path / "run"), "--data.root", str(tmp_path / "clips.csv")]
    code = f"import sys; from vatt_harmony import cli; print(cli.main({given!r}), 'torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert found.stdout.split() == ["2", "False"] and "no column 'label'" in found.stderr


@pytest.mark.parametrize(
    "extra, message",
    [
        (["--seeds", "0"], "--seeds is 0"),
        (["--compare", "mbl"], "names 'mbl'"),
        (["--balance.rule", "mbl"], "no rule 'mbl'"),
        (["--data.root", "nowhere.csv"], "nowhere.csv does not exist"),
        (["--train.patient", "3"], "train.patience"),
    ],
)
def test_mistakes_are_one_message(recipe, tmp_path, capsys, extra, message):
    assert cli.main(["finetune", str(recipe), "--run", str(tmp_path / "run"), *extra]) == 2
    assert message in capsys.readouterr().err
