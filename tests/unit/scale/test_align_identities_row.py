import torch

from vatt_harmony.align.config import NetworkConfig
from vatt_harmony.scale.bench import align_identities
from vatt_harmony.scale.bench.suite import Options


def test_all_identities_hold(monkeypatch):
    monkeypatch.setattr(align_identities, "NetworkConfig", lambda: NetworkConfig(width=12))
    figures = align_identities.run(Options())
    assert [figure.id for figure in figures] == ["03.7a", "03.7b", "03.7c", "03.7d"]
    assert all(figure.holds for figure in figures)
    assert figures[0].n is not None and figures[0].n > 100


def test_a_step_that_is_not_scaled_is_found_out(monkeypatch):
    def plain(parameters, config):
        return torch.optim.Adam(parameters, lr=config.lr * config.trust)

    monkeypatch.setattr(align_identities, "build_optimizer", plain)
    shares = align_identities.moved_shares(NetworkConfig(width=12))
    assert max(abs(share / 7e-3 - 1) for share in shares) > 0.1


def test_statistics_that_see_padding_are_found_out(monkeypatch):
    class Leaky(align_identities.SequenceBatchNorm):
        def forward(self, x, real):
            return super().forward(x, torch.ones_like(real))

    monkeypatch.setattr(align_identities, "SequenceBatchNorm", Leaky)
    training, after = next(align_identities.norm_deviations())
    assert training > 1e-2 and after > 1e-2
