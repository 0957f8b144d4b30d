"""Whatever a llama-index reader loads, as records. The reader is named in kb.toml and imported when it is first needed.

A reader gives all its documents every time; what is new, changed or gone is found by comparing. A document is known by the
metadata value that ``id_key`` names, else by its path or address and its place among the documents of the same one, else by an
id of the reader's own that is not random, else by its text. Paths count from the folder in ``arguments`` that holds them.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import pkgutil
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar

from ingest import _cursor
from ingest._http import shown
from ingest._reader_document import Document, parse
from kb.errors import ConfigError, SourceError
from kb.protocols import SourceContext
from kb.safe import one_line
from kb.types import KINDS, Batch, Event, Record, Snapshot

VERSION = 1  # of the cursor
BATCH_RECORDS = 50
BODY_LIMIT = 200_000  # characters
NOTES_LIMIT = 5  # lines of what a reader printed

_READER = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)
_REPO = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*/[A-Za-z0-9_][A-Za-z0-9._-]*")
_SECRET = re.compile(r"token|key|secret|password|credential", re.IGNORECASE)
_EVENT = {"commit": "committed", "pull": "opened", "issue": "opened", "release": "released"}


@dataclass(frozen=True, kw_only=True)
class Source:
    """A llama-index reader.

    ``reader``: "module:Class". ``arguments``: what its constructor takes; ``load``: what its load_data takes. In both, a key
    that ends in _env names an environment variable, whose value is passed without that ending; a path that starts with "./",
    "../" or "~/" starts at the folder of kb.toml. ``title_key``, ``url_key``, ``published_key`` and ``id_key`` name entries of
    the documents' metadata; by default the usual ones are tried.

    Raises:
        ConfigError: a value that cannot be right.
    """

    reader: str
    name: str
    arguments: dict[str, Any] = field(default_factory=dict, repr=False)  # may hold a token
    load: dict[str, Any] = field(default_factory=dict, repr=False)
    repo: str = ""
    kind: str = "post"
    title_key: str = ""
    url_key: str = ""
    published_key: str = ""
    id_key: str = ""
    context: SourceContext = field(repr=False)

    lane: ClassVar[str] = "llama-index"  # one after the other, since what a reader prints is caught

    def __post_init__(self) -> None:
        if not _READER.fullmatch(self.reader):
            raise ConfigError(
                f"reader {self.reader!r} is not of the form module:Class",
                remedy='for example reader = "llama_index.core:SimpleDirectoryReader"',
            )
        if self.kind not in KINDS:
            raise ConfigError(f'kind = "{self.kind}": there is no such kind of record', remedy=f"one of: {', '.join(KINDS)}")
        if not self.name.strip():
            raise ConfigError("name is empty", remedy="the ids of the records begin with it: give it once and keep it")
        if self.repo and not _REPO.fullmatch(self.repo):
            raise ConfigError(f"repo {self.repo!r} is not of the form owner/name", remedy='for example repo = "owner/name"')

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of record it gives."""
        return (self.kind,)

    def pull(self, cursor: str | None) -> Iterator[Batch]:
        """Yield every document where any has changed since ``cursor``, in the reader's order. Nothing changed: no batch.

        Raises:
            SourceError: the reader cannot be imported or made, fails, or gives nothing where it gave documents before.
        """
        known = _Cursor.loads(cursor)
        loaded, said = self._loaded()
        records, undated = self._records(loaded, known.undated)
        if not records and known.count:
            raise SourceError(
                f"{self.name}: {self.reader} gave no documents, and {known.count} the last time",
                remedy="check what it reads; if all of it is gone for good, remove the source",
            )
        read = _Cursor(_digest(records), len(records), undated)
        if read.digest == known.digest:
            return
        # A reader that says something may have left a document out: what is missing then is not gone.
        present = None if said else Snapshot(frozenset(record.id for record in records))
        for start in range(0, max(len(records), 1), BATCH_RECORDS):
            last = start + BATCH_RECORDS >= len(records)
            cursor_then = read if last else _Cursor(count=known.count, undated=undated)
            some = records[start : start + BATCH_RECORDS]
            yield Batch(records=some, cursor=cursor_then.dumps(), expected=len(records), snapshot=present if last else None)

    # --- the reader -------------------------------------------------------------------------------------------------------

    def _loaded(self) -> tuple[list[object], bool]:
        """What the reader loads, and whether it printed something: that is noted, and does not reach the terminal."""
        made = self._class()
        arguments, load = self._filled(self.arguments, "arguments"), self._filled(self.load, "load")
        printed = io.StringIO()
        step = "arguments"
        try:
            with contextlib.redirect_stdout(printed):
                reader = made(**arguments)
                step = "load"
                loaded = list(reader.load_data(**load))
        except (Exception, SystemExit) as error:  # a reader raises whatever it likes
            reason = f"{type(error).__name__}: {self._hidden(str(error), arguments, load)}"
            remedy = f"check {step} in kb.toml, and what the reader needs"
            raise SourceError(f"{self.name}: {self.reader} failed: {reason}", remedy=remedy) from error
        lines = [line for line in printed.getvalue().splitlines() if line.strip()]
        for line in lines[:NOTES_LIMIT]:
            self.context.meter.note(f"{self.name}: the reader says: {self._hidden(line, arguments, load)}")
        if len(lines) > NOTES_LIMIT:
            self.context.meter.note(f"{self.name}: the reader says {len(lines) - NOTES_LIMIT} lines more")
        return loaded, bool(lines)

    def _class(self) -> Any:
        module = self.reader.partition(":")[0]
        try:
            return pkgutil.resolve_name(self.reader)
        except AttributeError as error:
            raise SourceError(
                f"{self.name}: there is no {self.reader.partition(':')[2]} in {module}", remedy="check reader in kb.toml"
            ) from error
        except ModuleNotFoundError as error:
            missing = module if module.startswith(error.name or module) else str(error.name)
            raise SourceError(
                f"{self.name}: {self.reader} needs the module {missing}, which is not installed",
                remedy=f"pip install {_package(missing)}",
            ) from error
        except Exception as error:  # what runs when a module is imported may raise anything
            reason = f"{type(error).__name__}: {one_line(str(error), limit=200)}"
            raise SourceError(
                f"{self.name}: {module} cannot be imported: {reason}", remedy=f"pip install {_package(module)}"
            ) from error

    def _filled(self, given: Mapping[str, Any], table: str) -> dict[str, Any]:
        """``given`` with the environment's values."""
        filled: dict[str, Any] = {}
        for key, value in given.items():
            if not key.endswith("_env"):
                filled[key] = value
            elif not isinstance(value, str) or value not in os.environ:
                remedy = f"export {value}=…" if isinstance(value, str) else "give the name of an environment variable"
                raise SourceError(f"{self.name}: {table}.{key} names a variable that is not set", remedy=remedy)
            else:
                filled[key.removesuffix("_env")] = os.environ[value]
        return filled

    def _hidden(self, text: str, *tables: Mapping[str, Any]) -> str:
        """``text`` in one line, without the values that may be secret."""
        for table in tables:
            for key, value in table.items():
                if isinstance(value, str) and value and (_SECRET.search(key) or f"{key}_env" in {*self.arguments, *self.load}):
                    text = text.replace(value, "…")
        return one_line(shown(text), limit=300)

    # --- documents --------------------------------------------------------------------------------------------------------

    def _records(self, loaded: list[object], undated: Mapping[str, int]) -> tuple[tuple[Record, ...], dict[str, int]]:
        """Each document once, and since when those without a date are known (id -> epoch seconds)."""
        now = int(self.context.clock().timestamp())
        folders = [value for value in self.arguments.values() if isinstance(value, str)]
        keys = {"title": self.title_key, "url": self.url_key, "published": self.published_key, "id": self.id_key}
        documents = [found for item in loaded if (found := parse(item, keys, folders)) is not None]
        if odd := len(loaded) - len(documents):
            self.context.meter.note(f"{self.name}: {odd} of {len(loaded)} documents have no text: left out")
        places: dict[str, int] = {}
        records: dict[str, Record] = {}
        seen: dict[str, int] = {}
        for document in documents:
            place = places[document.known_by] = places.get(document.known_by, 0) + 1
            id = f"{self.kind}:{self.name}/{_hash(f'{document.known_by} {place}')}"
            if not document.published:
                seen[id] = undated.get(id, now)
            records[id] = self._record(id, document, place, seen.get(id))
        return tuple(records.values()), seen

    def _record(self, id: str, document: Document, place: int, since: int | None) -> Record:
        published = document.published or datetime.fromtimestamp(since or 0, UTC)
        revised = (Event("revised", document.revised),) if document.revised and document.revised > published else ()
        marks = (("undated",) if since is not None else ()) + (("truncated",) if len(document.text) > BODY_LIMIT else ())
        return Record(
            id=id,
            kind=self.kind,
            repo=self.repo,
            ref=f"{document.ref or self.name}" + (f" ({place})" if place > 1 else ""),
            title=document.title,
            body=document.text[:BODY_LIMIT],
            url=document.url,
            author=document.author,
            events=(Event(_EVENT.get(self.kind, "published"), published), *revised),
            marks=marks,
        )


def _package(module: str) -> str:
    """The package that holds a module, as llama-index names its own; of others the first name is the likeliest."""
    parts = module.split(".")
    length = 1 if parts[0] != "llama_index" else 3 if parts[1:2] == ["readers"] else 2
    return "-".join(parts[:length]).replace("_", "-")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def _digest(records: tuple[Record, ...]) -> str:
    return _hash("\n".join(sorted(f"{record.id} {record.content_hash}" for record in records)))


@dataclass(frozen=True)
class _Cursor:
    """What was read: a digest of it and how many records, and since when the undated ones are known (id -> epoch seconds)."""

    digest: str = ""
    count: int = 0
    undated: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def loads(cls, text: str | None) -> _Cursor:
        return _cursor.loads(cls, text, version=VERSION) or cls()

    def dumps(self) -> str:
        return _cursor.dumps(self, version=VERSION)
