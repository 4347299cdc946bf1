"""What the samples of a source hold, so that a source that no loss can use is refused before it is paid for."""

from collections.abc import Mapping
from dataclasses import dataclass

from vatt_harmony.errors import UserError
from vatt_harmony.media.decode import probe
from vatt_harmony.media.errors import MediaError
from vatt_harmony.shards.reader import ShardReader
from vatt_harmony.shards.sample import Sample, SampleError, split_member
from vatt_harmony.stream.source import Source

PAIRS = {"video_audio": ("video", "audio"), "video_text": ("video", "text"), "audio_text": ("audio", "text")}
SAMPLES = 16


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


def source_capabilities(source: Source, samples: int = SAMPLES) -> Capabilities:
    """Open the first samples of each shard in turn, as far as their headers, until `samples` were seen."""
    counts, pairs, faults = dict.fromkeys(("video", "audio", "text"), 0), dict.fromkeys(PAIRS, 0), dict[str, int]()
    fields: set[str] = set()
    places = [(index, shard) for index in range(samples) for shard in source.shards if index < len(shard)][:samples]
    reader = ShardReader()
    for index, shard in places:
        entries = shard.index()
        names = [split_member(member.name) for member in entries.samples[index].members]
        fields |= {name[1] for name in names if name is not None}
        try:
            held = _held(reader.read(entries, index))
        except (MediaError, SampleError) as error:
            faults[error.reason] = faults.get(error.reason, 0) + 1
            continue
        for modality in held:
            counts[modality] += 1
        for pair, both in PAIRS.items():
            pairs[pair] += held.issuperset(both)
    reader.close()
    return Capabilities(len(places), counts, pairs, sorted(fields), faults)


def check_pairs(sources: Mapping[str, Source], weights: Mapping[str, float]) -> None:
    """Refuse a source none of whose first samples could count in any loss; `weights` maps pairs to loss weights.

    Raises UserError that names the source, the pairs and the fields that are there.
    """
    wanted = [pair for pair in PAIRS if weights.get(pair, 0) > 0]
    for name, source in sources.items():
        if source.weight == 0:
            continue
        found = source_capabilities(source)
        if any(found.pairs[pair] for pair in wanted):
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


def _held(sample: Sample) -> set[str]:
    held = {"text"} if any(caption.text.strip() for caption in sample.captions) else set()
    picture = sample.video if sample.video is not None else sample.image
    media = picture if picture is not None else sample.audio
    if media is not None:
        info = probe(media, sample.audio if picture is not None else None)
        held |= {name for name, there in (("video", info.has_video), ("audio", info.has_audio)) if there}
    return held
