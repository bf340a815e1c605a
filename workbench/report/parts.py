"""The sections of a report as markup. Every text that is not ours goes through `markup.escaped`."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from engine.evidence import Arms, config_hash, no_verdict
from workbench.charts.curves import value_axis
from workbench.charts.differences import FOREST_WORDS, forest_figure, paired_figure, words_for
from workbench.charts.embedded import embedded
from workbench.charts.levels import levels
from workbench.charts.luck import WORDS as LUCK_WORDS
from workbench.charts.luck import parted
from workbench.charts.metrics import covers, set_title, words_of
from workbench.charts.reading import ONLY_CONTROLS, how_to_read
from workbench.charts.strips import figure_of
from workbench.components.advice_table import advice_markup
from workbench.components.asked_panel import asked_markup
from workbench.components.differences_table import differences_markup
from workbench.components.guardrail_table import guardrail_markup
from workbench.components.levels_table import levels_markup
from workbench.components.markup import dot, escaped, heading, table
from workbench.components.pair_card import pair_card
from workbench.components.stage_table import stage_markup
from workbench.components.verdict_table import verdict_markup
from workbench.report.gather import Report
from workbench.study_words import by_hand, compares, declared_in, on_axis, reference_words, statistic_words
from workbench.wording import NOTHING, count

HASHES = 16
"""Signs of the config's hash in the head; the whole one stands beside the config."""
SHOWN = 4
"""Values in which runs differ that are all listed; of more, the first and the last."""


def head(report: Report) -> str:
    """Name, what is compared, and how far the study is."""
    s = report.detail.summary
    done = sum(run.state == "done" for run in report.detail.runs)
    lines = [compares(report.detail), reference_words(report.detail),
             f"{done} of {count(len(report.detail.runs), 'run')} finished · {s.labels_unique:,} labels paid for · "
             f"begun {s.created:%Y-%m-%d %H:%M} UTC · config {config_hash(report.detail)[:HASHES]}",
             *filter(None, [by_hand(report.detail)])]  # fmt: skip
    stamp = "<br>".join(escaped(line) for line in lines)
    return f'<h1 dir="auto">{escaped(s.name)}</h1><p class="lead">{stamp}</p>'


def verdicts(report: Report) -> str:
    """The table and its sentences, and the forest plot."""
    evidence = report.evidence
    if not evidence.found:
        return heading("Verdicts") + f"<p>{escaped(no_verdict(evidence))} {escaped(evidence.why_none)}</p>"
    declared, where = evidence.declared, set_title(evidence.where)
    twins, claim = evidence.arms.twins, evidence.standing
    text = verdict_markup(evidence.found, report.refs, declared_in(report.config), where, twins, claim)
    figure = forest_figure(evidence.found, report.refs, declared.smallest, "light", on_axis(declared.metric))
    statistic = statistic_words(declared.statistic)
    drawn = embedded(figure, "forest", escaped(f"difference to random in the {statistic}, {where}"))
    return text + drawn + reading(FOREST_WORDS)


def asked(report: Report) -> str:
    """What the models that label or evaluate are like; nothing where none was asked."""
    if not report.asked:
        return ""
    return heading("Asked models", "those that label, and the evaluator") + asked_markup(report.asked)


def curves(report: Report) -> str:
    """The figure that decides on every held-out set, one y axis for all."""
    if not report.curves:
        return heading("Curves") + "<p>No round is done yet.</p>"
    words, arms = words_of(report.figure), report.evidence.arms
    again = arms.again
    unit = next((ref.unit for ref in report.metrics if ref.name == report.figure), "") or "no unit"
    frames = {split: _drawn(arms, frame) for split, frame in report.curves.items()}
    axis, parts = value_axis(*frames.values(), seeds=False, again=again), []
    for n, (split, frame) in enumerate(frames.items()):
        figure = figure_of(frame, y_title=f"{words.title} ({unit})", mode="light", axis=axis, seeds=False, again=again)
        alt = escaped(f"{words.title} against labels bought, {set_title(split)}")
        drawn = embedded(figure, f"curve-{n}", alt)
        numbers = levels_markup(levels(report.curves[split]), unit)
        parts.append(f"<section>{heading(words.heading, covers(words, split, frame))}{drawn}{numbers}</section>")
    shown = pd.concat([levels(parted(frame, again)[0]) for frame in frames.values()])
    luck = f" {LUCK_WORDS}" if any(len(parted(frame, again)[1]) for frame in frames.values()) else ""
    alone = f" {ONLY_CONTROLS}" if set(shown["strategy"]) <= arms.controls else ""
    return "".join(parts) + reading(how_to_read(shown, words, traces=False) + luck + alone)


def _drawn(arms: Arms, frame: pd.DataFrame) -> pd.DataFrame:
    """The rows for a figure: controls are in the tables, a curve of theirs would be read as a strategy's.

    They are drawn where there is nothing else.
    """
    others = arms.without_controls(frame)
    return frame if others.empty else others


def paired(report: Report) -> str:
    """Paired differences, small multiples, and their numbers."""
    evidence, arms = report.evidence, report.evidence.arms
    rows = _drawn(arms, evidence.paired)
    if rows.empty:
        return ""
    figure = paired_figure(
        rows, evidence.luck, evidence.ends, report.refs, arms.twins, arms.again, evidence.declared.smallest, "light",
        of=on_axis(evidence.declared.metric),
    )  # fmt: skip
    drawn = embedded(figure, "paired", escaped(f"difference to random against labels, {set_title(evidence.where)}"))
    aside = f"on {set_title(evidence.where)}, the same seed of both"
    numbers = differences_markup(evidence, report.refs)
    return heading("Paired differences to random", aside) + drawn + reading(words_for(evidence.luck)) + numbers


def guards(report: Report) -> str:
    """The guardrails' table and sentences."""
    return guardrail_markup(report.guardrails, report.refs)


def advice(report: Report) -> str:
    """What the next batch is likely to bring, and the stopping rules."""
    found = report.advised
    return advice_markup(found, report.refs, set_title(report.evidence.where)) if found else ""


def picked(report: Report) -> str:
    """A page a strategy: the first pairs of its last round, with both responses."""
    pages = []
    for key, (run, pairs) in report.picks.items():
        ref = report.refs[key]
        title = f"{ref.title}: what it picked"
        aside = f"the first {len(pairs)} of round {pairs[0].round}, seed {run.seed}" if pairs else "nothing yet"
        cards = "".join(f'<article class="pair">{pair_card(pair, len(pairs))}</article>' for pair in pairs)
        pages.append(f'<section class="page">{dot(ref.slot)}{heading(title, aside)}{cards}</section>')
    return "".join(pages)


def stages(report: Report) -> str:
    """What each stage took, over all runs."""
    return heading("What the stages took", "all runs") + stage_markup(report.took) if report.took else ""


def config(report: Report) -> str:
    """The study file, and the hash of what was declared."""
    aside = f"as declared before the start, SHA-256 {config_hash(report.detail)}"
    return heading("Config", aside) + f'<pre class="file">{escaped(_yaml(report.config))}</pre>'


def _yaml(config: Mapping[str, Any]) -> str:
    import yaml

    return str(yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True, width=96))


def provenance(report: Report) -> str:
    """What every run was computed with: versions, hashes, devices, seeds; and what the runs remark."""
    runs = [run for run in report.detail.provenance.get("runs") or () if isinstance(run, Mapping) and run]
    names = sorted({name for run in runs for name in run} - {"data", "before", "memory_plan", "strategy", "seed"})
    rows = [[escaped(name.replace("_", " ")), _values(run.get(name) for run in runs)] for name in names]
    data = (runs[0].get("data") or {}) if runs else {}
    files = [
        [_whole(role), escaped(about.get("path", "")), _whole(about.get("format", "")),
         f"<code>{escaped(about.get('sha256', ''))}</code>", _whole(about.get("pairs", NOTHING)),
         _whole(about.get("rows_refused", NOTHING))]
        for role, about in data.items() if isinstance(about, Mapping)
    ]  # fmt: skip
    seeds = ", ".join(str(seed) for seed in report.detail.summary.seeds)
    head = [(title, False) for title in ("data", "file", "format", "SHA-256", "pairs", "rows refused")]
    remarks = "".join(
        f"<li>{escaped(run_id)}, round {number}: {escaped(text)}</li>"
        for run_id, notes in report.notes.items() for number, text in notes
    )  # fmt: skip
    return (
        heading("Provenance", f"{count(len(runs), 'run')} that began, seeds {seeds}")
        + (table([("what", False), ("of the runs", False)], rows) if rows else "<p>No run has begun.</p>")
        + (table(head, files) if files else "")
        + (f"<details><summary>what the rounds remark</summary><ul>{remarks}</ul></details>" if remarks else "")
    )


def _whole(text: object) -> str:
    return f'<span class="whole">{escaped(text)}</span>'


def _values(values: Iterable[Any]) -> str:
    """What all runs have in common; else every value that occurs, with its number of runs, or first and last."""
    found: dict[str, int] = {}
    for value in values:
        text = _said(value)
        found[text] = found.get(text, 0) + 1
    if len(found) == 1:
        return escaped(next(iter(found)))
    if len(found) > SHOWN:
        return escaped(f"{len(found)} values, {min(found)} to {max(found)}")
    return "<br>".join(f"{escaped(text)} <small>{count(n, 'run')}</small>" for text, n in found.items())


def _said(value: Any) -> str:
    """A value of the record in words: mappings as "name value", lists with semicolons."""
    if isinstance(value, Mapping):
        return " · ".join(f"{key} {_said(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(_said(item) for item in value)
    return NOTHING if value is None else str(value)


def reading(text: str) -> str:
    """The caption under a figure."""
    return f"<p><small><b>How to read this.</b> {escaped(text)}</small></p>"
