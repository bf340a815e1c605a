"""The public API is what the committed list says: a change of it is made on purpose."""

import inspect

import engine
from tests.engine.api.public import LIST, lines


def test_the_public_api_is_the_committed_list() -> None:
    written = LIST.read_text(encoding="utf-8").splitlines()
    assert list(lines()) == written, "if it is meant: python -m tests.engine.api.public"


def test_every_public_name_has_words_and_types() -> None:
    for name in engine.__all__:
        value = getattr(engine, name)
        assert (inspect.getdoc(value) or "").strip(), name
    for value in (engine.score, engine.export, engine.read, engine.open_store, engine.save_plugin, engine.Study.run):
        signature = inspect.signature(value)
        assert signature.return_annotation is not inspect.Signature.empty, value
        named = [p for p in signature.parameters.values() if p.name != "self"]
        assert all(p.annotation is not inspect.Parameter.empty for p in named), value
