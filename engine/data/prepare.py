"""From a study's config to a queued study: the one way, for the command line, the app and notebooks.

Everything that can be wrong is looked at before anything is written.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.config import StudyConfig
from engine.cost import Cost, Sizes, estimate
from engine.data.places import refuse_elsewhere, refuse_text_outside
from engine.data.pool import PreferenceData
from engine.data.proof.near import near_prompts
from engine.data.read import Reading, read
from engine.data.split import refuse_overlap, split_by_prompt
from engine.disk import Disk, kept, shapes_of
from engine.errors import ConfigError, DataError, ModelError
from engine.oracles.base import Texts
from engine.settings import DataSettings
from engine.store.bank import LENT, loan
from engine.store.cache import DEFAULT_CAP_BYTES
from engine.store.database import Store
from engine.store.files import Room, room_in
from engine.store.plugins import look_for
from engine.store.texts import add_dataset, id_of
from engine.store.writer import queue_study


@dataclass(frozen=True)
class Plan:
    """What a study will take: what it keeps on `disk` and the `room` there, and its `cost`.

    `deciding` is the size of the held-out set that its verdicts are on, whole; `texts` are how long those of the pool
    and of the first held-out set are.
    """

    disk: Disk
    room: Room
    cost: Cost
    deciding: Sizes
    texts: tuple[Texts, Texts]


Told = Callable[[Plan], None]


def untold(plan: Plan) -> None:
    """Nobody listens."""


def prepare_study(store: Store, config: StudyConfig, tell: Told = untold, labels_of: str | None = None) -> str:
    """Read and check all of a study, save its data and queue its runs; the study's id.

    Before anything is written `tell` hears what the study will take; it may raise. With `labels_of` the
    study begins with the labels that one has bought; StoreError if they cannot be its own.
    """
    look_for(store, config.strategies)
    a_fixed_pool_stays(config)
    look_at_model(config)
    look_at_text(config)
    settings = config.data
    for path in (settings.pool, *settings.held_out.values()):
        refuse_elsewhere(store.folder, path, settings.format)
    pool_reading = read(settings.pool, settings.format, skip_refused=settings.skip_refused)
    readings: dict[str, tuple[Reading, PreferenceData, str]] = {}
    if settings.held_out:
        readings["pool"] = (pool_reading, pool_reading.data, "")
        for name, path in settings.held_out.items():
            found = read(path, settings.format, skip_refused=settings.skip_refused)
            refuse_overlap(pool_reading.data, found.data, name)
            readings[f"held_out:{name}"] = (found, found.data, "")
    else:
        pool, held_out = split_as_told(pool_reading.data, settings)
        share, how = settings.held_out_share, split_words(config)
        readings["pool"] = (pool_reading, pool, f"pool, all but a share of {share!r} of the prompts{how}")
        readings["held_out:held_out"] = (pool_reading, held_out, f"held out, a share of {share!r} of the prompts{how}")
    a_stream_has_parts(config, readings["pool"][1])
    enough_pairs(config, readings["pool"][1])
    enough_prompts(config, readings["pool"][1])
    for role, (_, data, _) in readings.items():
        if role != "pool" and role.removeprefix("held_out:") != asked_first(config):
            some_answers(role.removeprefix("held_out:"), data)
    sizes = {role: Sizes.of(data) for role, (_, data, _) in readings.items()}
    pool_size, *others = sizes.values()
    disk = kept(config, pool_size, others, shapes_of(config.model), DEFAULT_CAP_BYTES)
    deciding = sizes[f"held_out:{config.referee.decides_on(settings.held_out)}"]
    lengths = texts_of([data for _, data, _ in readings.values()])
    tell(Plan(disk, room_in(store.folder), estimate(config, pool_size, others), deciding, lengths))
    source, _, part = readings["pool"]
    pool_id = id_of(source.report.sha256, source.report.format, part)
    lent = {LENT: loan(store, labels_of, config, pool_id)} if labels_of is not None else {}
    ids = {}
    for role, (reading, data, part) in readings.items():
        report = reading.report
        ids[role] = add_dataset(
            store,
            name=report.name,
            path=report.path,
            format_name=report.format,
            sha256=report.sha256,
            data=data,
            rows=report.rows,
            refused=report.reasons(),
            dropped=dict(report.dropped),
            part=part,
        )
    files = {
        role: {
            "path": reading.report.path,
            "sha256": reading.report.sha256,
            "format": reading.report.format,
            "rows": reading.report.rows,
            "refused": reading.report.reasons(),
        }
        for role, (reading, _, _) in readings.items()
    }
    return queue_study(store, config, ids, {"data": files, **lent})


def texts_of(parts: Sequence[PreferenceData]) -> tuple[Texts, Texts]:
    """How long the texts of the pool and of the first held-out set are, from the data of the pool and all sets."""
    pool, held_out = parts[0], parts[1] if len(parts) > 1 else PreferenceData()
    return Texts.mean_of(pool, "the mean texts of the pool"), Texts.mean_of(held_out, "the mean held-out texts")


def split_as_told(data: PreferenceData, settings: DataSettings) -> tuple[PreferenceData, PreferenceData]:
    """Pool and held-out as a study's data settings say."""
    near = near_prompts(data.prompts) if settings.near_duplicates_together else None
    return split_by_prompt(
        data, settings.held_out_share, seed=settings.held_out_seed, strata=settings.held_out_strata, near=near
    )


def split_words(config: StudyConfig) -> str:
    """What a split was told beside its share; "" of the default, so that parts split before keep their ids."""
    settings = config.data
    said = [f"seed {settings.held_out_seed}"] if settings.held_out_seed else []
    said += [f"by {settings.held_out_strata}"] if settings.held_out_strata else []
    said += ["near-duplicates together"] if settings.near_duplicates_together else []
    return "".join(f", {word}" for word in said)


def a_fixed_pool_stays(config: StudyConfig) -> None:
    """ConfigError if an arm is to find the same pairs in every round, and its sampler draws other ones each time."""
    for run in config.runs(config.seeds[:1]):
        arm = run.study
        if arm.regime.pool == "fixed" and arm.rounds > 1 and not arm.sampler.stays():
            whose = f" of {run.key}" if run.own else ""
            raise ConfigError(
                "regime.pool",
                [f"the pool{whose} is 'fixed', but sampler {arm.sampler.name!r} draws fresh responses in every round"],
                "Take pool: regenerated; or sampler policy with model: reference and once: true, drawn a single time.",
            )


def a_stream_has_parts(config: StudyConfig, pool: PreferenceData) -> None:
    """DataError if a streamed pool of any arm is not cut into parts, or has fewer of them than there are rounds."""
    for run in config.runs(config.seeds[:1]):
        arm, there = run.study, len(pool.prompts)
        if arm.regime.pool != "streamed" or arm.rounds == 1:
            continue
        whose = f"The streamed pool of {run.key}" if run.own else "The streamed pool"
        size, most = arm.prompts_per_round, there // arm.rounds
        do = f"Set prompts_per_round to {most:,} or less." if most else "Lower rounds, or add prompts."
        if size is None:
            raise DataError(
                f"{whose} has no parts: prompts_per_round is not set, so every round would read all {there:,} prompts.",
                do,
            )
        if size * arm.rounds > there:
            raise DataError(
                f"{whose} ends too soon: {arm.rounds} rounds of {size:,} prompts take {size * arm.rounds:,}, and it "
                f"has {there:,}.",
                do,
            )


def enough_pairs(config: StudyConfig, pool: PreferenceData) -> None:
    """DataError if the pool cannot fill the budget of one run, of any arm that does not draw or take a share."""
    usable: dict[str, int] = {}
    for run in config.runs(config.seeds[:1]):
        arm, sampler = run.study, json.dumps(run.study.sampler.spec(), sort_keys=True)
        if arm.sampler.generates or arm.label_share is not None or run.strategy.whole_pool:
            continue
        if sampler not in usable:
            pairs = arm.sampler.candidates(pool, list(pool.prompts), None).pairs
            allowed = arm.oracle.can_answer(pool)
            usable[sampler] = len(pairs) if allowed is None else sum(pair.id in allowed for pair in pairs)
        aside = arm.oracle.aside(arm.budget)
        if usable[sampler] < arm.budget + aside:
            raise DataError(
                f"The pool holds {usable[sampler]:,} pairs that oracle {arm.oracle.name!r} can answer; a run"
                + (f" of {run.key}" if run.own else "")
                + f" is to buy {arm.budget:,} labels ({arm.rounds} rounds of {arm.labels_per_round})"
                + (f", and {aside:,} for its audit slice." if aside else "."),
                "Lower rounds or labels_per_round, or add pairs."
                if not run.own
                else "Lower rounds, add pairs, or take `race: controlled`: one batch for all.",
            )


def enough_prompts(config: StudyConfig, pool: PreferenceData) -> None:
    """DataError if no round can fill a batch of one pair a prompt, of any arm that does not draw or take a share."""
    for run in config.runs(config.seeds[:1]):
        arm = run.study
        draws = arm.sampler.generates or arm.label_share is not None or run.strategy.whole_pool
        if draws or not arm.one_per_prompt:
            continue
        pairs, allowed = arm.sampler.candidates(pool, list(pool.prompts), None).pairs, arm.oracle.can_answer(pool)
        usable = len({pair.prompt_id for pair in pairs if allowed is None or pair.id in allowed})
        there = min(usable, arm.prompts_per_round or usable)
        if there < arm.labels_per_round:
            whose = f" of {run.key}" if run.own else ""
            raise DataError(
                f"A round{whose} finds {there:,} prompts with a pair that oracle {arm.oracle.name!r} can answer; "
                f"{arm.labels_per_round:,} labels are to be bought in it, one a prompt.",
                f"Lower labels_per_round to {there:,} or less, add prompts, or leave one_per_prompt out.",
            )


def asked_first(config: StudyConfig) -> str | None:
    """The held-out set that people answer a sample of before round 0; None where nobody does."""
    asks = config.oracle.people and getattr(config.oracle, "held_out_pairs", 0) > 0
    return config.referee.decides_on(config.data.held_out) if asks else None


def some_answers(name: str, held_out: PreferenceData) -> None:
    """DataError if no pair of a held-out set has a recorded side: there would be nothing to measure."""
    if not any(comparison.answer in ("a", "b") for comparison in held_out.comparisons):
        raise DataError(
            f"Held-out set {name!r} holds {len(held_out.pairs):,} pairs, none with a recorded answer for a side.",
            "Name a held-out file with answers; accuracy, NLL and margin are measured on them.",
        )


def look_at_text(config: StudyConfig) -> None:
    """ConfigError if the text for perplexity is not there: it is read only in the last round.

    DataError if it is none that this server reads.
    """
    path = config.evaluation.text_file
    if path is None:
        return
    refuse_text_outside(path)
    if not Path(path).is_file():
        raise ConfigError("evaluation.text_file", [f"there is no file {path}"], "Check the path.")


def look_at_model(config: StudyConfig) -> None:
    """ModelError if the model is a folder that cannot be one; a hub id is left to the worker."""
    folder = Path(config.model.path)
    if not folder.is_dir():
        if folder.is_absolute() or folder.exists():
            raise ModelError(f"There is no model folder {folder}.", "Check model.path.")
        return
    needed = {
        "config.json": ["config.json"],
        "weights (*.safetensors)": ["*.safetensors"],
        "a tokenizer": ["tokenizer*"],
    }
    missing = [what for what, globs in needed.items() if not any(any(folder.glob(g)) for g in globs)]
    if missing:
        raise ModelError(
            f"{folder} is not a model folder: {', '.join(missing)} not found.",
            "It needs a config, safetensors weights and a tokenizer, as `save_pretrained` writes them.",
        )
