"""What a reader looks at, as plain values: enough to draw it again elsewhere."""

from dataclasses import dataclass, field
from typing import Any, Literal

from engine.store.summaries import SCORE
from workbench.charts.across import Across
from workbench.charts.scene import What


@dataclass(frozen=True)
class OnMap:
    """What the page Map shows. `strategies` are the keys of those whose picks are marked.

    `colour` is state, strategy, round or the key of a quantity; `of_round`: the map is of the run's round, and not of
    the whole study; `selection` the id of a saved one; `within` a range of dissimilarity. What was drawn on the map and
    not kept is not in it.
    """

    what: What = "pairs"
    method: Literal["pca", "umap"] = "pca"
    colour: str = "state"
    strategies: tuple[str, ...] = ()
    vectors: str = "sentences"
    of_round: bool = False
    selection: str = ""
    within: tuple[float, float] | None = None


@dataclass(frozen=True)
class InData:
    """What the page Data shows: a page (from 0) of the prompts in which a text was found, and one prompt, "" for the
    first.
    """

    dataset_id: str
    text: str = ""
    page: int = 0
    prompt: str = ""


@dataclass(frozen=True)
class View:
    """What a reader looks at. `figure` is the name of a metric; `quantity` the title of what Explore shows.

    `across` is the axis of Curves; `every_seed` whether each seed is drawn; `shares` whether Explore shows shares,
    `by_round` whether every round of the run, `beside` the runs that stand beside it; `source` whose answers Label
    quality weighs. `study_id` is "" on Data where no study is here yet.
    """

    page: str
    store: str
    study_id: str
    strategy: str = ""
    run_id: str = ""
    seed: int | None = None
    round: int | None = None
    pair: str = ""
    figure: str = ""
    across: Across = field(default_factory=Across)
    every_seed: bool = False
    quantity: str = SCORE
    shares: bool = False
    log: bool = False
    by_round: bool = False
    beside: tuple[str, ...] = ()
    source: Literal["bought", "file"] = "bought"
    on_map: OnMap | None = None
    in_data: InData | None = None

    @property
    def file(self) -> str:
        """A name for it: "s1a2b3c4d5-curves.ipynb"."""
        named = self.study_id or (self.in_data.dataset_id if self.in_data else "")
        parts = [named, self.page or "study", *([f"round{self.round}"] if self.round else [])]
        return f"{'-'.join(filter(None, parts))}.ipynb"


@dataclass(frozen=True)
class ToExport:
    """What the page Export would write: the fields of `engine.export` that are not its defaults, and where to."""

    study_id: str
    out: str
    choices: dict[str, Any]
    file: str = ""
    """The file below `out` whose first row the page shows, "" where it is no text."""
