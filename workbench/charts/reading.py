"""The caption under a main chart: what a mark is, which way is better, the one trap. At most 40 words."""

import pandas as pd

from workbench.charts.metrics import Words
from workbench.wording import count

ONLY_CONTROLS = "Only controls have been measured so far, so they are what is drawn."

ONE_RUN_WORDS = (
    "This run, point by point. A campaign has one seed, so nothing here tells it from another draw; intervals over "
    "prompts stand below."
)


def how_to_read(table: pd.DataFrame, words: Words, *, traces: bool) -> str:
    """`table` as `levels` gives it; the seeds say whether there are bands."""
    fewest, seeds = int(table["seeds"].min()), int(table["seeds"].max())
    if len(set(table["round"])) == 1:
        better = f"{words.better.capitalize()} is better. " if words.better else ""
        bar = ", the bar its 95 % interval" if seeds >= 3 else f"; an interval takes {3 - seeds} more"
        dots = "A small dot is one seed, the" if traces else "The"
        return f"{better}{dots} large mark the mean of {count(seeds, 'seed')}{bar}. {words.trap}".strip()
    sentences = [f"{words.better.capitalize()} is better, further left is cheaper."] if words.better else []
    if seeds < 3:
        missing = 3 - seeds
        line = " A thin line is one seed." if traces else ""
        return " ".join(
            [*sentences, f"{count(seeds, 'seed')}: points and no band; an interval takes {missing} more.{line}"]
        )
    else:
        trace = ", a thin line one seed" if traces else ""
        freedom = f"t, {seeds - 1} degrees of freedom" if fewest == seeds else "t, from 3 seeds on"
    over = count(seeds, "seed") if fewest == seeds else f"{fewest} to {count(seeds, 'seed')}"
    trace = ", a thin line one seed" if traces else ""
    sentences.append(f"A mark is the mean over {over}{trace}, a band its 95 % interval ({freedom}).")
    return " ".join([*sentences, words.trap]).strip()
