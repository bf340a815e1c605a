"""A language model as judge: asked which of two responses is better, in both orders."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator

from engine.asking import Asking
from engine.cache import key_of
from engine.errors import ModelError, OracleError
from engine.keys import address, variable, without_keys
from engine.oracles._asked import TOO_LONG, UNPARSABLE, Judged, Purse, Said, facts_of, judged
from engine.oracles._prompting import RUBRIC, TEMPLATE, check_template, hash_of, verdict_of, written
from engine.oracles.base import BYTES_A_TOKEN, ORACLES, Bill, Desk, Oracle, Question, Texts, Verdicts
from engine.protocol import Answer, Asked, key_of_answer
from engine.records import Label, Message, Prompt
from engine.seeds import uniforms

SAMPLE = "sample"
"""Stands for the sample world's language model: small enough to try, and no judge of anything."""
_MOST_BYTES_A_TOKEN = 24
"""A server that counts fewer tokens than one for so many bytes has not read all of a prompt."""


@ORACLES.register
class Judge(Oracle):
    """Asks a language model which response is better, in both orders; where they disagree it is a tie.

    The model is one behind a server that speaks the OpenAI protocol, or a local one, which is not asked for words but
    for how likely it would write either verdict. An answer without a clear verdict, and a pair that is too long to be
    read whole, is skipped and counted. Every answer is kept by content, so that nothing is paid for twice. A server
    needs the package openai (extra "server").
    """

    name: ClassVar[str] = "judge"
    title: ClassVar[str] = "language model as judge"
    source: ClassVar[str] = "Zheng et al. 2023, arXiv:2306.05685; both orders as their section 3.4"
    simulated: ClassVar[bool] = False
    by_model: ClassVar[bool] = True

    url: str = Field("http://localhost:8000/v1", description="address of the server, up to /v1")
    model: str = Field("", description="name of the model there; empty: the only one that the server lists")
    key_variable: str = Field(
        "",
        description="environment variable of the worker, or Streamlit secret, that holds the API key; the key itself "
        "is kept nowhere",
    )
    local: str = Field(
        "", description="folder or hub id of a local model in place of the server; sample: the sample world's, to try"
    )
    device: str = Field("auto", description="of the local model: auto, cpu, cuda or cuda:1")
    dtype: Literal["auto", "float32", "bfloat16"] = Field("auto", description="of the local model's weights")
    rubric: str = Field(RUBRIC, min_length=1, description="what makes a response the better one")
    template: str = Field(
        TEMPLATE, description="what the judge reads; {rubric}, {mark}, {prompt}, {a} and {b} are filled in"
    )
    template_version: str = Field("1", max_length=40, description="your name for this rubric and template")
    orders: Literal["both", "one"] = Field(
        "both", description="both: each pair is asked twice, each response first once; one: half the price, no check"
    )
    temperature: float = Field(0.0, ge=0, le=2, description="of the server's answers (no unit)")
    max_new_tokens: int = Field(256, ge=1, description="longest answer of the server")
    context_tokens: int | None = Field(
        None, ge=64, description="tokens the server's model reads at most; pairs that may be longer are skipped"
    )
    extra: dict[str, Any] = Field(default_factory=dict, description="further fields of each request (seed: 1)")
    at_once: int = Field(8, ge=1, le=256, description="requests on their way at the same time")
    requests_a_minute: int = Field(0, ge=0, description="most requests made in a minute; 0: no limit of ours")
    timeout_s: float = Field(120.0, gt=0, description="longest wait for an answer, in seconds")
    attempts: int = Field(6, ge=1, le=20, description="times that a request is made in all before the run fails")
    price_read: float = Field(0.0, ge=0, description="price of a million tokens read, in any currency")
    price_written: float = Field(0.0, ge=0, description="price of a million tokens written, in the same currency")
    tokens_at_most: int | None = Field(
        None, ge=1, description="tokens that the study may pay for before it stops; kept answers of others are free"
    )
    cost_at_most: float | None = Field(None, gt=0, description="money that the study may spend before it stops")

    @field_validator("url")
    @classmethod
    def _address(cls, value: str) -> str:
        return address(value)

    @field_validator("key_variable")
    @classmethod
    def _named(cls, value: str) -> str:
        return variable(value)

    @field_validator("extra")
    @classmethod
    def _no_key(cls, value: dict[str, Any]) -> dict[str, Any]:
        return dict(without_keys(value))

    @field_validator("template")
    @classmethod
    def _fields(cls, value: str) -> str:
        return check_template(value)

    def label(self, question: Question) -> Sequence[Label | None]:
        """One answer a pair: the side that both orders took, else a tie; a skip where one of them cannot be used."""
        data = question.data
        pairs = [
            (data.prompts[pair.prompt_id], data.responses[pair.a].text, data.responses[pair.b].text)
            for pair in question.pairs
        ]
        found = self.judge(pairs, [pair.id for pair in question.pairs], question.desk)
        about = {"template": self.template_hash, "version": self.template_version}
        return [
            Label(pair.id, one.answer, self.name, {**one.detail(self._price), "model": self._who(one), **about})
            for pair, one in zip(question.pairs, found, strict=True)
        ]

    def _who(self, found: Judged) -> str:
        """The model that answered, as the server calls it, or the folder or hub id of a local one with its hash."""
        return next((one.model for one in found.said if one.model), self.local or self.model)

    @property
    def template_hash(self) -> str:
        """Of template and rubric; every label names it."""
        return hash_of(self.template, self.rubric)

    def answers_by(self) -> Mapping[str, Any]:
        """All but how fast, how patiently and for how much it is asked."""
        how = {"at_once", "requests_a_minute", "timeout_s", "attempts", "key_variable", "price_read", "price_written",
               "tokens_at_most", "cost_at_most"}  # fmt: skip
        return {name: value for name, value in self.spec().items() if name not in how}

    def forecast(self, labels: int, what: str = "labels") -> list[str]:
        """Requests, if none of the answers is kept already; what they cost depends on the texts."""
        requests = labels * (2 if self.orders == "both" else 1)
        limits = [f"{self.tokens_at_most:,} tokens"] if self.tokens_at_most else []
        limits += [f"{self.cost_at_most:g} of money"] if self.cost_at_most else []
        end = f"; the study stops at {' or '.join(limits)}" if limits else ", without a limit on tokens or cost"
        return [f"The judge is asked {requests:,} times for {labels:,} {what}{'' if self.local else end}."]

    def bills(self, labels: int, texts: Texts) -> list[Bill]:
        """Of a server's model; a local one is paid by nobody."""
        if self.local:
            return []
        frame = written(self.template, self.rubric, [Message("user", "")], "", "")
        question = len(frame.encode("utf-8", "replace")) + texts.prompt + 2 * texts.response
        requests = labels * (2 if self.orders == "both" else 1)
        basis = f"{question:,.0f} bytes a request with {texts.of}, {BYTES_A_TOKEN} bytes a token"
        return [
            Bill(
                f"the judge {self.model}" if self.model else "the judge", requests,
                round(requests * question / BYTES_A_TOKEN), requests * self.max_new_tokens, basis,
                self._price if any(self._price) else None, self.tokens_at_most, self.cost_at_most,
            )
        ]  # fmt: skip

    def judge(self, pairs: Sequence[tuple[Prompt, str, str]], ids: Sequence[str], desk: Desk) -> list[Judged]:
        """Verdicts on (prompt, a, b); with one order, whose response stands first is drawn by id."""
        a_first = (uniforms(0, None, "judge's order", ids) < 0.5).tolist()
        both = self.orders == "both"
        wanted = [
            (prompt, *((a, b) if first else (b, a)))
            for (prompt, a, b), drawn in zip(pairs, a_first, strict=True)
            for first in ((True, False) if both else (drawn,))
        ]
        if not wanted:
            return []
        purse = Purse(desk.spent(), self._price, self.tokens_at_most, self.cost_at_most, self._stopped)
        answers = self._asked_here(wanted, desk) if self.local else self._asked_there(wanted, desk, purse)
        return judged(answers, both, a_first)

    def _asked_there(self, wanted: Sequence[tuple[Prompt, str, str]], desk: Desk, purse: Purse) -> list[Said]:
        texts = [written(self.template, self.rubric, p.messages, first, second) for p, first, second in wanted]
        room = None if self.context_tokens is None else 3 * (self.context_tokens - self.max_new_tokens)
        fits = [room is None or len(text.encode("utf-8", "replace")) <= room for text in texts]
        try:
            asking = Asking.of(
                self,
                desk.check,
                "oracle",
                a_minute=self.requests_a_minute,
                payer=desk.payer,
                came=lambda answer: purse.take(answer.read, answer.written),
            )
            model = asking.named() if any(fits) else self.model
            requests = [
                Asked(self._key(model, text), self._request(text)) for text, fit in zip(texts, fits, strict=True) if fit
            ]
            for asked in requests:  # ours of a stage that was lost: paid, and not yet among what labels say was spent
                if (kept := Asking.kept(asked.key, desk.cache)) is not None and kept.payer == desk.payer:
                    purse.take(kept.read, kept.written)
            purse.look()
            answers = iter(asking.all(requests, desk.cache))
        except ModelError as error:
            raise OracleError(error.what, error.next_step) from error
        return [
            self._said(next(answers), text, model, desk.payer) if fit else Said(None, TOO_LONG, paid=False)
            for text, fit in zip(texts, fits, strict=True)
        ]

    def _said(self, answer: Answer, text: str, model: str, payer: str) -> Said:
        verdict = verdict_of(answer.text) if answer.ended else None
        size = len(text.encode("utf-8", "replace"))
        cut = 0 < answer.read < size / _MOST_BYTES_A_TOKEN
        cut |= self.context_tokens is not None and answer.read + self.max_new_tokens > self.context_tokens
        refused = TOO_LONG if cut else UNPARSABLE if verdict is None else ""
        return Said(
            None if refused else verdict, refused, answer.read, answer.written, answer.retries, answer.kept,
            paid=not answer.kept or answer.payer == payer, model=answer.model or model, words=answer.text,
        )  # fmt: skip

    def _asked_here(self, wanted: Sequence[tuple[Prompt, str, str]], desk: Desk) -> list[Said]:
        from engine.models.judging import load_judge, prefers
        from engine.settings import ModelSettings

        path = self.local
        if path == SAMPLE:
            import sample_data

            path = str(Path(sample_data.__file__).parent / "model")
        try:
            judge = load_judge(ModelSettings(path=path, device=self.device, dtype=self.dtype), desk.check)
        except ModelError as error:
            raise OracleError(error.what, error.next_step.replace("model.path", "oracle.local")) from error
        specials, what = judge.tokenizer.all_special_tokens, {"what": "judge's lean", **judge.fingerprint("reference")}
        who = f"{self.local}, {judge.base_hash[:8]}"
        said = []
        for prompt, first, second in wanted:
            desk.check()
            text = written(self.template, self.rubric, prompt.messages, first, second, specials)
            key = key_of(what, [text])
            found = desk.cache.get(key)
            kept = found is not None
            if found is None:
                lean = prefers(judge, text)
                found = np.array([np.nan, 0.0] if lean is None else lean)
                desk.cache.put(key, found)
            value, tokens = float(found[0]), int(found[1])
            if np.isnan(value):
                said.append(Said(None, TOO_LONG, kept=kept, paid=not kept, model=who))
            else:
                verdict: Literal["A", "B", "tie"] = "tie" if value == 0 else "A" if value > 0 else "B"
                said.append(Said(verdict, "", tokens, 0, 0, kept, value, not kept, who))
        return said

    def compare_texts(
        self, prompts: Sequence[Prompt], ours: Sequence[str], theirs: Sequence[str], desk: Desk | None = None
    ) -> Verdicts:
        """Both orders of each; two texts that are the same are a tie, and nobody is asked."""
        differ = [n for n, (one, other) in enumerate(zip(ours, theirs, strict=True)) if one != other]
        pairs = [(prompts[n], ours[n], theirs[n]) for n in differ]
        found = self.judge(pairs, [prompts[n].id for n in differ], desk or Desk())
        wins = np.full(len(prompts), 0.5)
        values = {"a": 1.0, "b": 0.0, "tie": 0.5, "skip": np.nan}
        wins[differ] = [values[one.answer] for one in found]
        return Verdicts(wins, facts_of(found, self._price))

    def compares_texts(self) -> bool:
        """A judge compares any two texts."""
        return True

    @property
    def _price(self) -> tuple[float, float]:
        return self.price_read, self.price_written

    def _stopped(self, what: str, used: float, most: float) -> OracleError:
        field = "tokens_at_most" if what == "tokens" else "cost_at_most"
        shown = f"{used:,.0f}" if what == "tokens" else f"{used:,.4f}"
        return OracleError(
            f"The judge has used {shown} {'tokens' if what == 'tokens' else 'of money'}, and oracle.{field} allows "
            f"{most:g}.",
            f"What it answered is kept, and is free for other studies: in a clone with --set oracle.{field}=… higher "
            "(--with-labels, if the study has bought any) nothing is asked again.",
        )

    def _key(self, model: str, text: str) -> str:
        """What decides an answer."""
        how = {"url": self.url, "model": model, "temperature": self.temperature,
               "max_new_tokens": self.max_new_tokens, "extra": self.extra}  # fmt: skip
        return key_of_answer({"what": "judge's answer", **how}, text)

    def _request(self, text: str) -> dict[str, Any]:
        return {
            "messages": [{"role": "user", "content": text}],
            "temperature": self.temperature,
            "max_tokens": self.max_new_tokens,
            "extra_body": self.extra,
        }
