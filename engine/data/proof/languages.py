"""Which languages the prompts are in, by a keyed sample of them."""

from collections import Counter
from functools import cache, cached_property
from typing import Any

from engine.data.formats.base import ParsedRow
from engine.data.proof.digests import conversation, prompt_digest
from engine.data.proof.finding import Finding
from engine.data.proof.sample import Sample

SAMPLE = 1_000
"""Prompts that are looked at."""
CUT = 1_000
"""Characters of a prompt that are looked at."""
SURE = 0.9
"""Probability from which on a language is named; below it, it is "unsure", as short texts often are."""
SOME = 0.02
"""Share of a second language from which on it is said."""


class Languages:
    """Looks at a sample of the prompts, in which each has one place however often it comes."""

    def __init__(self, sample: int = SAMPLE) -> None:
        self._sample: Sample[str] = Sample("languages", sample)

    def take(self, number: int, row: ParsedRow) -> None:
        """Its prompt, if it falls into the sample."""
        self._sample.offer(str(prompt_digest(row)), lambda: conversation(row)[:CUT])

    def findings(self) -> list[Finding]:
        """How many of the sample are not in the most frequent language."""
        counts = self._counted
        n = sum(counts.values())
        named = [(name, k) for name, k in counts.most_common() if name != "unsure"]
        others = sum(k for _, k in named[1:])
        large = [(name, k) for name, k in counts.most_common(6) if k >= n / 100]
        said = ", ".join(f"{k / n:.0%} {name}" for name, k in large) or "nothing to look at"
        rest = f" and {len(counts) - len(large):,} more" if len(counts) > len(large) else ""
        words = f"{said}{rest}; of {n:,} prompts that were looked at."
        tone = "note" if n and others / n >= SOME else "ok"
        return [Finding("languages", "languages", tone, others, n, "prompts looked at", words)]  # type: ignore[arg-type]

    @cached_property
    def _counted(self) -> Counter[str]:
        return Counter(language_of(text) for text in self._sample.items())

    def figures(self) -> dict[str, Any]:
        """Language (ISO 639-1, or "unsure") → prompts of the sample."""
        return dict(self._counted.most_common())


def language_of(text: str) -> str:
    """ISO 639-1 of a text, or "unsure"; a function of the text alone."""
    name, probability = _identifier().classify(text)
    return str(name) if probability >= SURE else "unsure"


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
