"""Two small towers with three losses, and made-up clips, for the toy_*.py examples."""

from collections.abc import Iterator, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CLASSES = 5


class TwoTowers(nn.Module):
    """A video and an audio tower, a contrastive loss between them, and a label to be told from either."""

    def __init__(self) -> None:
        super().__init__()
        self.video_tower = nn.Sequential(nn.Linear(24, 48), nn.GELU(), nn.Linear(48, 32))
        self.audio_tower = nn.Sequential(nn.Linear(12, 32), nn.GELU(), nn.Linear(32, 16))
        self.video_head, self.audio_head = nn.Linear(32, 16), nn.Linear(16, 16)
        self.video_classifier, self.audio_classifier = nn.Linear(32, CLASSES), nn.Linear(16, CLASSES)
        self.logit_scale = nn.Parameter(torch.tensor([2.0]))  # DeepSpeed takes no parameter without dimension

    def forward(self, clips: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The towers' outputs, one row a clip."""
        return {"video": self.video_tower(clips["video"]), "audio": self.audio_tower(clips["audio"])}

    def losses(self, z: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Everything above the towers: heads, temperature, negatives."""
        video = F.normalize(self.video_head(z["video"]), dim=-1)
        audio = F.normalize(self.audio_head(z["audio"]), dim=-1)
        logits = self.logit_scale.exp() * video @ audio.T
        own = torch.arange(len(logits), device=logits.device)
        return {
            "contrastive": (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2,
            "video_label": F.cross_entropy(self.video_classifier(z["video"]), z["label"]),
            "audio_label": F.cross_entropy(self.audio_classifier(z["audio"]), z["label"]),
        }


def batches(steps: int, rows: int = 16, rank: int = 0, world_size: int = 1) -> Iterator[dict[str, Tensor]]:
    """`steps` batches of `rows` clips, of which a rank gets its share."""
    generator = torch.Generator().manual_seed(0)
    share = slice(rank * rows // world_size, (rank + 1) * rows // world_size)
    looks, sounds = torch.randn(CLASSES, 24, generator=generator), torch.randn(CLASSES, 12, generator=generator)
    for _ in range(steps):
        label = torch.randint(CLASSES, (rows,), generator=generator)
        video = looks[label] + torch.randn(rows, 24, generator=generator)
        audio = sounds[label] + torch.randn(rows, 12, generator=generator)
        yield {"video": video[share], "audio": audio[share], "label": label[share]}
