import re
from pathlib import Path

import numpy as np

from vatt_harmony.media.demo_attributes import VALUES
from vatt_harmony.scale.study.clips import MIX, WRONG, Corpus, CorpusShape
from vatt_harmony.scale.study.data import Held, batch_of, digest

SHAPE = CorpusShape(train=40, test=8, unseen=2, frames=2, size=12, rate=2000, seconds=0.2)


def test_the_generator_is_the_one_the_protocol_froze():
    protocol = Path(__file__).parents[4] / "docs" / "study.md"
    assert re.search(r"^ {4}([0-9a-f]{64})$", protocol.read_text(), re.MULTILINE)[1] == digest()


def test_levels_of_faults_are_nested_and_equal_in_kind():
    corpus = Corpus(3, SHAPE)
    few, many = corpus.faults(0.15), corpus.faults(0.5)
    assert (few != "").sum() == 6 and (many != "").sum() == 20
    assert (many[few != ""] == few[few != ""]).all()
    assert sorted(few[few != ""]) == sorted(MIX)


def test_a_clean_source_stays_clean_while_the_noisy_one_is_struck():
    faults = Corpus(3, SHAPE).faults(0.5, clean=10, train=30)
    assert len(faults) == 30 and not (faults[:10] != "").any() and (faults[10:] != "").sum() == 10


def test_each_fault_changes_what_it_says_and_nothing_else():
    corpus = Corpus(3, SHAPE)
    clean = corpus.clip("train", 0)
    changed = {
        fault: [
            name
            for name in ("video", "audio", "text")
            if not np.array_equal(getattr(clean, name), getattr(corpus.clip("train", 0, fault), name))
        ]
        for fault in (*WRONG, "hard")
    }
    assert changed == {
        "caption swapped": ["text"],
        "half wrong": ["text"],
        "sound swapped": ["audio"],
        "hard": ["video", "audio"],
    }


def test_a_swapped_caption_is_word_for_word_that_of_a_clip_that_looks_different():
    corpus = Corpus(3, SHAPE)
    text = corpus.clip("train", 5, "caption swapped").text
    partners = [i for i in range(40) if np.array_equal(corpus.clip("train", i).text, text)]
    assert len(partners) == 1
    ours, theirs = (corpus.attributes["train"][i] for i in (5, partners[0]))
    assert ours.differing_looks(theirs) >= 3


def test_vocabulary_and_truth_do_not_depend_on_the_seed():
    first, second = Corpus(1, SHAPE), Corpus(2, SHAPE)
    assert first.vocabulary == second.vocabulary
    assert first.truth("test").shape == (8, len(VALUES))


def test_the_sound_token_stands_in_sentences_that_tell_the_sound():
    corpus = Corpus(1, SHAPE)
    told = np.stack([corpus.clip("train", i).text[0] for i in range(20)])
    assert (told == corpus.sound_token).any(axis=1).all(), "the first sentence of a clip tells everything"


def test_a_batch_takes_one_sentence_a_clip_and_is_a_function_of_seed_and_step():
    corpus = Corpus(1, SHAPE)
    held = Held.draw(corpus, "train", corpus.faults(0.3))
    rows = np.array([4, 9, 4])
    first, again, later = (batch_of(held, rows, 1, step) for step in (0, 0, 1))
    assert first.text.shape == (3, 1, SHAPE.words)
    assert (first.text == again.text).all() and (first.seed == again.seed).all()
    assert (first.seed != later.seed).any()
