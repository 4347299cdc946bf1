import torch

from vatt_harmony.align.similarity import CoupleWindows, Windows, similarities, window_count

LENGTHS = torch.tensor([[4, 3], [2, 5], [1, 1], [0, 2]])


def features(width=3):
    g = torch.Generator().manual_seed(0)
    return torch.randn(4, 4, width, generator=g), torch.randn(4, 5, width, generator=g)


def test_cosines_are_standardised_over_the_real_cells_of_each_sequence():
    clips, sentences = features()
    found = similarities(clips, sentences, LENGTHS)
    for row, (n, m) in enumerate(LENGTHS.tolist()[:2]):
        cosines = torch.cosine_similarity(clips[row, :n, None], sentences[row, None, :m], dim=-1)
        expected = (cosines - cosines.mean()) / cosines.std(unbiased=False)
        torch.testing.assert_close(found[row, :n, :m], expected, atol=1e-4, rtol=1e-4)
        assert found[row, n:].abs().sum() == found[row, :, m:].abs().sum() == 0
    assert torch.isfinite(found).all()


def test_windows_against_loops():
    table = similarities(*features(), LENGTHS)
    windows = Windows(table, LENGTHS, 2)
    for row, (n, m) in enumerate(LENGTHS.tolist()):
        for i in range(n + 1):
            for j in range(m + 1):
                real = {(a, b): float(table[row, a, b]) for a in range(i, n) for b in range(j, m)}
                square = [real.get((a, b), 0.0) for a in (i, i + 1) for b in (j, j + 1)]
                inside = i < n and j < m
                for_clip = max(v for (a, _), v in real.items() if a == i) if inside else 0
                for_sentence = max(v for (_, b), v in real.items() if b == j) if inside else 0
                found = windows.at(torch.tensor([row]), torch.tensor([[i, j]]))
                assert found.shape == (1, window_count(2))
                torch.testing.assert_close(found[0], torch.tensor([*square, for_clip, for_sentence]))


def test_three_streams_have_the_windows_of_every_two():
    first, second = features()
    joint, lengths = (first, second, first.flip(1)), torch.cat([LENGTHS, LENGTHS[:, :1]], dim=1)
    windows, cursors = CoupleWindows(joint, lengths, 2), torch.tensor([[1, 2, 0], [0, 1, 1]])
    expected = []
    for one, other in ((0, 1), (0, 2), (1, 2)):
        two = lengths[:, [one, other]]
        single = Windows(similarities(joint[one], joint[other], two), two, 2)
        expected.append(single.at(torch.tensor([0, 1]), cursors[:, [one, other]]))
    found = windows.at(torch.tensor([0, 1]), cursors)
    assert found.shape == (2, window_count(2, streams=3))
    torch.testing.assert_close(found, torch.cat(expected, dim=1))


def test_a_similarity_that_never_varies_is_zero():
    assert similarities(torch.ones(1, 3, 2), torch.ones(1, 2, 2), torch.tensor([[3, 2]])).abs().max() < 1e-3
