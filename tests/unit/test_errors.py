import pickle

from vatt_harmony.errors import UserError


def test_three_sentences_each_with_its_full_stop():
    assert str(UserError("It is wrong", "Nothing ran!", " Mend it: ")) == "It is wrong. Nothing ran! Mend it:"


def test_it_travels_between_processes():
    error = pickle.loads(pickle.dumps(UserError("a", "b", "c")))
    assert (error.what, error.consequence, error.fix) == ("a", "b", "c")
