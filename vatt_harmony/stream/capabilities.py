"""What the samples of a source hold, so that a source that no loss can use is refused before it is paid for."""

from collections.abc import Mapping
from dataclasses import dataclass

from vatt_harmony.errors import UserError
from vatt_harmony.media.container import MediaInfo
from vatt_harmony.media.decode import probe
from vatt_harmony.media.errors import MediaError
from vatt_harmony.shards.reader import ShardReader
from vatt_harmony.shards.sample import Sample, SampleError, split_member
from vatt_harmony.stream.config import StreamConfig
from vatt_harmony.stream.source import Source
from vatt_harmony.stream.turns import warn_once

PAIRS = {"video_audio": ("video", "audio"), "video_text": ("video", "text"), "audio_text": ("audio", "text")}
SAMPLES = 16
FPS_TOLERANCE = 0.1
"""29.97 frames a second are 30."""


@dataclass(frozen=True)
class Capabilities:
    """What the first samples of a source hold."""

    samples: int
    """How many were looked at."""
    counts: dict[str, int]
    """"video", "audio" and "text" to the number of samples that have it."""
    pairs: dict[str, int]
    """Pair to the number of samples that have both of its modalities."""
    fields: list[str]
    """Extensions of their members: what is there."""
    faults: dict[str, int]
    """Reason to the number of samples that could not be opened."""
    fps: float
    """Highest frames per second of a moving picture among them; 0 if there is none."""
    side: int
    """Longest short side of a picture among them in pixels; 0 if there is none."""


def source_capabilities(source: Source, samples: int = SAMPLES) -> Capabilities:
    """Open the first samples of each shard in turn, as far as their headers, until `samples` were seen."""
    counts, pairs, faults = dict.fromkeys(("video", "audio", "text"), 0), dict.fromkeys(PAIRS, 0), dict[str, int]()
    fields: set[str] = set()
    fps, side = 0.0, 0
    places = [(index, shard) for index in range(samples) for shard in source.shards if index < len(shard)][:samples]
    reader = ShardReader()
    for index, shard in places:
        entries = shard.index()
        names = [split_member(member.name) for member in entries.samples[index].members]
        fields |= {name[1] for name in names if name is not None}
        try:
            sample = reader.read(entries, index)
            info = _probe(sample)
        except (MediaError, SampleError) as error:
            faults[error.reason] = faults.get(error.reason, 0) + 1
            continue
        held = _held(sample, info)
        if info is not None and info.has_video:
            fps, side = max(fps, 0.0 if info.still else info.fps), max(side, min(info.height, info.width))
        for modality in held:
            counts[modality] += 1
        for pair, both in PAIRS.items():
            pairs[pair] += held.issuperset(both)
    reader.close()
    return Capabilities(len(places), counts, pairs, sorted(fields), faults, fps, side)


def check_pairs(
    sources: Mapping[str, Source], weights: Mapping[str, float], stream: StreamConfig | None = None
) -> None:
    """Refuse a source none of whose first samples could count in any loss; `weights` maps pairs to loss weights.

    Warns where `stream` asks for more frames a second, or for larger ones, than the source's first samples hold.
    Raises UserError that names the source, the pairs and the fields that are there.
    """
    wanted = [pair for pair in PAIRS if weights.get(pair, 0) > 0]
    for name, source in sources.items():
        if source.weight == 0:
            continue
        found = source_capabilities(source)
        if any(found.pairs[pair] for pair in wanted):
            if stream is not None:
                _warn_of_less(name, found, stream)
            continue
        held = ", ".join(f"{modality} in {number}" for modality, number in found.counts.items())
        faults = "".join(f", {reason} in {number}" for reason, number in found.faults.items())
        possible = [pair for pair in PAIRS if found.pairs[pair]]
        raise UserError(
            f"Source {name!r} can never form a pair of {' or '.join(wanted) or 'no loss at all'}: of its first "
            f"{found.samples} samples {held}{faults}; their fields are {', '.join(found.fields)}",
            "It would fill the batch without teaching anything",
            f"Give {possible[0]} a loss weight above 0, or remove the source"
            if possible
            else "Add what is missing to its shards, or remove the source",
        )


def _warn_of_less(name: str, found: Capabilities, stream: StreamConfig) -> None:
    less = []
    if 0 < found.fps < stream.fps - FPS_TOLERANCE:
        less.append(f"{found.fps:g} frames a second where stream.fps is {stream.fps:g} (frames are repeated)")
    if 0 < found.side < stream.size:
        less.append(f"a short side of {found.side} pixels where stream.size is {stream.size} (pixels are enlarged)")
    if less:
        warn_once(
            f"source {name!r} stores at most {' and '.join(less)}: nothing is gained by it and every step costs more; "
            "lower the stream's value or build the shards with a higher one"
        )


def _probe(sample: Sample) -> MediaInfo | None:
    picture = sample.video if sample.video is not None else sample.image
    media = picture if picture is not None else sample.audio
    return probe(media, sample.audio if picture is not None else None) if media is not None else None


def _held(sample: Sample, info: MediaInfo | None) -> set[str]:
    held = {"text"} if any(caption.text.strip() for caption in sample.captions) else set()
    if info is not None:
        held |= {name for name, there in (("video", info.has_video), ("audio", info.has_audio)) if there}
    return held
