"""Real processes: one searches while another syncs and indexes; a Chroma server that lives, dies, and never answers."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from index.chroma import ChromaCards
from kb.errors import VectorError
from tests.indexing import RECORDS, build, found_titles, library
from tests.records import commit, put

ROOT = Path(__file__).parent.parent


def wait_for(path: Path, process: subprocess.Popen[str], *, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.05)


def test_one_process_searches_while_another_syncs_indexes_and_reindexes(tmp_path: Path) -> None:
    build(tmp_path)
    command = [sys.executable, "-m", "tests.searching", str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        wait_for(tmp_path / "searching", process)
        with library(tmp_path) as made:
            for number in range(10, 14):
                put(made.catalog, commit(number, f"Tune kernel {number}"), commit(2, f"MoE routing, take {number}"))
                made.indexer.index()
                made.indexer.rebuild()
        (tmp_path / "searching").unlink()
        wait_for(tmp_path / "searching", process)  # it goes on after the last swap
        (tmp_path / "stop").touch()
        said, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, errors
    counts = json.loads(said)
    assert counts["searches"] == counts["right"] > 2
    assert "" in counts["degraded"]


# --- a Chroma server ------------------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Server:
    """A Chroma server on loopback."""

    def __init__(self, folder: Path) -> None:
        self.address = f"http://127.0.0.1:{(port := free_port())}"
        chroma = Path(sys.executable).parent / "chroma"
        command = [str(chroma), "run", "--path", str(folder), "--host", "127.0.0.1", "--port", str(port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ})
        end = time.monotonic() + 60
        while time.monotonic() < end and self._process.poll() is None:
            try:
                httpx.get(f"{self.address}/api/v2/heartbeat", timeout=1).raise_for_status()
                return
            except httpx.HTTPError:
                time.sleep(0.1)
        self.stop()
        pytest.fail("the Chroma server did not start")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    started = Server(tmp_path / "server")
    yield started
    started.stop()


def test_a_chroma_server_serves_from_end_to_end_until_it_dies(tmp_path: Path, server: Server) -> None:
    with library(tmp_path, address=server.address) as made:
        put(made.catalog, *RECORDS)
        made.indexer.index()
        assert made.in_chroma() == made.in_vectors()
        assert made.index.chroma.count(made.manifest.collection) == len(made.in_vectors())
        found = made.find("memory leak in the KV cache")
        assert (found_titles(found)[0], found.degraded) == ("Fix a memory leak in the KV cache", "")
        direction = made.index.embedder.query("sliding window attention").sentence
        assert made.index.chroma.nearest(made.manifest.collection, direction, 1)[0].startswith(RECORDS[4].id)
        old = made.manifest
        made.indexer.rebuild()
        assert made.collections() == [made.manifest.collection] != [old.collection]
        server.stop()
        put(made.catalog, commit(9, "Another memory leak"))
        started = time.monotonic()
        with pytest.raises(VectorError, match=rf"{server.address}(.|\n)*index.chroma"):
            made.indexer.index()
        assert found_titles(made.find("another memory leak"))[0] == "Another memory leak"
        assert time.monotonic() - started < 20
    assert not (tmp_path / "chroma").exists()


def test_an_embedded_index_is_built_anew_when_a_server_is_configured(tmp_path: Path, server: Server) -> None:
    build(tmp_path)
    with library(tmp_path, address=server.address) as made:
        assert "no vectors yet" in made.find("memory leak").degraded
        assert made.indexer.index().records == len(RECORDS)
        assert made.in_chroma() == made.in_vectors()
        assert made.find("memory leak").degraded == ""


def test_a_server_that_is_not_there_is_said_within_seconds(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(VectorError, match=r"cannot be opened(.|\n)*start the server"):
        ChromaCards(folder=tmp_path, address=f"http://127.0.0.1:{free_port()}").count("cards-0000")
    assert time.monotonic() - started < 20


def test_a_server_that_never_answers_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        with pytest.raises(VectorError, match=r"cannot be opened(.|\n)*index.chroma"):
            ChromaCards(folder=tmp_path, address=f"http://127.0.0.1:{silent.getsockname()[1]}").count("cards-0000")
        assert time.monotonic() - started < 20
