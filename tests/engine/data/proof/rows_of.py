"""Random rows as formats give them, few texts among many rows, so that everything repeats and contradicts."""

from hypothesis import strategies as st

from engine.data.formats.base import ParsedComparison, ParsedResponse, ParsedRow
from engine.records import Message

TEXTS = ["yes", "No  way", "no way", "maybe later", "MAYBE later", "the long answer that goes on and on"]


@st.composite
def rows(draw: st.DrawFn) -> ParsedRow:
    """One row: a prompt of one to three turns, up to four responses, any answers about them."""
    roles = ["user", "assistant", "user"][: draw(st.sampled_from([1, 3]))]
    messages = tuple(Message(role, draw(st.sampled_from(TEXTS))) for role in roles)
    n = draw(st.integers(0, 4))
    score = st.none() | st.sampled_from([0.0, 1.0, 2.5])
    responses = tuple(ParsedResponse(draw(st.sampled_from(TEXTS)), "", draw(score)) for _ in range(n))
    answer = st.sampled_from(["first", "second", "tie", "both_bad"])
    pairs = [(a, b) for a in range(n) for b in range(n) if a != b]
    asked = draw(st.lists(st.sampled_from(pairs), max_size=5)) if pairs else []
    who = st.sampled_from(["", "ann", "bob"])
    comparisons = tuple(ParsedComparison(a, b, draw(answer), None, draw(who)) for a, b in asked)  # type: ignore[arg-type]
    return ParsedRow(messages, responses, comparisons)


FILES = st.lists(rows(), max_size=8)
