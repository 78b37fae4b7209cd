"""Near duplicates against the definition of Jaccard's similarity, pair by pair."""

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dujiang.data.inspection import duplicates as module
from dujiang.data.inspection.duplicates import Fingerprints, Store, duplicates, fingerprints, folded, jaccard, of_texts

CHARACTERS = [chr(point) for point in range(0x4E00, 0x4E00 + 2000)]


def edited(draw, text, rate):
    made = list(text)
    for _ in range(round(rate * len(made))):
        made[draw.randrange(len(made))] = draw.choice(CHARACTERS)
    return "".join(made)


def drawn(seed, count=40):
    """Texts, some of them copies edited more and less."""
    draw = random.Random(seed)
    texts = ["".join(draw.choices(CHARACTERS, k=draw.randint(60, 200))) for _ in range(count)]
    texts += [edited(draw, draw.choice(texts), draw.choice((0, 0.005, 0.01, 0.02, 0.05, 0.2))) for _ in range(count)]
    draw.shuffle(texts)
    return texts


def components(texts, threshold):
    """Groups by comparing every pair."""
    group = list(range(len(texts)))
    for one in range(len(texts)):
        for other in range(one + 1, len(texts)):
            if group[one] != group[other] and jaccard(texts[one], texts[other]) >= threshold:
                low, high = sorted((group[one], group[other]))
                group = [low if value == high else value for value in group]
    return group


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_groups_are_those_of_comparing_every_pair(seed):
    texts = drawn(seed)
    found = of_texts(texts)
    assert found.group.tolist() == components(texts, 0.8)
    assert found.capped == 0


def test_width_case_and_blanks_do_not_tell_texts_apart():
    found = of_texts(["Ｈello，世界 你好", "hello,世界\n你好", "hello 世界你好。"])
    assert found.exact.tolist() == [0, 0, 2]
    assert (found.exact_copies, folded("Ａ　b\tC")) == (1, "abc")


def test_short_and_empty_texts_and_no_texts_at_all():
    assert of_texts([]).documents == 0
    assert of_texts(["", "a", "", "a", "ab", "abcd", "abcde"]).group.tolist() == [0, 1, 0, 1, 4, 5, 6]
    assert of_texts(["𠀀𠀁𠀂𠀃𠀄𠀅", "𠀀𠀁𠀂𠀃𠀄𠀅", "\ud800x"]).group.tolist() == [0, 0, 2]


def test_a_giant_bucket_is_worked_off_in_steps_that_grow_with_it_and_said():
    draw = random.Random(1)
    text = "".join(draw.choices(CHARACTERS, k=400))
    texts = [text[:200] + draw.choice(CHARACTERS) + text[200:] for _ in range(600)]
    found = of_texts(texts)
    assert (found.group == 0).all()
    assert found.capped > 500
    assert found.verified < 600 * 32 * (module.LEADERS + 1) / 4
    assert found.largest() == [(0, 600)]


def test_a_store_on_disk_gives_what_memory_gives(tmp_path):
    texts = drawn(3)
    with Store(tmp_path) as store:
        for at in range(0, len(texts), 17):
            store.add(fingerprints(texts[at : at + 17]))
        read = store.read()
        assert store.documents == len(texts)
        found = duplicates(read)
    whole = fingerprints(texts)
    for name in Fingerprints.__slots__:
        assert np.array_equal(getattr(read, name), getattr(whole, name)), name
    assert np.array_equal(found.group, of_texts(texts).group)
