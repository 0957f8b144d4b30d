"""A store that is empty, damaged, or replaced while it is served: what the pages say of it, and that they find the new one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kb.catalog import Catalog
from kb.errors import CatalogError, DamagedCatalogError, EmptyCatalogError, KbError, SyncRunningError
from kb.web.browsing import stored
from kb.web.examples import Example
from kb.web.reader import Reader
from kb.web.service import Service
from kb.web.told import told_html
from kb.web.welcome_html import welcome_html
from kb.wiring import Asked
from tests.test_web_service import SOURCE, new_home
from tests.web_pages import EN, ZH, by_class, parsed, said


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = Service(new_home(tmp_path, "rocket"))
    yield made
    made.close()


def catalog_of(service: Service) -> Path:
    return service.base.data_dir / "catalog.db"


def spoil(path: Path) -> None:
    """Overwrite its pages but the first ones, by which a file is known."""
    with path.open("r+b") as file:
        size = path.stat().st_size
        file.seek(4096 * 2)
        file.write(b"\xa5" * (size - 4096 * 2))


def wrong(service: Service) -> KbError:
    with pytest.raises(CatalogError) as caught:
        service.offered(service.reader("en"))
    return caught.value


@pytest.mark.parametrize("reader", [EN, ZH], ids=["en", "zh"])
def test_nothing_read_and_damaged_are_told_apart_without_a_path_or_a_command(reader: Reader) -> None:
    path = "/srv/my files/data/catalog.db"
    errors = [
        EmptyCatalogError(f"there is no catalog at {path} yet", remedy="run `kb sync` first"),
        DamagedCatalogError(f"{path}: database disk image is malformed", remedy="move it away and run `kb sync`"),
        CatalogError(f"{path}: unable to open database file", remedy="set another data_dir, or run `kb sync`"),
    ]
    told = [said(parsed(told_html(error, reader))) for error in errors]
    assert len(set(told)) == 3
    assert not any(text in one for one in told for text in ("/srv", "my files", "kb sync"))
    assert "catalog.db: unable to open database file" in told[2]


def test_from_an_empty_store_a_button_leads_to_the_sources_and_from_a_damaged_one_none() -> None:
    empty, damaged = (parsed(told_html(kind("x"), EN)) for kind in (EmptyCatalogError, DamagedCatalogError))
    assert [button.get("data-tab") for button in empty.iter("button")] == ["sources"]
    assert by_class(empty, "kb-empty")
    assert not list(damaged.iter("button"))
    assert by_class(damaged, "kb-told")[0].get("role") == "alert"


def test_that_another_sync_runs_is_no_state_of_the_store() -> None:
    assert not by_class(parsed(told_html(SyncRunningError("another sync is running (pid 7)"), EN)), "kb-store")


def test_an_unread_store_is_empty_and_so_is_one_without_records(tmp_path: Path) -> None:
    (tmp_path / "kb.toml").write_text(SOURCE.format(name="rocket"), encoding="utf-8")
    service = Service(tmp_path / "kb.toml", data_dir=tmp_path / "data")
    try:
        assert isinstance(wrong(service), EmptyCatalogError)
        Catalog.open(tmp_path / "data" / "catalog.db").close()
        assert isinstance(wrong(service), EmptyCatalogError)
        assert service.examples(service.reader("en")) == ()
    finally:
        service.close()


@pytest.mark.parametrize("at", ["a file of something else", "pages within it"])
def test_a_damaged_store_is_not_taken_for_an_empty_one(service: Service, at: str) -> None:
    path = catalog_of(service)
    if at == "pages within it":
        spoil(path)
    else:
        path.write_bytes(b"garbage\n" * 2_000)
    assert isinstance(wrong(service), DamagedCatalogError)
    assert service.examples(service.reader("en")) == ()


def test_records_without_an_example_are_no_empty_store() -> None:
    none, one = (parsed(welcome_html(examples, EN)) for examples in ((), [Example("What changed?", "week")]))
    assert said(none) == EN.ui.ask["empty"]
    assert EN.ui.ask["try"] in said(one)


def test_a_store_that_is_deleted_while_it_is_served_is_empty_and_read_anew(service: Service) -> None:
    reader = service.reader("en")
    assert service.offered(reader)
    assert service.base.search(Asked("valve")).found.hits
    old = service.base
    shutil.rmtree(service.base.data_dir)
    assert isinstance(wrong(service), EmptyCatalogError)
    assert service.base is not old
    job = service.background.sync()
    job.wait(60)
    report = job.state.result
    assert report is not None
    assert [run.stored.new for run in report.runs] == [3]
    assert catalog_of(service).exists()
    assert stored(service.base).size() == 3
    assert service.offered(reader)
    assert service.base.search(Asked("valve")).found.hits


def test_a_store_that_is_replaced_while_it_is_served_is_the_one_that_is_read(service: Service, tmp_path: Path) -> None:
    other = Service(new_home(tmp_path / "other", "glider"))
    other.close()
    assert stored(service.base).repos() == ("acme/rocket",)
    same = service.base
    assert service.base is same  # nothing happened to it
    (tmp_path / "other" / "data" / "catalog.db").replace(catalog_of(service))
    assert stored(service.base).repos() == ("acme/glider",)
    with service.using() as base:
        assert base is service.base
