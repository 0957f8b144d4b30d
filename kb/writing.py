"""Storing a batch: what is new, changed, the same, or gone. Every function works within the caller's write transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kb import lexical, rows, text
from kb.errors import CatalogError
from kb.types import Batch, Record, Snapshot, Tag


@dataclass(frozen=True)
class Stored:
    """What a batch did to the store; a record that had been gone or off the branch and is there counts as changed."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    gone: int = 0

    def __add__(self, other: Stored) -> Stored:
        return Stored(
            self.new + other.new, self.changed + other.changed, self.unchanged + other.unchanged, self.gone + other.gone
        )


def store(connection: sqlite3.Connection, source: str, batch: Batch, records: Iterable[Record]) -> Stored:
    """Store ``records`` (the batch's, made storable) and all else that the batch says; the source's ledger row must exist."""
    row = connection.execute("SELECT repo FROM sources WHERE source = ?", (source,)).fetchone()
    if row is None:
        raise CatalogError(f"source {source!r} was not begun", remedy="call begin() before store()")
    stored = _store_records(connection, source, list(records))
    if batch.snapshot is not None:
        stored += _apply_snapshot(connection, source, batch.snapshot)
    other = _name_first_tags(connection, batch.first_tags)
    if batch.tags is not None:
        other |= _replace_tags(connection, row[0], batch.tags)
    _advance(connection, source, batch, stored)
    if other or stored.new or stored.changed or stored.gone:
        bump(connection)
    return stored


def bump(connection: sqlite3.Connection) -> None:
    """Change the store's stamp."""
    connection.execute("UPDATE meta SET value = value + 1 WHERE key = 'stamp'")


def _store_records(connection: sqlite3.Connection, source: str, records: list[Record]) -> Stored:
    ids = rows.json_list(record.id for record in records)
    known = {
        identity: (doc, content_hash, gone)
        for doc, identity, content_hash, gone in connection.execute(
            "SELECT doc, id, content_hash, gone FROM records WHERE id IN (SELECT value FROM json_each(?))", (ids,)
        )
    }
    elsewhere = _on_another_branch(connection, source, records)
    new = changed = 0
    for record in records:
        if record.id in elsewhere:
            continue
        content_hash, standing = record.content_hash, rows.standing(record)
        doc, old_hash, stood = known.get(record.id, (None, "", standing))
        if doc is None or old_hash != content_hash:
            doc = _write(connection, source, record, content_hash, doc)
        elif stood != standing:
            connection.execute("UPDATE records SET gone = ?, source = ? WHERE doc = ?", (standing, source, doc))
        new += not old_hash
        changed += bool(old_hash and (stood != standing or old_hash != content_hash))
        known[record.id] = (doc, content_hash, standing)
    held = ((known[identity][0], source) for identity in {record.id for record in records})
    connection.executemany("INSERT OR IGNORE INTO holders VALUES (?, ?)", held)
    return Stored(new, changed, len(records) - new - changed)


def _on_another_branch(connection: sqlite3.Connection, source: str, records: Iterable[Record]) -> set[str]:
    """Ids of records that are off this source's branch, and there on that of another: they stay as that one gave them."""
    off = rows.json_list(record.id for record in records if rows.standing(record) == rows.OFF_BRANCH)
    found = connection.execute(
        "SELECT id FROM records JOIN holders USING (doc) WHERE holders.source <> ? AND gone = 0"
        " AND id IN (SELECT value FROM json_each(?))",
        (source, off),
    )
    return {identity for (identity,) in found}


def _write(connection: sqlite3.Connection, source: str, record: Record, content_hash: str, doc: int | None) -> int:
    try:
        number = rows.write(connection, record, source=source, content_hash=content_hash, doc=doc)
        if doc is not None:
            lexical.remove(connection, doc)
        lexical.add(connection, number, text.lexical_fields(record))
    except (sqlite3.DataError, sqlite3.ProgrammingError, OverflowError) as error:
        raise CatalogError(
            f"{record.id} cannot be stored: {error}", remedy="the source gives a value that no column takes"
        ) from error
    return number


def _apply_snapshot(connection: sqlite3.Connection, source: str, snapshot: Snapshot) -> Stored:
    ids = (rows.json_list(map(rows.clean, snapshot.ids)),)
    back = connection.execute(
        "UPDATE records SET source = ?, gone = CASE WHEN 'off-branch' IN (SELECT value FROM json_each(marks)) THEN 2 ELSE 0 END"
        " WHERE gone = 1 AND id IN (SELECT value FROM json_each(?))",
        (source, *ids),
    ).rowcount
    connection.execute(
        "INSERT OR IGNORE INTO holders SELECT doc, ? FROM records WHERE id IN (SELECT value FROM json_each(?))", (source, *ids)
    )
    since = rows.epoch(snapshot.since) if snapshot.since else None
    lost = [
        doc
        for (doc,) in connection.execute(
            "SELECT doc FROM holders JOIN records USING (doc) WHERE holders.source = ?1 AND (?2 IS NULL OR at >= ?2)"
            " AND id NOT IN (SELECT value FROM json_each(?3))",
            (source, since, *ids),
        )
    ]
    return Stored(changed=back, gone=release(connection, source, lost))


def release(connection: sqlite3.Connection, source: str, docs: Iterable[int]) -> int:
    """The source has these records no more. Those that another has pass to it, the others are gone: returns how many."""
    lost = rows.json_list(docs)
    chosen = "doc IN (SELECT value FROM json_each(?))"
    connection.execute(f"DELETE FROM holders WHERE source = ? AND {chosen}", (source, lost))  # noqa: S608 (no input)
    held = "(SELECT min(holders.source) FROM holders WHERE holders.doc = records.doc)"
    connection.execute(
        f"UPDATE records SET source = coalesce({held}, source) WHERE {chosen} AND source = ?",  # noqa: S608 (no input)
        (lost, source),
    )
    return connection.execute(
        f"UPDATE records SET gone = 1 WHERE {chosen} AND gone <> 1 AND {held} IS NULL",  # noqa: S608 (no input)
        (lost,),
    ).rowcount


def _name_first_tags(connection: sqlite3.Connection, first_tags: Mapping[str, str]) -> bool:
    before = connection.total_changes
    connection.executemany(
        "UPDATE records SET first_tag = ?1 WHERE id = ?2 AND first_tag <> ?1",
        ((rows.clean(tag), rows.clean(identity)) for identity, tag in first_tags.items()),
    )
    return connection.total_changes > before


def _replace_tags(connection: sqlite3.Connection, repo: str, tags: Iterable[Tag]) -> bool:
    given = {rows.clean(tag.name): tag for tag in tags}
    wanted = {
        (repo, name, rows.clean(tag.sha), rows.epoch(tag.at), rows.clean(tag.previous), tag.beyond)
        for name, tag in given.items()
    }
    there = set(connection.execute("SELECT repo, name, sha, at, previous, beyond FROM tags WHERE repo = ?", (repo,)))
    connection.executemany("DELETE FROM tags WHERE repo = ? AND name = ?", (row[:2] for row in there - wanted))
    connection.executemany("INSERT OR REPLACE INTO tags VALUES (?, ?, ?, ?, ?, ?)", sorted(wanted - there))
    before = connection.total_changes
    contained = [(repo, name, at, rows.clean(sha)) for name, tag in sorted(given.items()) for at, sha in enumerate(tag.commits)]
    if (
        contained
        != connection.execute(
            "SELECT repo, tag, position, sha FROM tag_commits WHERE repo = ? ORDER BY tag, position", (repo,)
        ).fetchall()
    ):
        connection.execute("DELETE FROM tag_commits WHERE repo = ?", (repo,))
        connection.executemany("INSERT INTO tag_commits VALUES (?, ?, ?, ?)", contained)
    return wanted != there or connection.total_changes > before


def drop_tags(connection: sqlite3.Connection, repos: Iterable[str]) -> None:
    """Drop the tags of those of the repositories that no source has."""
    for repo in repos:
        for table in ("tags", "tag_commits"):
            connection.execute(
                f"DELETE FROM {table} WHERE repo = ?1 AND NOT EXISTS (SELECT 1 FROM sources WHERE repo = ?1)",  # noqa: S608 (no input)
                (repo,),
            )


def _advance(connection: sqlite3.Connection, source: str, batch: Batch, stored: Stored) -> None:
    connection.execute(
        "UPDATE sources SET cursor = ?, fetched = fetched + ?, expected = coalesce(?, expected), new = new + ?,"
        " changed = changed + ?, gone = gone + ?, truncated = coalesce(nullif(?, ''), truncated) WHERE source = ?",
        (
            rows.clean(batch.cursor), len(batch.records), batch.expected, stored.new, stored.changed, stored.gone,
            rows.clean(batch.truncated), source,
        ),
    )  # fmt: skip
