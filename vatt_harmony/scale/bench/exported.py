"""Row 01.12: an exported folder, opened by `AutoModel` in a fresh process, gives the embeddings it was made with."""

import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from torch import Tensor

from vatt_harmony.downstream.export import export
from vatt_harmony.figures import Figure
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.scale.bench.suite import NotRun, Options, Row, measured, measures
from vatt_harmony.scale.tiny import tiny_config
from vatt_harmony.stream.config import StreamConfig
from vatt_harmony.stream.tokenizer import train_tokenizer

STREAM = StreamConfig(global_batch=4, frames=4, fps=4.0, size=16, sample_rate=256, words=6, candidates=2, workers=0)
FRESH = """
import sys, torch, vatt_harmony
from transformers import AutoModel
folder, given, out = sys.argv[1:]
model = AutoModel.from_pretrained(folder).eval()
with torch.no_grad():
    torch.save(list(model(**torch.load(given)).to_tuple()), out)
"""


def largest_difference(folder: Path) -> float:
    """Largest absolute difference between embeddings before the export and in a fresh process; files in `folder`."""
    train_tokenizer(["a red ball rolls left", "a dog barks loudly"], 64, STREAM.words).save(folder / "tokenizer.json")
    torch.manual_seed(0)
    vatt = Vatt(tiny_config(samples=STREAM.samples, vocabulary=64, audio_text_head=True)).eval()
    for name, buffer in vatt.named_buffers():  # statistics away from their start
        buffer.uniform_(0.5, 1.5) if "var" in name else buffer.normal_()
    weights = {"video_audio": 1.0, "video_text": 1.0, "audio_text": 1.0}
    export(vatt, folder / "tokenizer.json", STREAM, folder / "model", weights=weights)
    expected, inputs = _embeddings(vatt), _inputs(vatt)
    torch.save(inputs, folder / "inputs.pt")
    arguments = [str(folder / name) for name in ("model", "inputs.pt", "outputs.pt")]
    done = subprocess.run([sys.executable, "-c", FRESH, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotRun(f"the fresh process failed: {done.stderr.strip().splitlines()[-1]}")
    found: list[Tensor] = torch.load(folder / "outputs.pt")
    return max(float((one - two).abs().max()) for one, two in zip(found, expected, strict=True))


def _inputs(vatt: Vatt) -> dict[str, Tensor]:
    g, c = torch.Generator().manual_seed(1), vatt.config
    return {
        "video": torch.randint(0, 256, (2, c.frames, c.size, c.size, 3), generator=g, dtype=torch.uint8),
        "audio": torch.randn(2, c.samples, generator=g),
        "input_ids": torch.randint(0, 20, (3, c.words), generator=g),
    }


def _embeddings(vatt: Vatt) -> list[Tensor]:
    """What `VattModel` returns, around the module itself."""
    from vatt_harmony.model.hf import VattModel
    from vatt_harmony.model.hf_config import VattConfig

    model = VattModel(VattConfig(vatt=vatt.config.to_dict())).eval()
    model.vatt = vatt
    with torch.no_grad():
        return list(model(**_inputs(vatt)).to_tuple())


MEASURES = measures("01.12", ("exported folder through AutoModel, largest absolute difference", "<= 1e-5", ""))


def run(options: Options) -> list[Figure]:
    """One small model with all heads."""
    with tempfile.TemporaryDirectory() as folder:
        return measured(MEASURES, largest_difference(Path(folder)))


ROW = Row(id="01.12", title="exported folder in a fresh process", takes="half a minute", measures=MEASURES, run=run)
