"""A small audio-visual classifier and made-up clips, in which sound is easy and picture is hard, for balance_*.py."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from vatt_harmony.balance import MLB, Balancer, Classification

CLASSES = 4


class AudioVideo(nn.Module):
    """Two encoders and a linear layer over their outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.audio_encoder = nn.Sequential(nn.Linear(12, 32), nn.GELU(), nn.Linear(32, 16))
        self.video_encoder = nn.Sequential(nn.Linear(24, 32), nn.GELU(), nn.Linear(32, 16))
        self.fusion = nn.Linear(32, CLASSES)

    def forward(self, audio: Tensor, video: Tensor) -> Tensor:
        return self.fusion(torch.cat([self.audio_encoder(audio), self.video_encoder(video)], dim=-1))


def make_balancer(accumulation: int = 1) -> Balancer:
    """The model in a balancer; all four examples train the same."""
    torch.manual_seed(0)
    example, _ = next(batches(1))
    features = {"audio": "audio_encoder", "video": "video_encoder"}
    return Balancer(
        AudioVideo(), features, task=Classification(CLASSES), rule=MLB(), accumulation=accumulation, example=example
    )


def batches(
    steps: int, rows: int = 16, rank: int = 0, world_size: int = 1
) -> Iterator[tuple[dict[str, Tensor], Tensor]]:
    """`steps` batches of `rows` clips with their labels, of which a rank gets its share."""
    generator = torch.Generator().manual_seed(0)
    share = slice(rank * rows // world_size, (rank + 1) * rows // world_size)
    sounds, looks = torch.randn(CLASSES, 12, generator=generator), torch.randn(CLASSES, 24, generator=generator)
    for _ in range(steps):
        labels = torch.randint(CLASSES, (rows,), generator=generator)
        audio = sounds[labels] + 0.5 * torch.randn(rows, 12, generator=generator)
        video = looks[labels] + 3.0 * torch.randn(rows, 24, generator=generator)
        yield {"audio": audio[share], "video": video[share]}, labels[share]
