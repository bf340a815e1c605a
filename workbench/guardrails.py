"""Guardrails: whether a higher win rate comes with what would make it an illusion, each strategy against its twin."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from engine.analysis.intervals import Interval, t_interval
from workbench.wording import number, signed

WIN, EVEN_LENGTH, LENGTH, KL, PERPLEXITY = "win_rate", "win_rate_length_controlled", "length", "kl", "perplexity"
FIGURES = (WIN, EVEN_LENGTH, LENGTH, KL, PERPLEXITY)
OF_SFT = "_sft"
"""A figure NAME whose NAME_sft is measured too, as a guardrail of `engine.guardrails` does, is shown beside these."""
NO_GUARDRAILS = ("gold_reward",)
"""It has such a twin, but is the evaluator's own score and no guardrail."""
RISE = 0.02
"""A win rate that lies less than this above an even race, or above the twin's, is no rise."""
KEPT = 0.5
"""Of a rise so much must be left at equal length."""
DRIFT_KL = 1.5
"""A KL to the reference that many times the twin's is a drift."""
DRIFT_PERPLEXITY = 0.05
"""A perplexity this share above the SFT model's, and above the twin's by as much, is a drift."""


@dataclass(frozen=True)
class Guard:
    """A strategy's guardrails in the last round that it and its twin both have; without a twin in its own last.

    `values` are means over the seeds that both have in that round; `sft` the same figures of the SFT model, where they
    were measured; `against` the paired difference to the twin (95 % t-interval, from three seeds on). `warned` names
    the figures that say an illusion is possible, `sentences` say why; {name} and {twin} stand for titles.
    """

    strategy: str
    twin: str
    round: int
    seeds: int
    values: Mapping[str, float]
    sft: Mapping[str, float]
    against: Mapping[str, Interval]
    warned: frozenset[str] = frozenset()
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True)
class Guardrails:
    """A guard a strategy, the figures that the study has, and what holds for all of them."""

    figures: tuple[str, ...] = ()
    guards: tuple[Guard, ...] = ()
    sentences: tuple[str, ...] = field(default=())


Curve = Callable[[str], pd.DataFrame]
"""Metric name → its frame as `queries.curve` gives it."""
Figures = Mapping[str, Mapping[str, pd.Series]]
"""Metric name → strategy → its values by (seed, round)."""


def figures_of(metrics: Iterable[str]) -> tuple[str, ...]:
    """The guardrails that a study has, of its metrics: those that are known first, then those of plugins by name."""
    there = set(metrics)
    more = sorted(name for name in there if f"{name}{OF_SFT}" in there and name not in (*FIGURES, *NO_GUARDRAILS))
    return tuple(name for name in (*FIGURES, *more) if name in there)


def guardrails(
    metrics: Sequence[str],
    curve: Curve,
    twins: Mapping[str, str],
    config: Mapping[str, Any],
    keys: Sequence[str],
    edited: Collection[str] = (),
) -> Guardrails:
    """The guards of the strategies `keys`, in their order; those without a figure are left out.

    `edited` are ids of runs whose batches a person has changed: they count here as little as in verdicts.
    """
    figures = figures_of(metrics)

    def counted(name: str) -> pd.DataFrame:
        frame = curve(name)
        return frame if frame.empty or not edited else frame[~frame["run_id"].isin(edited)]

    ours = {name: _by_round(counted(name)) for name in figures}
    sft = {name: _by_round(counted(of)) for name in figures if (of := _of_sft(name)) in metrics}
    found = [_guard(key, twins.get(key, ""), ours, sft) for key in keys]
    return Guardrails(figures, tuple(guard for guard in found if guard.values), tuple(one_taste(config)))


def _of_sft(name: str) -> str:
    return "perplexity_reference" if name == PERPLEXITY else f"{name}{OF_SFT}"


def _by_round(frame: pd.DataFrame) -> dict[str, pd.Series]:
    """Strategy → its values by (seed, round), those of them that have any."""
    if frame.empty:
        return {}
    rows = frame.dropna(subset="value").astype({"value": float}).set_index(["seed", "round"])
    return {str(key): part for key, part in rows.groupby("strategy")["value"]}


def _last(series: pd.Series) -> pd.Series:
    """The seeds of its last round."""
    rounds = series.index.get_level_values("round")
    return series[rounds == rounds.max()]


def _guard(key: str, twin: str, ours: Figures, sft: Figures) -> Guard:
    values, base, against, rounds, seeds = {}, {}, {}, [0], [0]
    for name, figure in ours.items():
        if key not in figure:
            continue
        mine, other = figure[key], figure.get(twin, figure[key][:0])
        # Seeds and rounds that only one of them has, in a running study or after a failure, would be compared with
        # other ones: a later round lies farther from the reference by itself.
        both = mine[mine.index.isin(other.index)]
        last = _last(both if len(both) else mine)
        values[name] = float(last.mean())
        if len(both):
            against[name] = t_interval((last - other.reindex(last.index)).to_numpy())
        if key in sft.get(name, ()) and len(same := sft[name][key].reindex(last.index).dropna()):
            base[name] = float(same.mean())
        rounds.append(int(last.index.get_level_values("round").max()))
        seeds.append(len(last))
    warned, sentences = _warnings(values, base, against)
    return Guard(key, twin, max(rounds), max(seeds), values, base, against, frozenset(warned), tuple(sentences))


def _warnings(
    values: Mapping[str, float], sft: Mapping[str, float], against: Mapping[str, Interval]
) -> tuple[list[str], list[str]]:
    warned: list[str] = []
    said: list[str] = []
    rises = _rises(values, against, WIN)
    for rise, left, over in zip(rises, _rises(values, against, EVEN_LENGTH), ("the SFT model", "{twin}"), strict=True):
        if rise is not None and left is not None and rise >= RISE and left < KEPT * rise:
            warned.append(EVEN_LENGTH)
            rest = f"only {signed(left)} of it is left" if left > 0 else f"nothing of it is left ({signed(left)})"
            said.append(f"{{name}} wins {signed(rise)} over {over}, but at equal length {rest}: a win-rate illusion.")
            break
    gain = any(rise is not None and rise >= RISE for rise in rises)
    wins = ", and its win rate rises with it" if gain else ""
    if KL in against and (base := values[KL] - against[KL].mean) > 0 and values[KL] > DRIFT_KL * base:
        warned.append(KL)
        said.append(f"{{name}} lies {values[KL] / base:.1f} times as far from the reference (KL) as {{twin}}{wins}.")
    drift = values[PERPLEXITY] / sft[PERPLEXITY] - 1 if sft.get(PERPLEXITY) else 0.0
    if drift > DRIFT_PERPLEXITY and _above_twin(values, against) > DRIFT_PERPLEXITY:
        warned.append(PERPLEXITY)
        percent = number(100 * drift, 0)
        said.append(f"{{name}} has lost general language: its perplexity lies {percent} % above the SFT model's{wins}.")
    return warned, said


def _rises(
    values: Mapping[str, float], against: Mapping[str, Interval], name: str
) -> tuple[float | None, float | None]:
    """By how much a win rate lies above an even race with the SFT model, and above the twin's."""
    even = values[name] - 0.5 if name in values else None
    return even, (against[name].mean if name in against else None)


def _above_twin(values: Mapping[str, float], against: Mapping[str, Interval]) -> float:
    """Share by which the perplexity lies above the twin's; without a twin as if it had none."""
    if PERPLEXITY not in against:
        return float("inf")
    base = values[PERPLEXITY] - against[PERPLEXITY].mean
    return values[PERPLEXITY] / base - 1 if base > 0 else float("inf")


def one_taste(config: Mapping[str, Any]) -> list[str]:
    """A sentence where labeller and evaluator are one: what is trained on is then what is measured with.

    An oracle within another counts: whose answers are made noisy, and the models that answer before people do.
    """
    oracle, evaluator = config.get("oracle"), config.get("evaluator")
    if evaluator is None:
        return [
            f"This study names no evaluator, so the labeller ({_name(oracle)}) scores the generations where it can: a "
            "win rate then says how well its own taste was met, not how good the texts are."
        ]
    name, behind = _name(evaluator), _behind(oracle)
    alike = [one for one in behind if _name(one) == name]
    if not alike:
        return []
    same = "the same" if evaluator in alike else "of one kind"
    inside = "" if _name(oracle) == name else f" behind {_name(oracle)}"
    return [
        f"Evaluator and labeller are {same} ({name}{inside}): a win rate can rise by learning that judge's faults. "
        "Another evaluator would show it."
    ]


def _behind(oracle: Any) -> list[Any]:
    """The oracle, and those within it."""
    if not isinstance(oracle, Mapping):
        return [oracle]
    within = [*([oracle["of"]] if oracle.get("of") else []), *(oracle.get("models") or ())]
    return [oracle, *(found for one in within for found in _behind(one))]


def _name(plugin: Any) -> str:
    return str(plugin.get("name", "")) if isinstance(plugin, Mapping) else str(plugin or "recorded")
