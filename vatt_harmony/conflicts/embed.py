"""The clips that travel inside the page, within a budget."""

from collections import Counter
from collections.abc import Mapping

from rich.console import Console

from vatt_harmony.conflicts.locate import Located
from vatt_harmony.conflicts.preview import preview
from vatt_harmony.media.errors import MediaError
from vatt_harmony.shards.parallel import progress_bar
from vatt_harmony.shards.reader import ShardReader
from vatt_harmony.shards.sample import SampleError


def embed(
    located: Mapping[int, Located], reader: ShardReader, most: int, megabytes: float, console: Console
) -> tuple[dict[int, bytes], Counter[str]]:
    """Previews by row, lowest rows first, until there are `most` or their text in the page takes `megabytes`.

    Clips that cannot be read or decoded are counted by reason and left out.
    """
    clips: dict[int, bytes] = {}
    failures: Counter[str] = Counter()
    left = megabytes * 1e6 * 3 / 4  # base64 writes three bytes as four letters
    with progress_bar(console) as progress:
        bar = progress.add_task("embedding clips", total=min(most, len(located)))
        for row in sorted(located):
            if len(clips) == most:
                break
            place = located[row]
            try:
                clip = preview(reader.read(place.index, place.number))
            except (MediaError, SampleError) as error:
                failures[error.reason] += 1
                continue
            if (left := left - len(clip)) < 0:
                break
            clips[row] = clip
            progress.advance(bar)
    return clips, failures
