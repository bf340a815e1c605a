"""A small preference data set with real ids: prompts, responses with scores, all pairs, recorded answers."""

from itertools import combinations

from engine.data.pool import Comparison, PreferenceData
from engine.records import Message, Pair, Prompt, Response

WORDS = ("short", "a longer answer", "yes, and then some more of it")


def small_world(n_prompts: int = 4) -> PreferenceData:
    """Every prompt has three responses; every pair has a score on both sides and one recorded answer."""
    data = PreferenceData()
    for n in range(n_prompts):
        prompt = Prompt.of([Message("user", f"question {n}{' indeed' * (n % 3)}")])
        data.prompts[prompt.id] = prompt
        responses = [Response.of(prompt.id, f"{text} {n}", "file") for text in WORDS]
        for m, response in enumerate(responses):
            data.responses[response.id] = response
            data.scores[response.id] = float(m - n % 2)
        for one, other in combinations(responses, 2):
            pair = Pair.of(prompt.id, one.id, other.id)
            data.pairs[pair.id] = pair
            data.comparisons.append(Comparison(pair.id, "a" if data.scores[pair.a] > data.scores[pair.b] else "b"))
    return data
