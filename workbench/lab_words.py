"""A choice of plugins with their parameters as words for a link: "activedpo ridge=0.5; real; activedpo"."""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from engine.errors import EngineError
from engine.findings import findings
from engine.registry import Plugin, Registry
from engine.tasks.dry_run import LABELS_PER_ROUND, DryRun
from workbench.wording import integer, percent


def read_words(text: str, registry: Registry[Any]) -> tuple[list[Plugin], list[str]]:
    """The plugins of these words in order, and a sentence for each part that says nothing."""
    found: list[Plugin] = []
    wrong: list[str] = []
    for part in (part.strip() for part in text.split(";")):
        if not part:
            continue
        try:
            name, *fields = shlex.split(part)
            pairs = [field.partition("=") for field in fields]
            if missing := [key for key, sign, _ in pairs if not sign]:
                wrong.append(f"“{part}”: {missing[0]!r} has no '='.")
                continue
            found.append(registry.build({"name": name, **{key: _value(value) for key, _, value in pairs}}))
        except ValidationError as error:
            wrong.append(f"“{part}”: {findings(error)[0]}.")
        except (EngineError, ValueError) as error:
            wrong.append(f"“{part}”: {error}")
    return found, wrong


def as_words(plugins: Sequence[Plugin]) -> str:
    """What `read_words` reads, with those parameters only that are not their defaults."""
    return "; ".join(" ".join([x.name, *(_field(*item) for item in said_of(x).items())]) for x in plugins)


def said_of(plugin: Plugin) -> dict[str, Any]:
    """Its parameters that are not their defaults."""
    fields = type(plugin).model_fields
    return {
        name: value
        for name, value in plugin.model_dump(mode="json").items()
        if fields[name].is_required() or getattr(plugin, name) != fields[name].get_default(call_default_factory=True)
    }


def command_of(dry: DryRun) -> str:
    """The command that makes the same dry run; a strategy or signal with parameters is one quoted word."""
    words = ["workbench strategy score", *(shlex.quote(as_words([strategy])) for strategy in dry.strategies)]
    run = {"run": dry.run_id, "round": dry.round} if dry.run_id else {"seed": dry.seed}
    options = {"study": dry.study_id, **run, "dataset": dry.dataset_id, "model": dry.model, "adapter": dry.adapter,
               "pairs": dry.k, "prompts": dry.prompts}  # fmt: skip
    words += [f"--{name} {shlex.quote(str(value))}" for name, value in options.items() if value not in ("", None)]
    words += [] if dry.one_per_prompt is None else ["--one-per-prompt" if dry.one_per_prompt else "--any-pairs"]
    return " ".join([*words, *(f"--signal {shlex.quote(as_words([signal]))}" for signal in dry.signals)])


def batch_words(of: Callable[[str], Any]) -> str:
    """How many pairs a round labels, of the study whose fields `of` says (None: there is none)."""
    if share := of("label_share"):
        return f"{percent(share)} of {'prompts' if of('one_per_prompt') else 'the pool'}"
    return integer(of("labels_per_round") or LABELS_PER_ROUND)


def lines_of(strategies: Sequence[Plugin]) -> str:
    """The strategies as a study file lists them, with those parameters only that are not their defaults."""
    said = [(x.name, said_of(x)) for x in strategies]
    lines = [json.dumps({"name": name, **own}, ensure_ascii=False) if own else name for name, own in said]
    return "\n".join(["strategies:", *(f"  - {line}" for line in lines)])


def title_of(plugin: Plugin) -> str:
    """ "ActiveDPO", or "ActiveDPO, ridge 0.5"."""
    return ", ".join([plugin.heading(), *words_of(said_of(plugin))])


def words_of(said: Mapping[str, Any]) -> list[str]:
    """Parameters as words, one each: "ridge 0.5"."""
    return [
        f"{name.replace('_', ' ')} {value if isinstance(value, str) else _plain(value)}" for name, value in said.items()
    ]


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return {True: "yes", False: "no", None: "none"}.get(value, json.dumps(value)) if not isinstance(value, list) else (
        ", ".join(map(str, value))
    )  # fmt: skip


def _field(name: str, value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return f"{name}={shlex.quote(text).replace(';', '')}"


def _value(text: str) -> Any:
    """JSON where it is some, else the word itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text
