"""What a first round without a warm-up batch means for strategies that rank by margins, in words, before it starts."""

from engine.arms import title_of
from engine.config import StudyConfig
from workbench.wording import listed

HOW = "With a warm-up batch round 1 is one random batch, the same for every strategy of a seed."


def ties_at_first(config: StudyConfig) -> str:
    """One sentence that names the arms whose first batch would be a mere draw; "" where there are none."""
    arms = {entrant.key: entrant for entrant in config.entrants()}
    tied = [
        title_of(key) for key, entrant in arms.items()
        if entrant.strategy.ties_at_reference and not entrant.setting.get("warm_up", config.warm_up)
    ]  # fmt: skip
    if not tied:
        return ""
    return (
        f"In round 1 the policy is still its own reference, so every margin is 0 and the first batch of {listed(tied)} "
        f"is a seeded draw."
    )
