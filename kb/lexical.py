"""The lexical index: a contentless FTS5 table for each field of ``kb.text``, its tokens written in the record's transaction.

FTS5 keeps each token that white space separates whole. A contentless table cannot look up what it holds, so the tokens of each
record stand compressed in ``lexical`` and are given back to it when the record changes (SQLite below 3.43 has no other way).

Scores are FTS5's BM25 (k1 = 1.2, b = .75), negated. A token in over half of a field's documents adds nothing to it (FTS5 sets
its idf to 10⁻⁶), yet costs most of the time, so it is left out of the query wherever a rarer one is there. FTS5 scores every
match, at a million documents of a token a second; so in a search that no narrow filter bounds, the commonest tokens are left
out while the query's tokens have over 15,000 documents in all, but four stay (in a store of 20,000 commits a question takes
52 ms without it, 39 ms with; in one of 5,000 the same was found with a budget in proportion, 4,000).
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kb import rows, schema, selection, text
from kb.errors import CatalogError
from kb.protocols import Progress
from kb.selection import Filter

# The "ascii" tokenizer takes every character beyond ASCII for part of a token; unicode61 would split at symbols and marks.
_TOKENIZER = "ascii tokenchars '_#./-+@:'"
_MAX_TOKENS = 64  # FTS5 refuses expressions nested deeper than 256
_LEAST_TOKENS = 4
_SMALL = 1000  # below so many documents there is no time to be saved by leaving tokens out
_BUDGET = 15_000
_BROAD = 4  # a filter that passes over 1 / 4 of a field's documents is cheaper to apply to the sorted results
_SELECTIONS = 16
_CHUNK = 200


def table(field: str) -> str:
    """The FTS5 table's name. Raises CatalogError for a field that there is not."""
    if field not in text.FIELDS:
        raise CatalogError(f"there is no lexical field {field!r}", remedy=f"fields: {', '.join(text.FIELDS)}")
    return f"lexical_{field}"


def _built_with() -> str:
    return json.dumps({"version": text.TEXT_VERSION, "fields": list(text.FIELDS)})


def is_current(connection: sqlite3.Connection) -> bool:
    """Whether the index was built by this version of ``kb.text``."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'lexical'").fetchone()
    return row is not None and row[0] == _built_with()


def rebuild(connection: sqlite3.Connection, *, progress: Progress) -> None:
    """Make the index anew from the records, within the caller's transaction: readers see the old one until it commits."""
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL TABLE%'")]
    for name in sorted(names, reverse=True):  # a vocabulary goes before its table
        connection.execute(f'DROP TABLE "{name}"')
    connection.execute("DELETE FROM lexical")
    for field in text.FIELDS:
        connection.execute(f"CREATE VIRTUAL TABLE {table(field)} USING fts5(tokens, content='', tokenize=\"{_TOKENIZER}\")")
        connection.execute(f"CREATE VIRTUAL TABLE vocabulary_{field} USING fts5vocab({table(field)}, row)")
    docs = [doc for (doc,) in connection.execute("SELECT doc FROM records ORDER BY doc")]
    for start in range(0, len(docs), _CHUNK):
        chunk = docs[start : start + _CHUNK]
        for doc, record in zip(chunk, rows.read_records(connection, chunk, patches=True), strict=True):
            add(connection, doc, text.lexical_fields(record))
        progress("lexical index", start + len(chunk), len(docs))
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('lexical', ?)", (_built_with(),))


def add(connection: sqlite3.Connection, doc: int, fields: Mapping[str, str]) -> None:
    """Index a record's tokens; a field without any gets no row, so that it does not count in the averages."""
    for field in text.FIELDS:
        tokens = rows.clean(fields.get(field, ""))
        if tokens:
            connection.execute(f"INSERT INTO {table(field)} (rowid, tokens) VALUES (?, ?)", (doc, tokens))  # noqa: S608 (no input)
            connection.execute("INSERT INTO lexical (doc, field, tokens) VALUES (?, ?, ?)", (doc, field, rows.pack(tokens)))


def remove(connection: sqlite3.Connection, doc: int) -> None:
    """Take a record's tokens out."""
    for field, blob in connection.execute("SELECT field, tokens FROM lexical WHERE doc = ?", (doc,)).fetchall():
        name = table(field)
        connection.execute(
            f"INSERT INTO {name} ({name}, rowid, tokens) VALUES ('delete', ?, ?)",  # noqa: S608 (no input)
            (doc, rows.unpack(blob)),
        )
    connection.execute("DELETE FROM lexical WHERE doc = ?", (doc,))


def held(connection: sqlite3.Connection, docs: Iterable[int]) -> dict[int, dict[str, str]]:
    """Number -> field -> the tokens that are indexed, space-joined as ``kb.text.lexical_fields`` gave them; no empty fields."""
    found: dict[int, dict[str, str]] = {doc: {} for doc in docs}
    query = "SELECT doc, field, tokens FROM lexical WHERE doc IN (SELECT value FROM json_each(?))"
    for doc, field, blob in connection.execute(query, (rows.json_list(found),)):
        found[doc][field] = rows.unpack(blob)
    return found


# --- searching ------------------------------------------------------------------------------------------------------------


class Searcher:
    """Searches, and remembers until the store's stamp changes what every query of one question asks again.

    Counting a common token and selecting a broad filter's records take milliseconds each. Usable from any thread.
    """

    def __init__(self) -> None:
        self._memory = _Memory("")

    def frequencies(self, connection: sqlite3.Connection, field: str, tokens: Iterable[str]) -> dict[str, int]:
        """token -> how many records have it in this field."""
        known = self._remembered(connection).frequencies
        table(field)
        query = f"SELECT doc FROM vocabulary_{field} WHERE term = ?"  # noqa: S608 (checked above)
        found: dict[str, int] = {}
        for token in tokens:
            if (field, token) not in known:
                row = connection.execute(query, (rows.clean(token),)).fetchone()
                known[field, token] = row[0] if row else 0
            found[token] = known[field, token]
        return found

    def search(
        self,
        connection: sqlite3.Connection,
        field: str,
        tokens: Iterable[str],
        *,
        chosen: Filter,
        docs: Iterable[int] | None,
        limit: int,
    ) -> list[tuple[int, float]]:
        """(number, BM25) of the records that hold any of the tokens and pass, best first."""
        frequencies = self.frequencies(connection, field, tokens)
        allowed = self._allowed(connection, chosen, docs)
        total = self._size(connection, field)
        narrow = allowed is not None and _BROAD * len(allowed) < total
        wanted = telling(frequencies, total, budget=None if narrow else _BUDGET)
        if not wanted or allowed == frozenset():
            return []
        name = table(field)
        conditions, values = [f"{name} MATCH ?"], _values(wanted)
        if allowed is None and not chosen.include_gone:
            conditions.append("+rowid NOT IN (SELECT doc FROM records WHERE gone <> 0)")
        elif allowed is not None and narrow:
            # FTS5 can use a range of numbers; "+" keeps SQLite from running the whole query once for each number.
            conditions.append("rowid BETWEEN ? AND ? AND +rowid IN (SELECT value FROM json_each(?))")
            values += [min(allowed), max(allowed), rows.json_list(allowed)]
        # bm25() and a sort in SQL: a third faster than ORDER BY rank, which scores before the other conditions are looked at.
        condition = " AND ".join(conditions)
        query = f"SELECT rowid, -bm25({name}) AS score FROM {name} WHERE {condition} ORDER BY score DESC, rowid"  # noqa: S608
        scored = connection.execute(query, values)
        return list(itertools.islice((hit for hit in scored if allowed is None or hit[0] in allowed), limit))

    def select(self, connection: sqlite3.Connection, chosen: Filter) -> list[int]:
        """Numbers of the records that pass, latest window event first."""
        return self._selected(connection, chosen).ordered.copy()

    def _selected(self, connection: sqlite3.Connection, chosen: Filter) -> _Selection:
        selections = self._remembered(connection).selections
        if chosen not in selections:
            if len(selections) >= _SELECTIONS:
                selections.clear()
            ordered = selection.select(connection, chosen)
            selections[chosen] = _Selection(ordered, frozenset(ordered))
        return selections[chosen]

    def _allowed(self, connection: sqlite3.Connection, chosen: Filter, docs: Iterable[int] | None) -> frozenset[int] | None:
        """The numbers that may be found; None where all may that is not gone or off the branch."""
        if not chosen.narrows and docs is None:
            return None
        numbers = self._selected(connection, chosen).numbers
        return numbers if docs is None else numbers.intersection(docs)

    def _size(self, connection: sqlite3.Connection, field: str) -> int:
        sizes = self._remembered(connection).sizes
        if field not in sizes:
            sizes[field] = connection.execute("SELECT count(*) FROM lexical WHERE field = ?", (field,)).fetchone()[0]
        return sizes[field]

    def _remembered(self, connection: sqlite3.Connection) -> _Memory:
        stamp = schema.stamp(connection)
        memory = self._memory
        if memory.stamp != stamp:
            self._memory = memory = _Memory(stamp)
        return memory


@dataclass(frozen=True)
class _Selection:
    """The same numbers twice: latest first, and to look up in."""

    ordered: list[int]
    numbers: frozenset[int]


@dataclass
class _Memory:
    stamp: str
    frequencies: dict[tuple[str, str], int] = dataclasses.field(default_factory=dict)
    selections: dict[Filter, _Selection] = dataclasses.field(default_factory=dict)
    sizes: dict[str, int] = dataclasses.field(default_factory=dict)


def _values(tokens: Iterable[str]) -> list[object]:
    return [" OR ".join('"' + rows.clean(token).replace('"', '""') + '"' for token in tokens)]


def telling(frequencies: Mapping[str, int], total: int, *, budget: int | None) -> list[str]:
    """The tokens to search for, of those that are there at all, rarest first: see the module's text for what is left out."""
    there = sorted((token for token, found in frequencies.items() if found), key=lambda token: (frequencies[token], token))
    there = there[:_MAX_TOKENS]
    if total < _SMALL:
        return there
    kept = [token for token in there if 2 * frequencies[token] < total] or there
    while budget is not None and len(kept) > _LEAST_TOKENS and sum(map(frequencies.__getitem__, kept)) > budget:
        kept.pop()
    return kept
