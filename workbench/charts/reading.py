"""The caption under a main chart: what a mark is, which way is better, the one trap. At most 40 words."""

import pandas as pd

from workbench.charts.metrics import Words
from workbench.wording import count


def how_to_read(table: pd.DataFrame, words: Words, *, traces: bool) -> str:
    """`table` as `levels` gives it; the seeds say whether there are bands."""
    fewest, seeds = int(table["seeds"].min()), int(table["seeds"].max())
    sentences = [f"{words.better.capitalize()} is better, further left is cheaper."] if words.better else []
    if seeds < 3:
        missing = 3 - seeds
        sentences.append(f"{count(seeds, 'seed')}: points and no band. An interval takes {missing} more.")
    else:
        trace = ", a thin line one seed" if traces else ""
        freedom = f"t, {seeds - 1} degrees of freedom" if fewest == seeds else "t, from 3 seeds on"
        over = count(seeds, "seed") if fewest == seeds else f"{fewest} to {count(seeds, 'seed')}"
        sentences.append(f"A mark is the mean over {over}{trace}, a band its 95 % interval ({freedom}).")
    return " ".join([*sentences, words.trap]).strip()
