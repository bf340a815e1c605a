"""Events to rows and files and back: whatever floats and texts they hold, NaN, −0 and half surrogates included."""

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.records import Evaluated, Metric, Pair, Pick, Picked, Pooled, Response, Scored, SignalArray, Trained
from engine.store.codec import detail_of, event_of, files_of
from tests.engine.store.bits import bits


@settings(deadline=None, max_examples=40, derandomize=True)
@given(
    values=st.lists(st.floats(width=32), min_size=1, max_size=8),
    text=st.text(st.characters(exclude_categories=()), max_size=30),
)
def test_any_numbers_and_texts_survive_the_codec(values: list[float], text: str) -> None:
    array = np.array(values, dtype=np.float32)
    for event in (
        Evaluated(3, (Metric("kl", text, values[0], 3),), {"s": array}, (Response("r", "p", text, text),)),
        Scored(3, (SignalArray("m", "pair", (text,) * len(array), array, text),), array.astype(np.float64), (text,)),
        Trained(3, {"A": array.reshape(1, -1)}, ({"loss": values[0]},), 1, "h"),
        Pooled(3, ("x",), (Response("r", "p", text),), (Pair("x", "p", "a", "b"),), {}),
        Picked(3, (Pick("x", 1, None, None, {"note": text}),), False, {"f": array}),
    ):
        stage = type(event).__name__.lower()
        detail = json.loads(json.dumps(detail_of(event)))  # as the database keeps it
        assert bits(event_of(stage, 3, detail, event.spent, files_of(event))) == bits(event)
