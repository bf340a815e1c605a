"""A study in words: what it compares, what every figure is measured against, and what it was computed with."""

from collections.abc import Mapping
from typing import Any

from engine.arms import TWIN, keys_of, second, strategy_of
from engine.store.summaries import StudyDetail
from engine.strategies.base import STRATEGIES
from workbench.wording import count

BY_HAND = 3
"""Runs that were changed by hand which are named; of more their number is said."""


def compares(detail: StudyDetail) -> str:
    """ "4 strategies × 3 seeds × 6 rounds · 60 labels a round · oracle: recorded · sample model"."""
    s, config = detail.summary, detail.config
    words = [
        f"{_race(detail)} × {count(len(s.seeds), 'seed')} × {count(s.rounds, 'round')}",
        f"{share:.0%} of the {'prompts, one pair each,' if config.get('one_per_prompt') else 'pool'} a round"
        if (share := config.get("label_share"))
        else f"{count(s.labels_per_round, 'label')} a round",
    ]
    oracle = _name(config.get("oracle"))
    if oracle:
        words.append(f"oracle: {oracle}")
    model = str((config.get("model") or {}).get("path", ""))
    if model:
        words.append(f"model: {model.replace(chr(92), '/').rstrip('/').rsplit('/', 1)[-1]}, LoRA")
    return " · ".join(words)


def _race(detail: StudyDetail) -> str:
    """ "3 strategies, 1 random twin, random again, 2 controls": what the study names, and apart what it adds."""
    specs = [
        spec if isinstance(spec, Mapping) else {"name": _name(spec)} for spec in detail.config.get("strategies") or ()
    ]
    named = {key for key in keys_of(specs) if not _knows_gold(strategy_of(key))}
    added = [ref.name for ref in detail.summary.strategies if ref.name not in named]
    again = [key for key in added if second(key)]
    twins = [key for key in added if key not in again and (key == TWIN or key.startswith(f"{TWIN}:as "))]
    controls = len(added) - len(again) - len(twins)
    parts = [
        count(len(detail.summary.strategies) - len(added), "strategy", "strategies"),
        count(len(twins), "random twin") if twins else "",
        "" if not again else "random again" if len(again) == 1 else "every random again",
        count(controls, "control") if controls else "",
    ]
    said = [part for part in parts if part]
    return " and ".join(said) if len(said) < 3 else ", ".join(said)


def _knows_gold(name: str) -> bool:
    """Whether it is a control that is handed gold scores, even where a study names it among its strategies."""
    return name in STRATEGIES.names() and STRATEGIES.get(name).control == "oracle"


AXES: Mapping[str, str] = {"accuracy": "accuracy", "log_likelihood": "log-likelihood (nats a pair)"}
"""The referee's metric, as a column is called after it."""


def on_axis(metric: str) -> str:
    """The referee's metric as an axis is called after it: always with its unit."""
    return AXES[metric] + (" (share of pairs)" if metric == "accuracy" else "")


def statistic_words(statistic: str) -> str:
    """The referee's statistic, as it stands behind "the"."""
    return "last round" if statistic == "final" else "mean level over labels"


def declared_in(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The `referee` that a study was started with; empty for a study from before there was one."""
    return config.get("referee") or {}


def reference_words(detail: StudyDetail) -> str:
    """What every margin and KL is measured against."""
    return f"reference: {computed_with(detail).get('reference') or 'the SFT model, adapter off'}"


def by_hand(detail: StudyDetail) -> str:
    """Which runs are marked because a person changed a batch of theirs; "" where none is."""
    edited = [run for run in detail.runs if run.edited]
    if not edited:
        return ""
    first = "; ".join(f"{run.strategy.title}, seed {run.seed}" for run in edited[:BY_HAND])
    more = f"; and {len(edited) - BY_HAND:,} more" if len(edited) > BY_HAND else ""
    return f"✎ changed by hand, so in no verdict: {count(len(edited), 'run')} ({first}{more})"


def computed_with(detail: StudyDetail) -> Mapping[str, Any]:
    """Device, versions and hashes of the first run that has begun; empty before."""
    runs = detail.provenance.get("runs") or ()
    return next((run for run in runs if isinstance(run, Mapping) and run), {})


def _name(plugin: Any) -> str:
    return str(plugin.get("name", "")) if isinstance(plugin, Mapping) else str(plugin or "")
