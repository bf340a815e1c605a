"""`engine.export`: a labelled subset of a study into a folder, with the same bytes as the app and the command line."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from engine.api.markup import block, escaped
from engine.data.answers import Subset
from engine.data.profiles.base import Container

if TYPE_CHECKING:
    from engine.api.study import Study

TICKS = {
    "tone": "ok, or warn: it holds, but know it",
    "what": "what was checked on the files themselves",
    "finding": "what was found",
}


class Choices(TypedDict, total=False):
    """What `export` takes by name, for a study's own method of that name."""

    strategy: str | None
    seed: int | None
    upto_round: int | None
    from_round: int | None
    selection: str
    score_at_least: float | None
    score_at_most: float | None
    labeller: str
    agreement_at_least: float | None
    profile: str
    container: Container
    names: bool
    licence: str


@dataclass(frozen=True)
class Exported:
    """What was written: the folder, its files, how many pairs went where, and the ticks of the contract.

    `counts`: asked = exported + ties + both bad + unresolved + excluded, in pairs.
    """

    out: Path
    files: tuple[str, ...]
    counts: Mapping[str, int]
    ticks: Any

    def _repr_html_(self) -> str:
        said = ", ".join(f"{n:,} {what}" for what, n in self.counts.items() if n)
        files = ", ".join(self.files)
        return block(f"<p><b>{escaped(self.out)}</b>: {escaped(said)}<br><small>{escaped(files)}</small></p>") + str(
            self.ticks._repr_html_()
        )


def export(
    study: "Study",
    out: Path | str,
    *,
    strategy: str | None = None,
    seed: int | None = None,
    upto_round: int | None = None,
    from_round: int | None = None,
    selection: str = "",
    score_at_least: float | None = None,
    score_at_most: float | None = None,
    labeller: str = "",
    agreement_at_least: float | None = None,
    profile: str = "trl",
    container: Container = "jsonl",
    names: bool = False,
    licence: str = "",
) -> Exported:
    """Write the labelled subset of a study into a new folder, once every tick of its contract holds.

    `strategy` is the key of an arm, `labeller` a labeller or oracle, `agreement_at_least` a share in [0, 1]. `profile`:
    trl, trl_implicit, plain, kto, llamafactory, axolotl, openai, argilla, label_studio or audit. `container`: jsonl,
    parquet, datasets or csv. DataError: the folder is not empty, no such strategy or form, or a tick does not hold.
    """
    from engine.api.table import table
    from engine.data.export.checked import checked, refuse_full, refuse_strategy, written
    from engine.verdict_words import verdict_words

    folder, detail = Path(out).expanduser(), study.detail
    refuse_full(folder)
    refuse_strategy(detail, strategy)
    subset = Subset(
        study_id=detail.summary.id, strategy=strategy, seed=seed, upto_round=upto_round, from_round=from_round,
        selection=selection, score_at_least=score_at_least, score_at_most=score_at_most, labeller=labeller,
        agreement_at_least=agreement_at_least,
    )  # fmt: skip
    form = {"profile": profile, "container": container, "names": names, "licence": licence}
    ready = checked(study.store, subset, form, verdict_words(study.store, detail))
    ready.refuse_failed()
    written(ready.files, folder)
    ticks = table({name: [getattr(tick, name) for tick in ready.ticks] for name in TICKS}, TICKS)
    return Exported(folder, tuple(sorted(ready.files)), dict(ready.made.counts), ticks)
