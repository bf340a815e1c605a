"""Pushing to a hub: every file in one commit, and each refusal a sentence that never holds the token."""

from pathlib import Path

import pytest

from engine.data.export.files import files_of
from engine.data.export.push import push_to_hub, token_of_environment
from engine.errors import DataError
from tests.engine.data.export.hub import MAY_READ, MAY_WRITE, local_hub
from tests.engine.data.export.pairs import made_of, pairs


def test_every_file_arrives_in_one_commit_and_progress_is_said() -> None:
    files = files_of(made_of(pairs()))
    words: list[str] = []
    with local_hub() as hub:
        address = push_to_hub(files, "me/subset", MAY_WRITE, say=words.append, endpoint=hub.url)
        assert hub.committed == {"me/subset": dict(files)}
        assert hub.private == {"me/subset": True}
    assert "me/subset" in address
    assert f"sending README.md, 3 of {len(files)} files" in words
    assert MAY_WRITE not in "".join([address, *words])


@pytest.mark.parametrize(
    ("token", "repository", "sentence"),
    [
        ("", "me/subset", "No token for the hub"),
        ("hf_wrong_one", "me/subset", r"does not know this token \(401\)"),
        (MAY_READ, "me/subset", r"may not write to me/subset \(403\)"),
        (MAY_WRITE, "../etc", "no name of a repository"),
    ],
)
def test_a_refusal_is_a_sentence_without_the_token(token: str, repository: str, sentence: str) -> None:
    with local_hub() as hub:
        with pytest.raises(DataError, match=sentence) as refused:
            push_to_hub({"README.md": b"x"}, repository, token, endpoint=hub.url)
        assert hub.committed == {}
    assert not token or token not in f"{refused.value}{refused.value.__cause__}"
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_a_hub_that_is_not_there_is_a_sentence() -> None:
    with local_hub() as hub:
        url = hub.url
    with pytest.raises(DataError, match="could not be reached"):
        push_to_hub({"README.md": b"x"}, "me/subset", MAY_WRITE, endpoint=url)


def test_a_model_goes_from_its_files_into_a_repository_of_models(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"\1\2")
    files = {"adapter_model.safetensors": tmp_path / "weights", "README.md": b"x"}
    with local_hub() as hub:
        address = push_to_hub(
            files, "me/adapter", MAY_WRITE, kind="model", message="Adapter of run r1", endpoint=hub.url
        )
        assert hub.kind == {"me/adapter": "model"}
        assert hub.said == {"me/adapter": "Adapter of run r1"}
        assert hub.committed == {"me/adapter": {"adapter_model.safetensors": b"\1\2", "README.md": b"x"}}
    assert "me/adapter" in address
    assert "datasets" not in address


def test_a_repository_that_is_public_gets_nothing_unless_that_is_said() -> None:
    with local_hub() as hub:
        hub.private["me/subset"] = False
        with pytest.raises(DataError, match="there already and public; nothing was sent") as refused:
            push_to_hub({"README.md": b"x"}, "me/subset", MAY_WRITE, endpoint=hub.url)
        assert "--public" in refused.value.next_step
        assert hub.committed == {}
        push_to_hub({"README.md": b"x"}, "me/subset", MAY_WRITE, private=False, endpoint=hub.url)
        assert set(hub.committed) == {"me/subset"}
        hub.private["me/subset"] = True
        push_to_hub({"README.md": b"y"}, "me/subset", MAY_WRITE, endpoint=hub.url)
        assert hub.committed == {"me/subset": {"README.md": b"y"}}


def test_the_token_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    assert token_of_environment() == ""
    monkeypatch.setenv("HF_TOKEN", " hf_x ")
    assert token_of_environment() == "hf_x"
