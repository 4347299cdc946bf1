"""An export loads bit-equal here, by AutoModel in a fresh process, and by remote code without this package."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from support.exports import SENTENCES, STREAM, make_export
from transformers import AutoConfig, AutoModel, AutoProcessor

from vatt_harmony.downstream.export import export
from vatt_harmony.errors import UserError
from vatt_harmony.model.hf import VattModel
from vatt_harmony.model.hf_config import VattConfig
from vatt_harmony.model.loading import load_model
from vatt_harmony.model.processor import VattProcessor
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.stream.tokenizer import load_tokenizer


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Vatt, Path]:
    return make_export(tmp_path_factory.mktemp("export"), audio_text_head=True)


@pytest.fixture(scope="module")
def inputs() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {
        "video": torch.randint(0, 256, (2, STREAM.frames, 32, 32, 3), generator=generator, dtype=torch.uint8),
        "audio": torch.randn(2, STREAM.samples, generator=generator),
        "input_ids": torch.randint(0, 20, (3, STREAM.words), generator=generator),
    }


def outputs(model: VattModel, inputs: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    with torch.no_grad():
        return list(model(**inputs).to_tuple())


def test_weights_and_embeddings_are_bit_equal(made: tuple[Vatt, Path], inputs: dict[str, torch.Tensor]) -> None:
    vatt, folder = made
    model, _ = load_model(folder)
    saved = model.vatt.state_dict()
    assert all(torch.equal(tensor, saved[name]) for name, tensor in vatt.state_dict().items())
    direct = VattModel(VattConfig(vatt=vatt.config.to_dict())).eval()
    direct.vatt = vatt
    for one, two in zip(outputs(direct, inputs), outputs(model, inputs), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize("changes", [{"kind": "specific"}, {"sound": "spectrogram", "mel_range": (80.0, 3000.0)}])
def test_other_models_survive_the_folder(
    tmp_path: Path, changes: dict[str, object], inputs: dict[str, torch.Tensor]
) -> None:
    vatt, folder = make_export(tmp_path, spectrogram_patch=(4, 5), **changes)
    model, _ = load_model(folder)
    with torch.no_grad():
        z, again = (v(inputs["video"], inputs["audio"], inputs["input_ids"]) for v in (vatt, model.vatt))
    assert all(torch.equal(z[name], again[name]) for name in z)


def test_auto_classes_know_the_folder(made: tuple[Vatt, Path]) -> None:
    folder = made[1]
    assert isinstance(AutoConfig.from_pretrained(folder), VattConfig)
    assert isinstance(AutoModel.from_pretrained(folder), VattModel)
    assert isinstance(AutoProcessor.from_pretrained(folder), VattProcessor)


def test_processor_reads_sentences_as_in_training(made: tuple[Vatt, Path]) -> None:
    processor = VattProcessor.from_pretrained(made[1])
    trained = load_tokenizer(made[1] / "tokenizer.json", STREAM.words).encode(SENTENCES)
    assert processor.encode(SENTENCES).tolist() == trained.tolist()
    assert processor.samples == STREAM.samples


def test_folder_holds_no_pickle_and_a_card(made: tuple[Vatt, Path]) -> None:
    folder = made[1]
    names = {path.name for path in folder.iterdir()}
    assert {"config.json", "model.safetensors", "processor_config.json", "tokenizer.json", "README.md"} <= names
    assert all(path.suffix in (".json", ".safetensors", ".md", ".py") for path in folder.iterdir())
    card = (folder / "README.md").read_text()
    assert "audio_text 1" in card and "license: apache-2.0" in card and "Not measured." in card


def test_the_cards_example_runs(made: tuple[Vatt, Path], capsys: pytest.CaptureFixture[str]) -> None:
    code = (made[1] / "README.md").read_text().partition("```python\n")[2].partition("```")[0]
    assert len(code.splitlines()) == 5
    exec(code, {"FOLDER": made[1], "frames": torch.zeros(4, 40, 60, 3, dtype=torch.uint8)})
    assert "tensor([[" in capsys.readouterr().out


def test_foreign_folder_is_refused_an_export_replaced(made: tuple[Vatt, Path], tmp_path: Path) -> None:
    vatt, folder = made
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(UserError, match="not an export"):
        export(vatt, folder / "tokenizer.json", STREAM, tmp_path, weights={})
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]
    with pytest.raises(UserError, match=r"nowhere\.json does not exist"):
        export(vatt, tmp_path / "nowhere.json", STREAM, tmp_path / "new", weights={})
    for _ in range(2):
        export(vatt, folder / "tokenizer.json", STREAM, tmp_path / "new", weights={"video_text": 1.0})
    assert json.loads((tmp_path / "new" / "config.json").read_text())["trained_pairs"] == ["video_text"]


def test_loading_what_is_no_export_is_told(made: tuple[Vatt, Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no config\.json"):
        load_model(tmp_path / "nothing")
    for path in made[1].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(UserError, match="model_type 'bert'"):
        load_model(tmp_path)


FRESH = """
import sys, torch
{before}
from transformers import AutoModel, AutoProcessor
folder, given, out = sys.argv[1:]
model = AutoModel.from_pretrained(folder, {arguments}).eval()
processor = AutoProcessor.from_pretrained(folder, {arguments})
inputs = torch.load(given)
with torch.no_grad():
    result = list(model(**inputs).to_tuple())
print(type(model).__module__, type(processor).__module__)
assert processor(text=["a red ball"])["input_ids"].shape[1] == 6
torch.save(result, out)
"""
REGISTER = """
from vatt_harmony.registration import register_with_transformers
register_with_transformers()
from transformers import AutoConfig  # alone: each Auto class must know the model by itself
assert type(AutoConfig.from_pretrained(sys.argv[1])).__name__ == "VattConfig"
"""
HIDE = """
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "vatt_harmony":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Hidden())
"""


def prepare_torchvision_source() -> str:
    """As a stranger's environment would have a torchvision that works, this one's is made to."""
    import vatt_harmony.model.torchvision_ops as ops

    return Path(ops.__file__).read_text() + "\nprepare_torchvision()\n"


@pytest.mark.parametrize("remote", [False, True], ids=["package", "remote code"])
def test_fresh_process_gives_the_same_embeddings(
    made: tuple[Vatt, Path], inputs: dict[str, torch.Tensor], tmp_path: Path, remote: bool
) -> None:
    folder = made[1]
    before = HIDE + prepare_torchvision_source() if remote else REGISTER
    code = FRESH.format(before=before, arguments="trust_remote_code=True" if remote else "")
    torch.save(inputs, tmp_path / "inputs.pt")
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_MODULES_CACHE": str(tmp_path / "modules")}
    arguments = [str(folder), str(tmp_path / "inputs.pt"), str(tmp_path / "out.pt")]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, env=environment, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0].partition(".")[0] == ("transformers_modules" if remote else "vatt_harmony")
    expected = outputs(load_model(folder)[0], inputs)
    for one, two in zip(expected, torch.load(tmp_path / "out.pt"), strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=1e-5)
