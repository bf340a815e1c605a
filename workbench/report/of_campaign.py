"""The sections of a report that a campaign has in place of verdicts, as markup"""

from workbench.campaign_records import Campaign
from workbench.campaign_words import CURVE
from workbench.charts.campaign import campaign_figure
from workbench.charts.embedded import embedded
from workbench.charts.metrics import set_title
from workbench.components.campaign_tables import (
    audit_markup,
    cost_markup,
    differs_markup,
    levels_markup,
    no_verdict_markup,
    shadows_markup,
)
from workbench.components.how_to_read import how_to_read
from workbench.components.markup import escaped, heading
from workbench.study_words import AXES, on_axis


def sections(found: Campaign) -> tuple[str, ...]:
    """No verdict and why, the run with intervals over prompts, the audit slice, the shadows, the cost."""
    audit = (audit_markup(found), differs_markup(found))
    return (no_verdict_markup(found), _curve(found), *audit, shadows_markup(found), cost_markup(found))


def _curve(found: Campaign) -> str:
    title = heading("The run on what people answered", "intervals over prompts only")
    lines = [(set_title(line.name), [(p.labels, p.level) for p in line.points]) for line in found.lines]
    if not lines:
        return f"{title}<p>No round is measured yet.</p>"
    alt = escaped(f"{AXES[found.metric]} of the campaign's run against labels, with intervals")
    drawn = embedded(campaign_figure(lines, on_axis(found.metric), "light"), "campaign", alt)
    return f"{title}{drawn}<p>{how_to_read(CURVE)}</p>{levels_markup(found)}"
