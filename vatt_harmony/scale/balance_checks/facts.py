"""Numbers of protocols, data sets and peers that can be recomputed, and must agree with each other."""

import math
from collections.abc import Iterator

import torch

from vatt_harmony.objective.contrastive import contrast
from vatt_harmony.scale.balance_checks.check import Check, each

CREMAD_FOLDS = ((4043, 878, 899), (4024, 881, 915), (4017, 869, 934), (4046, 896, 878), (4068, 844, 908))
"""Training, validation and test clips of the five speaker-independent folds of MLB's protocol."""
SUMS = {
    "CREMA-D, OGM's protocol: training and test clips": ((6698, 744), 7442),
    "CREMA-D, OGM's training clips with a validation part": ((5954, 744), 6698),
    "CREMA-D, actors of training, validation and test": ((63, 14, 14), 91),
    "AVE, videos of training, validation and test": ((3339, 402, 402), 4143),
}
PRODUCTS = {
    "GRID speaker 1, digits x 100": ((10, 100), 1000),
    "GRID speaker 1, letters x 40": ((25, 40), 1000),
    "GRID speaker 1, colours x 250": ((4, 250), 1000),
    "spoken digits: speakers x digits x takes": ((6, 10, 50), 3000),
    "ESC-10: classes x clips": ((10, 40), 400),
    "Omniglot, small set 1: characters x writers": ((136, 20), 2720),
    "Omniglot, small set 2: characters x writers": ((156, 20), 3120),
}
LFM = (0.20462, 3.35473e-3, 1.22990e-4, -2.92947e-6, 2.23835e-8, -5.39718e-11)
LFM_AT = {0: 0.205, 50: 0.437, 100: 0.539, 150: 0.821, 199: 0.916}


def checks() -> Iterator[Check]:
    """Sizes of data sets, shapes of spectrograms, constants of peers, the bound of VATT's loss."""
    for fold, clips in enumerate(CREMAD_FOLDS):
        yield from each("facts", f"CREMA-D, MLB's protocol, clips of fold {fold}", [sum(clips)], [5820], 0)
    for name, (parts, total) in SUMS.items():
        yield from each("facts", name, [sum(parts)], [total], 0)
    for name, (factors, total) in PRODUCTS.items():
        yield from each("facts", name, [math.prod(factors)], [total], 0)
    yield from _spectrograms()
    yield from _peers()
    every = torch.ones(4, 1, dtype=torch.bool)
    perfect = contrast(1000 * torch.eye(4).double().unsqueeze(-1), every[:, 0], every, every[:, 0], "asymmetric")
    yield from each("facts", "VATT's loss when all is perfect", [float(perfect.losses.mean())], [math.log(2)], 4)


def _spectrograms() -> Iterator[Check]:
    """CREMA-D's is centred with hop 353; AVE's and UCF101's windows of 512 OVERLAP by 353, without padding."""
    cremad = torch.stft(torch.zeros(3 * 22_050), 512, 353, window=torch.hann_window(512), return_complex=True)
    yield from each("facts", "CREMA-D spectrogram, 3 s at 22,050 Hz", cremad.shape, (257, 188), 0)
    ave = torch.stft(
        torch.zeros(10 * 16_000), 512, 512 - 353, window=torch.hann_window(512), center=False, return_complex=True
    )
    yield from each("facts", "AVE spectrogram, 10 s at 16 kHz", ave.shape, (257, 1004), 0)


def _peers() -> Iterator[Check]:
    yield from each("facts", "InfoReg's beta where tanh has saturated", [0.95 * math.e, 0.1 * math.e], (2.58, 0.27), 2)
    for epoch, wanted in LFM_AT.items():
        found = sum(c * epoch**power for power, c in enumerate(LFM))
        yield from each("facts", f"LFM, a1 of epoch {epoch}", [found], [wanted], 3)
    epochs = 1000 / math.ceil(4043 / 32)
    yield from each("facts", "epochs of CREMA-D at batch 32 in 1,000 steps", [epochs], [8], 0)
