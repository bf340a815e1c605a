"""Named streams of randomness: the same everywhere, apart from each other, and blind to order."""

import hashlib
from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.seeds import key_for, rng_for, uniforms

NAMES = st.text(max_size=12)
ROUNDS = st.none() | st.integers(0, 99)


def slow_key(seed: int, round_number: int | None, purpose: str, item: str) -> int:
    """Byte by byte: the first eight of the hash, big end first, less one bit."""
    text = "\x1f".join([str(seed), "" if round_number is None else str(round_number), purpose, item])
    number = 0
    for byte in hashlib.blake2b(text.encode("utf-8"), digest_size=8).digest():
        number = number * 256 + byte
    return number // 2


@given(st.integers(-5, 2**40), ROUNDS, NAMES, NAMES)
def test_the_key_is_the_hash_of_its_four_parts(seed: int, round_number: int | None, purpose: str, item: str) -> None:
    key = key_for(seed, round_number, purpose, item)
    assert key == slow_key(seed, round_number, purpose, item)
    assert 0 <= key < 2**63


def test_keys_and_draws_are_what_they_have_always_been() -> None:
    """A change here changes every study ever run; it must be deliberate."""
    assert key_for(1, 2, "tie", "x0") == 1721395183812453970
    assert key_for(1, None, "label", "x0") == 3970514473829128917
    assert uniforms(1, 2, "tie", ["x0"])[0] == 1721395183812453970 / 2**63
    assert rng_for(1, 2, "warm-up").integers(0, 1000, 3).tolist() == [196, 116, 513]


@given(st.lists(st.text(min_size=1, max_size=8), unique=True, min_size=1, max_size=30), st.randoms())
def test_a_draw_belongs_to_its_item_not_to_its_place(items: list[str], random: Random) -> None:
    together = dict(zip(items, uniforms(3, 1, "tie", items), strict=True))
    shuffled = random.sample(items, len(items))
    assert dict(zip(shuffled, uniforms(3, 1, "tie", shuffled), strict=True)) == together
    assert {item: uniforms(3, 1, "tie", [item])[0] for item in items} == together


def test_every_part_of_a_name_makes_another_stream() -> None:
    names = [(1, 1, "tie", ""), (2, 1, "tie", ""), (1, 2, "tie", ""), (1, None, "tie", ""), (1, 1, "label", "")]
    names += [(1, 1, "tie", "x"), (11, None, "tie", ""), (1, 11, "tie", ""), (1, 1, "tie\x1fx", "")]
    keys = [key_for(*name) for name in names]
    # The last is the one collision that a separator leaves open, and no purpose or id holds that character.
    assert len(set(keys[:-1])) == len(keys) - 1
    assert len({rng_for(*name).random() for name in names[:-1]}) == len(names) - 1


def test_draws_are_even_and_of_two_purposes_unrelated() -> None:
    items = [f"x{n}" for n in range(20_000)]
    one, other = uniforms(1, 1, "tie", items), uniforms(1, 1, "label", items)
    assert one.dtype == np.float64
    assert 0 <= one.min() < one.max() < 1
    # Kolmogorov's distance of 20,000 even draws is below 1.95 / √n in all but one case of a thousand.
    steps = np.arange(1, len(one) + 1) / len(one)
    assert np.abs(np.sort(one) - steps).max() < 1.95 / np.sqrt(len(one))
    assert abs(np.corrcoef(one, other)[0, 1]) < 4 / np.sqrt(len(one))


def test_nothing_is_nothing() -> None:
    assert uniforms(1, 1, "tie", []).shape == (0,)
