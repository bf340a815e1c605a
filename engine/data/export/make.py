"""A subset of a study's labelled pairs as rows, a card and a sidecar, in a profile that trainers or tools read."""

import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine.data.answers import AskedPair, Settled, Subset, Vote, settle
from engine.data.export.card import card
from engine.data.profiles.audit import Audit, answers_of
from engine.data.profiles.base import PROFILES, Container, Profile
from engine.errors import DataError

FILES: dict[Container, str] = {
    "jsonl": "data/train-00000-of-00001.jsonl",
    "parquet": "data/train-00000-of-00001.parquet",
    "csv": "data/train-00000-of-00001.csv",
    "datasets": "data",
}
"""Container → where the rows stand below the export's folder: a file, or a folder that `datasets` saved."""

ORDER = ("trl", "trl_implicit", "plain", "kto", "llamafactory", "axolotl", "openai", "argilla", "label_studio", "audit")
"""In which order profiles are offered; others follow by name."""


@dataclass(frozen=True)
class Export:
    """What goes out: `rows` in the profile's form, `settled` as it came to them, the card, a sidecar line a pair.

    `answers` are the rows of the audit profile, whatever the profile is; `file` is where the rows go; `edits` has a
    line a batch that people changed by hand: the strategy's own list, and who did what when.
    """

    profile: Profile
    container: Container
    file: str
    rows: Sequence[Mapping[str, Any]]
    settled: Settled
    answers: Sequence[Mapping[str, Any]]
    card: str
    provenance: Sequence[Mapping[str, Any]]
    beside: Mapping[str, bytes] = field(default_factory=dict)
    edits: Sequence[Mapping[str, Any]] = ()

    @property
    def counts(self) -> Mapping[str, int]:
        """asked = exported + ties + both bad + unresolved + excluded, in pairs."""
        return self.settled.counts

    @property
    def audit(self) -> bool:
        """Whether its rows are answers, not pairs."""
        return isinstance(self.profile, Audit)


def profiles() -> dict[str, str]:
    """Profile name → what it is, the default first."""
    known = {cls.name: cls.summary().rstrip(".") for cls in PROFILES}
    return {name: known.pop(name) for name in ORDER if name in known} | known


def export(
    pairs: Sequence[AskedPair],
    subset: Subset,
    *,
    profile: str = "trl",
    container: Container = "jsonl",
    about: Mapping[str, Any] | None = None,
    names: bool = False,
    licence: str = "",
    salt: bytes = b"",
) -> Export:
    """Write the pairs (`engine.store.labelled.asked_pairs`) in a profile. `names`: real names and notes of labellers.

    Without it labellers are "labeller 1", "labeller 2" …, numbered anew in every export, by its content and `salt`: a
    secret (`engine.store.labelled.salt_of`), without which the numbers never come again. DataError: unknown profile, a
    container that it cannot take, nothing to export, a pair it has no room for.
    """
    form = PROFILES.get(profile)()
    if container not in FILES:
        raise DataError(f"No container is called {container!r}.", f"Known: {', '.join(FILES)}.")
    if container not in form.containers:
        raise DataError(
            f"Profile {profile!r} does not go into {container!r}.", f"Take {' or '.join(form.containers)} with it."
        )
    secret = _secret(pairs, subset, salt or secrets.token_bytes(32))
    settled = _shown(settle(pairs, subset), _names if names else _pseudonyms(pairs, secret), secret)
    answers = [row for pair in settled.pairs for row in answers_of(pair)]
    rows = answers if isinstance(form, Audit) else [row for pair in settled.preferred for row in form.rows(pair)]
    if not rows:
        raise DataError(
            "There is nothing to export: no pair has an answer that trains.",
            "Filter less." if settled.counts["excluded"] else "Wait for the first round.",
        )
    facts, file = about or {}, FILES[container]
    text = card(file, rows, form, settled, facts, licence=licence)
    beside = form.beside(file, str(facts.get("study", "subset")))
    edits = facts.get("edits", ()) if names else _unnamed(facts.get("edits", ()))
    return Export(form, container, file, rows, settled, answers, text, _provenance(settled), beside, edits)


def _shown(settled: Settled, who: Callable[[Vote], Vote], secret: bytes) -> Settled:
    """The same with the labellers as they may be called."""
    pairs = {p.pair_id: replace(p, votes=tuple(who(vote) for vote in p.votes)) for p in settled.pairs}
    preferred = tuple(
        replace(p, pair=pairs[p.pair.pair_id], votes=tuple(who(vote) for vote in p.votes), secret=secret)
        for p in settled.preferred
    )
    return replace(settled, pairs=tuple(pairs.values()), preferred=preferred)


def _names(vote: Vote) -> Vote:
    return replace(vote, labeller=vote.person or vote.labeller)


def _secret(pairs: Sequence[AskedPair], subset: Subset, salt: bytes) -> bytes:
    """Of the salt and all that is exported: the same export made again has the same, another one another.

    Whoever receives an export knows all that is in it; the salt is what they do not know.
    """
    whole = repr([subset, [(p.pair_id, [v.label for v in p.votes]) for p in pairs]])
    return hmac.digest(salt, whole.encode(), "sha256")


def _pseudonyms(pairs: Sequence[AskedPair], secret: bytes) -> Callable[[Vote], Vote]:
    """Labellers by number, without their notes. The numbers follow a hash of name and secret."""
    who = {vote.labeller for pair in pairs for vote in pair.votes if vote.labeller}
    order = sorted(who, key=lambda name: hmac.digest(secret, name.encode(), "sha256"))
    number = {name: f"labeller {n}" for n, name in enumerate(order, start=1)}
    return lambda vote: replace(vote, labeller=number.get(vote.labeller, ""), note="", person="")


def _unnamed(edits: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The same with a number in place of each name, in the order they first did something."""
    who = dict.fromkeys(edit["who"] for batch in edits for edit in batch["edits"])
    number = {name: f"editor {n}" for n, name in enumerate(who, start=1)}
    return [{**batch, "edits": [{**edit, "who": number[edit["who"]]} for edit in batch["edits"]]} for batch in edits]


def _provenance(settled: Settled) -> list[dict[str, Any]]:
    """A line a pair that was asked about: pair, what became of it, picks, where its label is from, answers, times."""
    became = {p.pair.pair_id: p for p in settled.preferred}
    found = []
    for pair in settled.pairs:
        preferred, first = became.get(pair.pair_id), pair.picks[0]
        found.append(
            {
                "pair_id": pair.pair_id,
                "answer": preferred.answer if preferred else None,
                "agreement": preferred.agreement if preferred else None,
                **{name: getattr(first, name) for name in ("round", "strategy", "seed", "score", "rank")},
                "label_source": sorted({vote.oracle for vote in pair.votes}),
                "picks": [
                    {name: value for name, value in vars(pick).items() if (name, value) != ("by_hand", "")}
                    for pick in pair.picks
                ],
                "votes": [
                    {name: getattr(vote, name) for name in _OF_A_VOTE if getattr(vote, name) not in (None, "", False)}
                    for vote in pair.votes
                ],
            }
        )
    return found


_OF_A_VOTE = ("answer", "oracle", "labeller", "seed", "shown_first", "seconds", "note", "at", "corrected")
