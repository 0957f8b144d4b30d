"""What the use-cases ask of adapters. Adapters implement these; use-cases take them as arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any, Protocol

from kb.errors import SourceStoppedError
from kb.meter import Meter
from kb.types import Batch


class Progress(Protocol):
    """Told how far a slow stage has come; ``total`` is None where it is not known. Must return quickly."""

    def __call__(self, stage: str, done: int, total: int | None) -> None: ...


def silent(stage: str, done: int, total: int | None) -> None:
    """A Progress that shows nothing."""


@dataclass(frozen=True)
class SourceContext:
    """What a source is given beside its config keys.

    ``folder`` is its own, for clones and caches (made by whoever needs it first). ``meter`` takes requests, limits and notes
    for the ledger. ``stop`` is set when the person interrupts: no batch is stored after that, and ``pause`` and ``progress``
    raise SourceStoppedError. A source that neither pauses nor tells its progress is left behind after some seconds.
    """

    folder: Path
    progress: Progress = silent
    now: datetime | None = None
    meter: Meter = field(default_factory=Meter)
    stop: Event = field(default_factory=Event)

    def clock(self) -> datetime:
        """Now, in UTC."""
        return self.now or datetime.now(UTC)

    def pause(self, seconds: float) -> None:
        """Wait, as a server asks for.

        Raises:
            SourceStoppedError: the person interrupted meanwhile.
        """
        if self.stop.wait(max(seconds, 0.0)):
            raise SourceStoppedError("interrupted while waiting")


class Source(Protocol):
    """One place that records come from. Its class is a frozen dataclass whose fields are its keys in ``kb.toml``.

    Every field but ``context`` (a SourceContext, keyword-only, given by wiring) is a config key, and a field without a default
    is a required one.
    ``repo`` ("owner/name", or "" where there is none) is what its records' ``repo`` will be.

    A source with a configured history may also have ``begins(cursor: str | None) -> datetime | None``: from when on it was
    read, by its stored cursor (None for everything). Answers about an earlier time then say that nothing of it was read.
    It may have ``kinds: ClassVar[tuple[str, ...]]``, the kinds of record it gives, and ``lane: str``: sources of one lane are
    read one after the other (those of one server that wants one connection), of different lanes side by side. Without it a
    source is a lane of its own.
    """

    @property
    def name(self) -> str: ...

    @property
    def repo(self) -> str: ...

    def pull(self, cursor: str | None) -> Iterator[Batch]:
        """Yield records new or changed since ``cursor`` (None: the configured history).

        Each batch is stored together with its cursor in one transaction, so that a killed run resumes at the last batch.
        The iterator is closed (``close()``) when the run is interrupted: release processes and files in ``finally``.

        Raises:
            SourceError: the source could not be read; batches yielded so far stay stored.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What a language model gave back. ``complete`` is False where it stopped at its limit of tokens, or a streamed answer was
    broken off after some of it had been heard; ``cut`` says which, in one line. Tokens are 0 where the server does not count
    them."""

    text: str
    complete: bool = True
    cut: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0


class LanguageModel(Protocol):
    """A language model behind some server. It may be asked from several threads at once, ``concurrency`` at most.

    ``name`` tells models apart in caches: provider, model and what else changes its answers. ``context`` counts tokens.
    """

    @property
    def name(self) -> str: ...

    @property
    def context(self) -> int: ...

    @property
    def concurrency(self) -> int: ...

    def complete(
        self,
        system: str,
        prompt: str,
        *,
        schema: Mapping[str, Any] | None = None,
        heard: Callable[[str], None] | None = None,
    ) -> Completion:
        """Ask once. ``schema`` is a JSON schema that the answer should follow: servers that cannot hold it are asked without.

        With ``heard`` the answer is streamed: ``heard`` is called in this thread with each new piece of it, without what the
        model thinks aloud, and may ask the model itself. Joined, the pieces are the completion's text; only where thoughts were
        not marked as such before they ended (a ``</think>`` without a beginning, in an answer without ``schema``) were they
        heard as well. A server that does not stream is heard in one piece. What ``heard`` raises ends the request and is raised
        here; so does an interrupt.

        An answer that is broken off (the connection, an error that the server reports, ``timeout``, no piece for half a minute)
        is asked for again only where nothing of it was heard yet. Otherwise what was heard is the completion, not ``complete``.

        Raises:
            LlmError: not reachable, refused, or no answer in time, and nothing was heard; retries are behind it already.
        """
        ...


class Entailment(Protocol):
    """How far what a sentence rests on bears it out. It may be asked from several threads at once.

    ``name`` tells apart in caches what would let other sentences stand. A sentence may stand whose score is ``least`` (0 to 1)
    or more, or that has none.
    """

    @property
    def name(self) -> str: ...

    @property
    def least(self) -> float: ...

    def score(self, claim: str, passages: Sequence[str]) -> float | None:
        """From 0 to 1, by the passage that bears ``claim`` out best; None where it cannot tell: there are none, or they are in
        a language that it does not read.

        Raises:
            VectorError: the model failed.
        """
        ...
