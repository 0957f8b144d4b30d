"""The one error tree. Foreign exceptions are wrapped once, at the boundary, with the subject and the cause chained.

KbError                 anything that a person can be told in one line: what, where, and what to do
├── ConfigError         kb.toml: unknown key, wrong type, unreadable file
├── QueryError          a filter or an argument that cannot be resolved (--since, --as-of, --repo …)
├── SourceError         one source could not be read; the others go on
│   └── SourceStoppedError  the person interrupted; what was stored stays
├── CatalogError        the record store cannot be opened, is newer than this program, or is locked
│   ├── EmptyCatalogError   nothing has been read yet: there is no store, or it has no records
│   ├── DamagedCatalogError its file is damaged, or is none of SQLite's
│   └── SyncRunningError    another sync is running, in this process or another
├── VectorError         the vector index or the embedding model cannot be used
├── LlmError            the language model cannot be reached, refuses, or does not answer in time
└── ReportError         a report cannot be written, read or published
"""

from __future__ import annotations


class KbError(Exception):
    """An error with a remedy: ``message`` names the input, ``remedy`` says what to do."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  {self.remedy}" if self.remedy else self.message


class ConfigError(KbError):
    """The configuration cannot be used."""


class QueryError(KbError):
    """A question's filter cannot be resolved."""


class SourceError(KbError):
    """One source could not be read."""


class SourceStoppedError(SourceError):
    """Reading a source was interrupted on purpose."""


class CatalogError(KbError):
    """The record store cannot be used."""


class EmptyCatalogError(CatalogError):
    """There is nothing in the record store yet."""


class DamagedCatalogError(CatalogError):
    """The record store's file is damaged."""


class SyncRunningError(CatalogError):
    """Another sync is running: it has to end first."""


class VectorError(KbError):
    """The vector index or the embedding model cannot be used."""


class LlmError(KbError):
    """The language model cannot be used."""


class ReportError(KbError):
    """A report cannot be written, read or published."""
