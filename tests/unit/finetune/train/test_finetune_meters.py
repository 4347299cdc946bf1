import math

from vatt_harmony.finetune.train.meters import LOSS, Means, Meters


def test_means_leave_out_what_is_not_finite_but_not_the_loss():
    means = Means()
    means.add({LOSS: 1.0, "score/audio": 2.0})
    means.add({LOSS: 3.0, "score/audio": math.nan, "score/video": 5.0})
    assert means.pop() == {LOSS: 2.0, "score/audio": 2.0, "score/video": 5.0}
    means.add({LOSS: math.nan})
    means.add({LOSS: 1.0})
    assert math.isnan(means.pop()[LOSS])
    assert means.pop() == {}


def test_a_long_run_has_a_thousand_lines_and_goes_on_from_its_state():
    meters = Meters(2500)
    for done in range(1, 8):
        meters.add({"k": float(done)})
        meters.end_step(done)
    assert meters.trace == [{"step": 3, "k": 2.0}, {"step": 6, "k": 5.0}]
    other = Meters(2500)
    other.load_state_dict(meters.state_dict())
    for each in (meters, other):
        each.add({"k": 8.0})
        each.add({"k": 9.0})
        assert each.end_step(9) == {"step": 9, "k": 8.0}
        assert each.end_epoch() == {"k": 5.0}
