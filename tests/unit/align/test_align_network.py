import pytest
import torch
from support.aligners import WIDTH, random_features, small_aligner
from support.formulas import step_logits

from vatt_harmony.align.batch import Batch
from vatt_harmony.align.config import NetworkConfig
from vatt_harmony.align.network import NeuMatch
from vatt_harmony.errors import UserError

SETS = [("one_to_one", 2), ("one_to_many", 2), ("five", 2), ("streams", 3)]
LENGTHS = torch.tensor([[6, 4, 3], [9, 7, 5], [1, 1, 1], [8, 3, 6], [2, 0, 0]])


def random_actions(model, lengths, seed=0):
    """Legal actions `[B, T]` until nothing is left, padded with 0, and the steps of each."""
    generator = torch.Generator().manual_seed(seed)
    left, actions, steps = lengths, [], torch.zeros(len(lengths), dtype=torch.long)
    while (running := model.actions.legal(left).any(-1)).any():
        chances = torch.where(running.unsqueeze(-1), model.actions.legal(left), torch.eye(model.actions.count)[0])
        actions.append(torch.multinomial(chances.float(), 1, generator=generator).squeeze(1))
        left = torch.where(running.unsqueeze(-1), model.actions.advance(left, actions[-1]), left)
        steps += running
    return torch.stack(actions, dim=1), steps


def looped(model, encoded, actions):
    state, rows = model.start(encoded), []
    for action in actions.unbind(1):
        rows.append(model.logits(encoded, state))
        state = model.advance(encoded, state, action)
    return torch.stack(rows, dim=1)


def real(steps):
    return torch.arange(int(steps.max())) < steps.unsqueeze(1)


@pytest.mark.parametrize(
    ("options", "dims", "count"),
    [
        ({}, (2048, 768), 3_408_415),
        ({"norm": "none"}, (2048, 768), 3_407_215),
        ({"norm": "2ln"}, (2048, 768), 3_419_215),
        ({"norm": "4ln"}, (2048, 768), 3_419_775),
        ({"branches": "full"}, (2048, 768), 4_253_215),
        ({"branches": "full", "norm": "none"}, (2048, 768), 4_252_015),
        ({"branches": "full", "norm": "none"}, (768, 768), 3_868_015),
    ],
)
def test_published_parameter_counts(options, dims, count):
    network = NeuMatch(NetworkConfig(**options), dims)
    assert sum(parameter.numel() for parameter in network.parameters()) == count


@pytest.mark.parametrize(("actions", "streams"), SETS)
@pytest.mark.parametrize("norm", ["sbn", "4ln"])
def test_every_step_is_what_the_formulas_say(actions, streams, norm):
    model = small_aligner(streams, actions=actions, norm=norm)
    for channel_norm in model.norms:
        torch.nn.init.normal_(channel_norm.running_mean), torch.nn.init.uniform_(channel_norm.running_var, 0.5, 2)
    lengths = LENGTHS[:2, :streams]
    features = random_features(lengths)
    taken, steps = random_actions(model, lengths)
    found = model.teacher_forced(model.encode(features, lengths), taken)
    for row, count in enumerate(steps.tolist()):
        own = [each[row, :n] for each, n in zip(features, lengths[row], strict=True)]
        expected = step_logits(model, own, taken[row, :count].tolist())
        possible = torch.isfinite(found[row, :count])
        torch.testing.assert_close(found[row, :count][possible], expected[possible], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("actions", "streams"), SETS)
@pytest.mark.parametrize("mask", ["legal", "none"])
def test_teacher_forcing_is_the_loop(actions, streams, mask):
    model = small_aligner(streams, actions=actions, mask=mask, window=3)
    lengths = LENGTHS[:, :streams]
    features = random_features(lengths)
    encoded = model.encode(features, lengths, features)
    for seed in range(3):
        taken, steps = random_actions(model, lengths, seed)
        fast, loop = model.teacher_forced(encoded, taken), looped(model, encoded, taken)
        torch.testing.assert_close(fast[real(steps)], loop[real(steps)], atol=1e-5, rtol=1e-5)


def test_teacher_forcing_has_the_gradients_of_the_loop():
    model = small_aligner(actions="five")
    lengths = LENGTHS[:, :2]
    features = random_features(lengths)
    taken, steps = random_actions(model, lengths)
    gradients = []
    for run in (model.teacher_forced, lambda encoded, actions: looped(model, encoded, actions)):
        model.zero_grad()
        logits = run(model.encode(features, lengths), taken)[real(steps)]
        torch.nn.functional.cross_entropy(logits, taken[real(steps)]).backward()
        gradients.append({name: parameter.grad.clone() for name, parameter in model.named_parameters()})
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradient, gradients[1][name], atol=1e-4, rtol=1e-4, msg=name)
        assert gradient.abs().max() > 0, name


def test_the_pair_is_rolled_back_when_its_sentence_gains_a_clip():
    """A clip without a sentence lies between the two clips: nothing but the mean of the pair changes."""
    model = small_aligner()
    lengths = torch.tensor([[4, 2]])
    features = random_features(lengths)
    encoded = model.encode(features, lengths)
    skip, finish, match = (model.actions.index(name) for name in ("PC", "PS", "MRS"))
    state = model.start(encoded)
    states = [state := model.advance(encoded, state, torch.tensor([a])) for a in (match, skip, match, finish, match)]
    clips, sentences = encoded.tops[0][0].flip(0), encoded.tops[1][0].flip(0)
    mean = (clips[0] + clips[2]) / 2
    stack = model.history.pairs.stack
    for newest, pairs in (
        (states[0], [(clips[0], sentences[0])]),
        (states[1], [(clips[0], sentences[0])]),
        (states[3], [(mean, sentences[0])]),
        (states[4], [(mean, sentences[0]), (clips[3], sentences[1])]),
    ):
        layers = stack(torch.stack([torch.cat(pair) for pair in pairs]).unsqueeze(0))
        expected = torch.stack([layer[0, -1] for layer in layers])
        torch.testing.assert_close(newest.past.pairs.state[0, :, 0], expected, atol=1e-6, rtol=1e-5)


def test_neither_padding_nor_the_rest_of_the_batch_matters():
    model = small_aligner(window=2)
    lengths = LENGTHS[:, :2]
    features = random_features(lengths)
    taken, steps = random_actions(model, lengths)
    together = model.teacher_forced(model.encode(features, lengths, features), taken)
    for row, count in enumerate(steps.tolist()):
        alone = tuple(each[row : row + 1, :n] for each, n in zip(features, lengths[row].tolist(), strict=True))
        logits = model.teacher_forced(model.encode(alone, lengths[row : row + 1], alone), taken[row : row + 1, :count])
        torch.testing.assert_close(together[row : row + 1, :count], logits, atol=1e-5, rtol=1e-5)


def test_impossible_actions_have_probability_zero_and_a_forced_tail_loses_nothing():
    model = small_aligner()
    lengths = LENGTHS[:, :2]
    taken, steps = random_actions(model, lengths)
    batch = Batch(
        features=random_features(lengths), lengths=lengths, joint=None, actions=taken, targets=taken, steps=steps
    )
    logits = model(batch)
    encoded = model.encode(batch.features, lengths)
    state = model.start(encoded)
    for step, action in enumerate(taken.unbind(1)):
        legal = model.actions.legal(state.left)
        goes_on = legal.any(-1)
        probability = logits[:, step].softmax(-1)
        assert (probability[goes_on] > 0).equal(legal[goes_on])
        forced = legal.sum(-1) == 1
        assert (probability[forced].max(-1).values == 1).all()
        state = model.advance(encoded, state, action)
    assert torch.isfinite(logits[:, -1][steps < steps.max()]).all()


def test_without_masks_the_cursors_stop_at_the_last_items():
    model = small_aligner(mask="none", history=False)
    lengths = torch.tensor([[3, 2]])
    encoded = model.encode(random_features(lengths), lengths)
    at = [
        model.logits_at(encoded, torch.tensor([0]), torch.tensor([left])) for left in ([0, 2], [1, 2], [0, 0], [1, 1])
    ]
    assert torch.equal(at[0], at[1]) and torch.equal(at[2], at[3])
    assert torch.isfinite(at[2]).all()
    state = model.start(encoded)
    for _ in range(5):
        state = model.advance(encoded, state, torch.tensor([model.actions.index("MRS")]))
    assert state.left.tolist() == [[0, 2]]


def test_streams_without_items():
    model = small_aligner(window=2)
    for lengths in ([[0, 3]], [[2, 0]]):
        features = random_features(torch.tensor(lengths))
        encoded = model.encode(features, torch.tensor(lengths), features)
        actions = torch.full((1, sum(lengths[0])), model.actions.index("PS" if lengths[0][1] else "PC"))
        assert (model.teacher_forced(encoded, actions).softmax(-1).gather(2, actions.unsqueeze(-1)) == 1).all()
    lengths = torch.tensor([[0, 0]])
    features = random_features(lengths)
    nothing = model.teacher_forced(model.encode(features, lengths, features), torch.zeros(1, 0, dtype=torch.long))
    assert nothing.shape == (1, 0, 3)


def test_selected_alignments_go_on_by_themselves():
    model = small_aligner()
    lengths = LENGTHS[:3, :2]
    encoded = model.encode(random_features(lengths), lengths)
    skip, match = model.actions.index("PC"), model.actions.index("MRS")
    state = model.advance(encoded, model.start(encoded), torch.tensor([match, match, match]))
    chosen = model.advance(encoded, state.select(torch.tensor([1, 0, 1])), torch.tensor([match, skip, skip]))
    for row, (sequence, action) in enumerate([(1, match), (0, skip), (1, skip)]):
        alone = model.advance(encoded, state.select(torch.tensor([sequence])), torch.tensor([action]))
        torch.testing.assert_close(model.logits(encoded, chosen)[row], model.logits(encoded, alone)[0])


def test_without_history_only_the_cursors_count():
    model = small_aligner(history=False)
    names = {name.split(".")[0] for name, _ in model.named_parameters()}
    assert names == {"encoders", "stacks", "norms", "head"}
    lengths = torch.tensor([[4, 4]])
    encoded = model.encode(random_features(lengths), lengths)
    skip, finish, match = (model.actions.index(name) for name in ("PC", "PS", "MRS"))
    ends = []
    for way in ((skip, finish), (finish, match)):
        state = model.start(encoded)
        for action in way:
            state = model.advance(encoded, state, torch.tensor([action]))
        ends.append(model.logits(encoded, state))
    assert torch.equal(ends[0], ends[1])


def test_without_content_features_do_not_matter():
    model = small_aligner(content=False, window=2)
    lengths = LENGTHS[:2, :2]
    taken, _ = random_actions(model, lengths)
    features = [random_features(lengths, seed) for seed in (0, 1)]
    one, other = (model.teacher_forced(model.encode(each, lengths, each), taken) for each in features)
    assert torch.equal(one, other)
    assert not one[0, 0].isclose(one[0, 1]).all()


def test_training_normalises_over_the_batch_and_evaluation_does_not():
    model = small_aligner().train()
    lengths = LENGTHS[:2, :2]
    features = random_features(lengths)
    before = model.norms[0].running_mean.clone()
    inputs = model.encode(features, lengths).tops[0]
    steps = torch.cat([row[:n] for row, n in zip(inputs, lengths[:, 0], strict=True)])
    torch.testing.assert_close(steps.mean(0), torch.zeros(8), atol=1e-5, rtol=0)
    assert not torch.equal(model.norms[0].running_mean, before)
    after = model.norms[0].running_mean.clone()
    model.eval().encode(features, lengths)
    assert torch.equal(model.norms[0].running_mean, after)


def test_what_is_saved_gives_the_same_logits(tmp_path):
    model = small_aligner(3, actions="streams", seed=5)
    torch.nn.init.normal_(model.norms[1].running_mean)
    model.save_pretrained(tmp_path)
    again = NeuMatch.from_pretrained(tmp_path)
    lengths = LENGTHS[:2]
    logits = [
        each.logits(e := each.encode(random_features(lengths), lengths), each.start(e)) for each in (model, again)
    ]
    assert torch.equal(*logits)
    assert again.config == model.config and not again.training


@pytest.mark.parametrize("damage", ["config.json", "model.safetensors"])
def test_a_damaged_folder_is_refused(tmp_path, damage):
    small_aligner().save_pretrained(tmp_path)
    (tmp_path / damage).write_text('{"format": 1}')
    with pytest.raises(UserError, match="no aligner"):
        NeuMatch.from_pretrained(tmp_path)


def test_what_does_not_fit_is_refused():
    lengths = torch.tensor([[2, 2]])
    features = random_features(lengths)
    with pytest.raises(UserError, match="shared space"):
        small_aligner(window=2).encode(features, lengths)
    with pytest.raises(UserError, match=f"width \\({WIDTH}, 2\\)"):
        small_aligner().encode((features[0], features[1][..., :2]), lengths)
