"""What one question hands on to the next, back from JSON: the ``scope`` of an answer's payload, wherever it has been."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from kb.errors import QueryError
from kb.happened import ORDER
from kb.safe import one_line
from kb.types import KINDS, PARTS, Scope, Window
from kb.wording import ENGLISH

LARGEST = 64 * 2**20  # bytes of an answer
_REMEDY = "give what `kb ask --json` printed for the question before, as it is"
_YEARS = (1700, 2300)
_Text = Annotated[str, Field(max_length=10_000)]
_Texts = Annotated[tuple[_Text, ...], Field(max_length=1_000)]


def _known(names: tuple[str, ...]) -> AfterValidator:
    def check(values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if value not in names:
                raise ValueError(f"{one_line(value, limit=40)!r} is not one of {', '.join(names)}")
        return values

    return AfterValidator(check)


def _aware(at: datetime | None) -> datetime | None:
    if at is None:
        return None
    if at.tzinfo is None or not _YEARS[0] <= at.year <= _YEARS[1]:
        raise ValueError(f"not a time with a zone, between {_YEARS[0]} and {_YEARS[1]}")
    return at.astimezone(UTC)


_Moment = Annotated[datetime | None, AfterValidator(_aware)]
_Events = Annotated[_Texts, _known(ORDER)]


class _Side(BaseModel):
    """The keys of ``kb.payloads.scope``. Those that are missing, as in what older versions wrote, have their defaults."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    question: _Text = ""
    intent: Literal["window", "needle", "identifier", "compare"]
    since: _Moment
    until: _Moment
    window: _Text = ""
    releases: _Texts = ()
    repos: _Texts
    kinds: Annotated[_Texts, _known(KINDS)]
    identifiers: _Texts = ()
    events: _Events = ()
    states: Annotated[_Texts, _known(tuple(ENGLISH.states))] = ()
    topic: _Text = ""
    facets: Annotated[_Texts, _known(tuple(ENGLISH.facets))] = ()
    implied_kinds: Annotated[_Texts, _known(KINDS)] = ()
    relation: Literal["", "fixed-by", "reverted-by", "implemented-by", "fixes", "reverts", "paper"] = ""
    language: Literal["en", "zh"] = "en"
    as_of: _Moment = None
    resolved_at: _Moment = None
    inherited: Annotated[_Texts, _known(PARTS)] = ()
    unresolved: _Texts = ()
    dropped: _Events = ()
    unknown_repos: _Texts = ()
    unclear: _Text = ""
    asked_topic: _Text = ""
    sides: Annotated[tuple[Any, ...], Field(max_length=0)] = ()


class _Payload(_Side):
    """A whole scope: only this has sides, and they have none."""

    sides: Annotated[tuple[_Side, ...], Field(max_length=20)] = ()


def scope_from(payload: object) -> Scope:
    """The scope that ``kb.payloads.scope`` made ``payload`` of; times are to the second.

    Raises:
        QueryError: it is no such object; the message names the key.
    """
    try:
        read = _Payload.model_validate_json(json.dumps(payload), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise QueryError(
            f"the scope of the question before: {one_line(where, limit=80)}: {first['msg']}", remedy=_REMEDY
        ) from error
    except (TypeError, ValueError, RecursionError) as error:
        raise QueryError("the scope of the question before is no JSON object", remedy=_REMEDY) from error
    return _scope(read)


def _scope(read: _Side) -> Scope:
    own = {
        name: getattr(read, name)
        for name in _Side.model_fields
        if name not in ("since", "until", "window", "releases", "sides")
    }
    window = Window(read.since, read.until, read.window, read.releases)
    return Scope(**own, window=window, sides=tuple(map(_scope, read.sides)))


def scope_before(text: bytes) -> Scope:
    """The scope of an answer, from the JSON that ``kb ask --json`` printed.

    Raises:
        QueryError: it is nothing of the kind.
    """
    if len(text) > LARGEST:
        raise QueryError(f"more than {LARGEST // 2**20} MB is no answer", remedy=_REMEDY)
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise QueryError("not JSON", remedy=_REMEDY) from error
    if isinstance(found, Mapping) and isinstance(found.get("error"), Mapping):
        raise QueryError("holds an error, not an answer", remedy="ask the question before again")
    if not isinstance(found, Mapping) or "scope" not in found:
        raise QueryError('holds no "scope"', remedy=_REMEDY)
    return scope_from(found["scope"])
