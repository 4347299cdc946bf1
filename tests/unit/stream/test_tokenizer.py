"""Tokenizer: padding is 0, training is reproducible, and foreign tokenizers are checked."""

import hashlib
import pickle
import subprocess
import sys

import numpy as np
import pytest
import tokenizers

from vatt_harmony.errors import UserError
from vatt_harmony.stream.tokenizer import SPECIAL, load_tokenizer, train_tokenizer

CAPTIONS = ["A red ball rolls left", "a blue square sings", "Don't stop!", "été à la plage", "", "..."] * 3


def test_special_ids_come_first_and_padding_is_zero():
    tokenizer = train_tokenizer(CAPTIONS, 200)
    assert [tokenizer.backend.token_to_id(name) for name in SPECIAL] == [0, 1, 2, 3]
    assert tokenizer.vocabulary <= 200


def test_case_and_ascii_punctuation_do_not_matter():
    tokenizer = train_tokenizer(CAPTIONS, 200, words=8)
    ids = tokenizer.encode(["a red ball", "A, red -- BALL!?", "dont", "Don't"])
    assert ids.shape == (4, 8) and ids.dtype == np.int64
    assert (ids[0] == ids[1]).all() and (ids[2] == ids[3]).all()
    assert (ids[0] != 0).sum() == 3


def test_long_sentences_are_cropped_and_short_ones_padded_at_the_end():
    tokenizer = train_tokenizer(CAPTIONS, 200, words=4)
    long, short = tokenizer.encode(["a red ball rolls left", "a"])
    assert (long != 0).all()
    assert short[0] != 0 and not short[1:].any()


def test_a_sentence_of_which_nothing_is_left_is_all_padding():
    tokenizer = train_tokenizer(CAPTIONS, 200)
    assert not tokenizer.encode(["?!...", ""]).any()
    assert tokenizer.encode([]).shape == (0, 16)


def test_special_names_in_a_caption_never_become_padding_inside_it():
    row = train_tokenizer(CAPTIONS, 200).encode(["<pad> red"])[0]
    first_padding = int((row == 0).argmax())
    assert first_padding > 1 and not row[first_padding:].any()


def test_unknown_letters_are_unknown():
    assert train_tokenizer(CAPTIONS, 200).encode(["漢"])[0, 0] == 1


def test_training_gives_the_same_ids_in_every_process():
    code = (
        "import hashlib; from vatt_harmony.stream.tokenizer import train_tokenizer;"
        f"t = train_tokenizer({CAPTIONS!r}, 60);"
        "print(hashlib.md5(t.backend.to_str().encode()).hexdigest())"
    )
    here = hashlib.md5(train_tokenizer(reversed(CAPTIONS), 60).backend.to_str().encode()).hexdigest()
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == here


def test_saved_and_pickled_tokenizers_are_equal(tmp_path):
    tokenizer = train_tokenizer(CAPTIONS, 100)
    tokenizer.save(tmp_path / "tokenizer.json")
    for copy in (
        load_tokenizer(tmp_path),
        load_tokenizer(tmp_path / "tokenizer.json"),
        pickle.loads(pickle.dumps(tokenizer)),
    ):
        assert (copy.encode(CAPTIONS) == tokenizer.encode(CAPTIONS)).all()


def word_level(path, names):
    model = tokenizers.models.WordLevel({name: i for i, name in enumerate(names)}, unk_token="<unk>")
    tokenizers.Tokenizer(model).save(str(path))


def test_a_tokenizer_that_pads_with_another_id_is_refused(tmp_path):
    word_level(tmp_path / "tokenizer.json", ["<unk>", "<pad>", "a"])
    with pytest.raises(UserError, match="<pad> has id 1"):
        load_tokenizer(tmp_path)
    word_level(tmp_path / "tokenizer.json", ["<unk>", "a"])
    with pytest.raises(UserError, match="no padding token"):
        load_tokenizer(tmp_path)


def test_missing_and_broken_files_are_users_errors(tmp_path):
    with pytest.raises(UserError, match="There is no"):
        load_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(UserError, match="is not a tokenizer"):
        load_tokenizer(tmp_path)
    with pytest.raises(UserError, match="no caption"):
        train_tokenizer(["", "!!"])
