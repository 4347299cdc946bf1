"""The model card of an export: what it is, what it has seen, how good it is, how to use it."""

from collections.abc import Mapping, Sequence

from vatt_harmony.figures import Figure
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.stream.config import StreamConfig

_CARD = """---
license: apache-2.0
library_name: transformers
pipeline_tag: feature-extraction
tags: [video, audio, text, retrieval, vatt]
---

# VATT encoder for video, sound and text

{kind} with {parameters:.1f} M parameters, pretrained from raw frames, {sound} and sentences
by contrastive losses ([VATT](https://arxiv.org/abs/2104.11178)) with `vatt-harmony`.
The licence above is that of the code; the training data may put further limits on the weights.

## Use

```python
from transformers import AutoModel, AutoProcessor
model = AutoModel.from_pretrained(FOLDER, trust_remote_code=True).eval()
processor = AutoProcessor.from_pretrained(FOLDER, trust_remote_code=True)
inputs = processor(video=frames, text=["a dog barks", "rain on a roof"])  # frames: uint8 [T, H, W, 3] at {fps:g} fps
print(model.get_video_features(inputs["video"]) @ model.get_text_features(inputs["input_ids"]).T)
```

Where `vatt_harmony` is installed, `import vatt_harmony` replaces `trust_remote_code`.

## Inputs

| input | form |
|---|---|
| `video` | {frames} frames at {fps:g} fps, {size} x {size} pixels, uint8 |
| `audio` | {samples} samples at {sample_rate} Hz, mono, in [-1, 1] |
| `input_ids` | {words} token ids, 0 is padding |

## Spaces

Unit vectors; dot products are cosines within one space.

| space | width | holds |
|---|---|---|
| `va` | {d_va} | video, audio |
| `vt` | {d_vt} | {in_vt} |

## Training

Sources: {data}. Loss weights: {weights}. A pair with weight 0 was never aligned.

## Results

{results}
"""


def model_card(
    vatt: Vatt,
    stream: StreamConfig,
    weights: Mapping[str, float],
    data: Sequence[str] = (),
    figures: Sequence[Figure] = (),
) -> str:
    """The README.md of an export."""
    config = vatt.config
    kinds = {"agnostic": "One encoder shared by all modalities", "specific": "One encoder for each modality"}
    joint = config.heads == "joint"
    return _CARD.format(
        kind=kinds[config.kind],
        parameters=sum(parameter.numel() for parameter in vatt.parameters()) / 1e6,
        sound={"waveform": "waveforms", "spectrogram": "spectrograms"}[config.sound],
        frames=stream.frames,
        fps=stream.fps,
        size=stream.size,
        samples=stream.samples,
        sample_rate=stream.sample_rate,
        words=stream.words,
        d_va=config.d_va,
        d_vt=config.d_va if joint else config.d_vt,
        in_vt="video, text, audio" if config.audio_text_head or joint else "video, text",
        data=", ".join(data) or "not recorded",
        weights=", ".join(f"{pair} {weight:g}" for pair, weight in weights.items()) or "not recorded",
        results=_results(figures),
    )


def _results(figures: Sequence[Figure]) -> str:
    if not figures:
        return "Not measured."
    rows = ["| measure | value | 95 % interval | n |", "|---|---|---|---|"]
    for figure in figures:
        value = "n/a" if figure.value is None else f"{figure.value:.4g} {figure.unit}".strip()
        interval = "" if figure.low is None or figure.high is None else f"{figure.low:.4g} to {figure.high:.4g}"
        rows.append(f"| {figure.name} | {value} | {interval} | {'' if figure.n is None else figure.n} |")
    return "\n".join(rows)
