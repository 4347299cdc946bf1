"""TensorBoard: six groups in reading order and a page of curves laid over one another."""

from pathlib import Path

import numpy as np
from torch.utils.tensorboard import SummaryWriter

from vatt_harmony.engine.look import draw_conflicts, draw_retrieval
from vatt_harmony.engine.report import DATA, HARMONY, HEALTH, LEARNING, LOOK, SPEED, StepReport

# Page "Custom Scalars": group → chart → the tags drawn in it, as regular expressions.
LAYOUT = {
    LEARNING: {
        "losses": ["Multiline", [rf"^{LEARNING}/loss/.*"]],
        "recalls in the batch": ["Multiline", [rf"^{LEARNING}/recall@.*"]],
        "held-out recalls": ["Multiline", [rf"^{LEARNING}/held_out/R@.*"]],
    },
    HARMONY: {
        "mean cosine, overall and by source": ["Multiline", [rf"^{HARMONY}/cosine_mean.*"]],
        "in conflict, compared, kept": ["Multiline", [rf"^{HARMONY}/.*_share$"]],
        "weights": ["Multiline", [rf"^{HARMONY}/weight_.*"]],
    },
    DATA: {
        "waiting": ["Multiline", [rf"^{DATA}/waiting.*"]],
        "drops by source and reason": ["Multiline", [rf"^{DATA}/drops/.*"]],
        "mixture": ["Multiline", [rf"^{DATA}/mixture/.*"]],
        "samples that have the modality": ["Multiline", [rf"^{DATA}/present/.*"]],
    },
    SPEED: {
        "triplets per second per device": ["Multiline", [rf"^{SPEED}/triplets_per_second_per_device$"]],
        "share of the device's peak": ["Multiline", [rf"^{SPEED}/mfu$"]],
        "slowest rank behind the mean, seconds": ["Multiline", [rf"^{SPEED}/slowest_rank_behind.*"]],
    },
    HEALTH: {
        "learning rate": ["Multiline", [rf"^{HEALTH}/learning_rate$"]],
        "gradient norm": ["Multiline", [rf"^{HEALTH}/gradient_norm$"]],
        "temperature": ["Multiline", [rf"^{HEALTH}/temperature.*"]],
        "clamp rate": ["Multiline", [rf"^{HEALTH}/clamp_rate$"]],
        "peak memory, GiB": ["Multiline", [rf"^{HEALTH}/memory.*"]],
    },
}
COSINE_BINS = np.linspace(-1.0, 1.0, 41).tolist()


class TensorBoard:
    """Writes reports as event files."""

    def __init__(self, folder: Path, resumed_step: int) -> None:
        """`folder`: of the event files; what an earlier start wrote after `resumed_step` is hidden."""
        self._writer = SummaryWriter(str(folder), purge_step=resumed_step + 1)
        self._writer.add_custom_scalars(LAYOUT)

    def write(self, report: StepReport) -> None:
        """Write the scalars, the histograms of cosines and the pictures of one step."""
        for tag, value in report.flat().items():
            self._writer.add_scalar(tag, value, report.step)
        self._write_cosines(report)
        if report.look is not None and report.look.retrieval:
            picture = draw_retrieval(report.look.retrieval)
            self._writer.add_image(f"{LOOK}/retrieval", picture, report.step, dataformats="HWC")
        if report.look is not None and report.look.conflicting:
            picture = draw_conflicts(report.look.conflicting)
            self._writer.add_image(f"{LOOK}/most_conflicting", picture, report.step, dataformats="HWC")
        self._writer.flush()  # else a short run shows nothing for two minutes

    def close(self) -> None:
        """Write what is still in memory."""
        self._writer.close()

    def _write_cosines(self, report: StepReport) -> None:
        by_source = report.cosines_by_source()
        histograms = {f"cosine_by_source/{source}": values for source, values in by_source.items()}
        if by_source:
            histograms["cosine"] = [cosine for values in by_source.values() for cosine in values]
        for name, values in histograms.items():
            self._writer.add_histogram(f"{HARMONY}/{name}", np.asarray(values), report.step, bins=COSINE_BINS)
        for source, values in by_source.items():
            self._writer.add_scalar(f"{HARMONY}/cosine_mean/{source}", float(np.mean(values)), report.step)
