"""Feeds read from a real server on the loopback interface: what is stored, what it costs, and every way a feed can be wrong."""

from __future__ import annotations

import email.utils
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ingest import _html
from ingest.rss_feed import Source
from kb.catalog import Catalog
from kb.config import load_config
from kb.errors import ConfigError, SourceError, SourceStoppedError
from kb.plugins import build_sources
from kb.protocols import SourceContext
from kb.sync import sync
from kb.types import Batch, Event, Record
from tests.feed_server import QUICK, Answer, WebServer, moved, zipped

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

ATOM = """<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://blog.example/">
<title>Blog</title>
<entry>
  <id>tag:blog.example,2026:1</id>
  <title type="html">Faster &lt;b&gt;MoE&lt;/b&gt; &amp;amp; more</title>
  <link rel="alternate" href="posts/faster-moe"/>
  <author><name>Ann</name></author><author><name>Bob</name></author>
  <category term="moe" label="MoE"/><category term="gpu"/><category term="gpu"/>
  <published>2026-02-01T10:00:00+02:00</published><updated>2026-02-03T00:00:00Z</updated>
  <summary>Short.</summary>
  <content type="html">&lt;p&gt;See &lt;a href="https://github.com/acme/rocket/pull/12"&gt;our change&lt;/a&gt; and
    &lt;a href="../notes"&gt;notes&lt;/a&gt;.&lt;/p&gt;
    &lt;script&gt;alert(1)&lt;/script&gt;&lt;ul&gt;&lt;li&gt;1.8x&lt;/li&gt;&lt;/ul&gt;</content>
</entry>
<entry>
  <id>tag:blog.example,2026:2</id><title>Plain a &lt; b</title><updated>2026-01-05T00:00:00Z</updated>
  <content type="text">one
two</content>
</entry>
</feed>"""

RSS = """<?xml version="1.0"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>News</title>{items}</channel></rss>"""
RDF = """<?xml version="1.0"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="x"><title>t</title></channel>
<item rdf:about="https://h.example/1"><title>Old</title><link>https://h.example/1</link><dc:date>2026-01-02</dc:date>
<description>d</description></item></rdf:RDF>"""
DAY = "<pubDate>Fri, 02 Jan 2026 03:04:05 GMT</pubDate>"


def rss(*items: str) -> str:
    return RSS.format(items="".join(f"<item>{item}</item>" for item in items))


def numbered(count: int) -> str:
    return rss(*(f"<guid>https://h.example/{at}</guid><title>Post {at}</title>{DAY}" for at in range(count)))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    monkeypatch.setattr(Source, "patience", QUICK)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with WebServer() as running:
        yield running


def source(url: str, *, now: datetime = NOW, **keys: str) -> Source:
    return Source(url=url, context=SourceContext(Path("unused"), now=now), **keys)  # type: ignore[arg-type]


def pulled(feed: Source, cursor: str | None = None) -> tuple[list[Record], str | None]:
    batches: list[Batch] = list(feed.pull(cursor))
    return [record for batch in batches for record in batch.records], batches[-1].cursor if batches else cursor


def failing(feed: Source, cursor: str | None = None) -> str:
    with pytest.raises(SourceError) as caught:
        list(feed.pull(cursor))
    assert caught.value.remedy
    return caught.value.message


def read(server: WebServer, feed: str | bytes) -> list[Record]:
    return pulled(source(server.serve("/feed", Answer(feed))))[0]


# --- what becomes of an entry ---------------------------------------------------------------------------------------------


def test_an_atom_entry_in_full(server: WebServer) -> None:
    first, second = read(server, ATOM)
    assert first.id.startswith("post:127.0.0.1/")
    assert (first.kind, first.repo, first.ref) == ("post", "", "127.0.0.1/faster-moe")
    assert first.title == "Faster MoE & more"
    assert first.body == (
        "See our change (https://github.com/acme/rocket/pull/12) and notes (https://blog.example/notes).\n- 1.8x"
    )
    assert first.url == "https://blog.example/posts/faster-moe"
    assert (first.author, first.labels) == ("Ann, Bob", ("MoE", "gpu"))
    assert first.events == (
        Event("published", datetime(2026, 2, 1, 8, tzinfo=UTC)),
        Event("revised", datetime(2026, 2, 3, tzinfo=UTC)),
    )
    assert (second.title, second.body, second.url) == ("Plain a < b", "one\ntwo", "")
    assert second.events == (Event("published", datetime(2026, 1, 5, tzinfo=UTC)),)


def test_rss_2_prefers_the_whole_content_and_rss_1_is_read_too(server: WebServer) -> None:
    whole = f"<guid isPermaLink='false'>g</guid><title>T</title><link>/p</link>{DAY}<description>short</description>"
    (record,) = read(server, rss(whole + "<content:encoded><![CDATA[<p>the whole text</p>]]></content:encoded>"))
    assert (record.body, record.url) == ("the whole text", f"{server.url}/p")
    assert record.at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    (old,) = read(server, RDF)
    assert (old.title, old.body, old.at) == ("Old", "d", datetime(2026, 1, 2, tzinfo=UTC))


def test_an_id_outlives_a_new_title_and_a_new_link_and_tells_entries_apart(server: WebServer) -> None:
    (before,) = read(server, rss(f"<guid isPermaLink='false'>7</guid><title>A</title><link>https://h.example/a</link>{DAY}"))
    (after,) = read(server, rss(f"<guid isPermaLink='false'>7</guid><title>B</title><link>https://h.example/b</link>{DAY}"))
    (other,) = read(server, rss(f"<guid isPermaLink='false'>8</guid><title>B</title><link>https://h.example/b</link>{DAY}"))
    assert before.id == after.id != other.id
    (by_link,) = read(server, rss(f"<title>A</title><link>https://h.example/a</link>{DAY}"))
    (renamed,) = read(server, rss(f"<title>Z</title><link>https://h.example/a</link>{DAY}"))
    assert by_link.id == renamed.id


def test_an_entry_that_stands_twice_is_one_record_and_one_that_says_nothing_is_none(server: WebServer) -> None:
    twice = f"<guid>https://h.example/a</guid><title>{{}}</title>{DAY}"
    feed = source(server.serve("/feed", Answer(rss(twice.format("New"), twice.format("Old"), DAY))))
    (record,), _ = pulled(feed)
    assert record.title == "New"
    assert feed.context.meter.reading.notes == (
        "127.0.0.1: 1 entries of the feed have neither title nor text nor link: left out",
    )


def test_an_entry_without_a_date_is_dated_when_it_was_first_seen_and_keeps_that_date(server: WebServer) -> None:
    undated = "<guid>https://h.example/u</guid><title>U</title><pubDate>soon</pubDate>"
    url = server.serve("/feed", Answer(rss(undated)), Answer(rss(undated, "<guid>https://h.example/v</guid><title>V</title>")))
    (first,), cursor = pulled(source(url))
    assert (first.events, first.marks) == ((Event("published", NOW),), ("undated",))
    later = NOW + timedelta(days=3)
    again, _ = pulled(source(url, now=later), cursor)
    assert again[0] == first
    assert again[1].at == later


def test_dates_that_are_none_are_undated_and_a_future_date_stays(server: WebServer) -> None:
    zero = "<entry><id>u:1</id><title>Z</title><updated>0000-13-45</updated></entry>"
    future = "<entry><id>u:2</id><title>F</title><updated>2031-01-01T00:00:00Z</updated></entry>"
    none, far = read(server, f'<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title>{zero}{future}</feed>')
    assert (none.at, none.marks) == (NOW, ("undated",))
    assert (far.at.year, far.marks) == (2031, ())


@pytest.mark.parametrize(
    ("link", "tag"),
    [
        ("https://github.com/acme/rocket/releases/tag/v1.2%2Frc", "v1.2/rc"),
        ("https://gitlab.com/acme/rocket/-/releases/v1.2", "v1.2"),
        ("https://pypi.org/project/rocket/1.2/", "1.2"),
    ],
)
def test_a_release_feed_gives_releases_of_its_repository(server: WebServer, link: str, tag: str) -> None:
    url = server.serve("/feed", Answer(rss(f"<guid>x:1</guid><title>Rocket</title><link>{link}</link>{DAY}")))
    feed = source(url, kind="release", repo="acme/rocket")
    (record,), _ = pulled(feed)
    assert (record.id, record.kind, record.repo, record.ref) == (f"release:acme/rocket@{tag}", "release", "acme/rocket", tag)
    assert (record.events[0].kind, feed.kinds) == ("released", ("release",))


# --- hostile text ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "http://[bad", ""])
def test_a_link_that_is_no_web_address_is_left_out(server: WebServer, link: str) -> None:
    (record,) = read(server, rss(f"<guid isPermaLink='false'>1</guid><title>T</title><link>{link}</link>{DAY}"))
    assert record.url == ""


def test_a_bomb_of_entities_is_not_expanded_and_no_file_is_read(server: WebServer, tmp_path: Path) -> None:
    layers = "".join(f'<!ENTITY e{at} "{f"&e{at - 1};" * 10}">' for at in range(1, 10))
    bomb = f'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY e0 "ha">{layers}]>' + rss("<title>&e9;</title>").partition("?>")[2]
    started = time.monotonic()
    assert sum(len(record.title) for record in read(server, bomb)) < 1000
    assert time.monotonic() - started < 5
    (tmp_path / "secret").write_text("hunter2")
    reach = f'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY f SYSTEM "file://{tmp_path}/secret">]>'
    (record,) = read(server, reach + rss("<title>x&f;</title>").partition("?>")[2])
    assert record.title == "x"


def test_huge_titles_and_bodies_are_cut_and_control_characters_are_gone(server: WebServer) -> None:
    item = f"<guid>https://h.example/a</guid><title>{'t' * 60_000}</title>{DAY}<description>{'w ' * 150_000}</description>"
    (record,) = read(server, rss(item))
    assert (len(record.title), len(record.body), record.marks) == (500, 200_000, ("truncated",))
    (odd,) = read(server, rss(f"<guid>https://h.example/a</guid><title>a\x00b\x1b[31mc\u202ed</title>{DAY}"))
    assert odd.title == "abcd"


@pytest.mark.parametrize(
    "data",
    [
        rss("<title>café 中文</title>").encode("utf-16"),
        rss("<title>café 中文</title>").replace('"1.0"?', '"1.0" encoding="nonsense-8"?').encode(),
        b"\xef\xbb\xbf  " + rss("<title>café 中文</title>").encode().partition(b"?>")[2],
    ],
)
def test_odd_encodings_are_read(server: WebServer, data: bytes) -> None:
    assert [record.title for record in read(server, data)] == ["café 中文"]


def test_a_malformed_feed_is_read_with_a_note(server: WebServer) -> None:
    feed = source(server.serve("/feed", Answer(rss(f"<guid>https://h.example/a</guid><title>A & B</title>{DAY}"))))
    records, _ = pulled(feed)
    assert [record.title for record in records] == ["A & B"]
    assert "the feed is malformed (not well-formed" in feed.context.meter.reading.notes[0]


def test_a_feed_that_ends_in_the_middle_gives_its_whole_entries_and_fails(server: WebServer) -> None:
    text = numbered(3)
    feed = source(server.serve("/feed", Answer(text[: text.index("Post 2") + 3], etag='"1"')))
    batches = feed.pull(None)
    whole = next(batches)
    assert [record.title for record in whole.records] == ["Post 0", "Post 1"]
    with pytest.raises(SourceError, match="ends in the middle, after 2 whole entries"):
        next(batches)
    assert "ends in the middle" in failing(feed, whole.cursor)  # not taken for read


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b"<!DOCTYPE html><html><body><entry><title>x</title></entry>sign in</body></html>", "it is an HTML page"),
        (b'{"version": "https://jsonfeed.org/version/1", "items": []}', "not well-formed"),
        (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "it is something else"),
        (bytes(range(256)) * 8, "not well-formed"),
        (b"<?xml version='1.0'?><rss version='2.0'><chan", "unclosed token"),
    ],
)
def test_what_is_no_feed_is_a_failure_and_never_nothing_new(server: WebServer, page: bytes, reason: str) -> None:
    url = server.serve("/feed", Answer(page))
    assert failing(source(url)).startswith(f"127.0.0.1: {url} is not an RSS or Atom feed: ")
    assert reason in failing(source(url))


def test_a_feed_without_entries_is_read(server: WebServer) -> None:
    (batch,) = source(server.serve("/feed", Answer(rss()))).pull(None)
    assert (batch.records, batch.expected) == ((), 0)


# --- what it costs, and what can happen on the way ------------------------------------------------------------------------


def test_an_unchanged_feed_costs_one_request_and_gives_no_batch(server: WebServer) -> None:
    url = server.serve("/feed", Answer(ATOM, etag='"v1"', headers={"Last-Modified": "Mon, 02 Feb 2026 00:00:00 GMT"}))
    _, cursor = pulled(source(url))
    feed = source(url)
    assert list(feed.pull(cursor)) == []
    assert feed.context.meter.reading.requests == 1
    assert server.requests[1].headers["if-none-match"] == '"v1"'
    assert server.requests[1].headers["if-modified-since"] == "Mon, 02 Feb 2026 00:00:00 GMT"


def test_the_same_bytes_without_an_etag_are_nothing_new_and_another_url_is(server: WebServer) -> None:
    _, cursor = pulled(source(server.serve("/feed", Answer(ATOM))))
    assert list(source(server.url + "/feed").pull(cursor)) == []
    server.serve("/other", Answer(ATOM, etag='"v1"'))
    records, _ = pulled(source(server.url + "/other"), cursor)
    assert len(records) == 2
    assert len(pulled(source(server.url + "/other"), "{}")[0]) == len(pulled(source(server.url + "/other"), '["old"]')[0]) == 2


def test_a_long_feed_comes_in_batches_and_only_the_last_one_says_that_it_was_read(server: WebServer) -> None:
    url = server.serve("/feed", Answer(numbered(250), etag='"v1"'))
    batches = list(source(url).pull(None))
    assert [len(batch.records) for batch in batches] == [100, 100, 50]
    assert {batch.expected for batch in batches} == {250}
    assert len(pulled(source(url), batches[0].cursor)[0]) == 250
    assert pulled(source(url), batches[-1].cursor)[0] == []


def test_a_failing_server_is_asked_again_and_then_told_of(server: WebServer) -> None:
    url = server.serve("/feed", Answer(status=503), Answer(ATOM, lost=50), Answer(ATOM))
    feed = source(url)
    assert len(pulled(feed)[0]) == 2
    assert feed.context.meter.reading.requests == 3
    broken = source(server.serve("/broken", Answer("oops", status=502)))
    assert failing(broken) == f"127.0.0.1: {server.url}/broken: HTTP 502 Bad Gateway"
    assert broken.context.meter.reading.requests == 3


@pytest.mark.parametrize(
    ("answer", "reason", "requests"),
    [
        (Answer(status=404), "HTTP 404 Not Found", 1),
        (Answer(status=410), "HTTP 410 Gone", 1),
        (Answer(status=401), "HTTP 401 Unauthorized", 1),
        (Answer(status=204), "HTTP 204 No Content", 1),
        (Answer(ATOM, lost=9), "peer closed connection without sending complete message body", 3),
        (Answer(silent=True), "no answer within 0.3 s", 3),
        (Answer(b"x" * 60, drip=0.05), "the answer was not complete after 1 s", 1),
        (Answer(ATOM, headers={"Content-Encoding": "gzip"}), "Error -3 while decompressing data", 1),
        (moved("/feed"), "Exceeded maximum allowed redirects", 6),
        (moved("ftp://h.example/feed"), "Request URL has an unsupported protocol", 2),
    ],
)
def test_every_fault_is_one_line_after_a_bounded_number_of_requests(
    server: WebServer, answer: Answer, reason: str, requests: int
) -> None:
    feed = source(server.serve("/feed", answer))
    assert failing(feed).startswith(f"127.0.0.1: {server.url}/feed: {reason}")
    assert feed.context.meter.reading.requests == requests


def test_nobody_listening_is_a_failure(server: WebServer) -> None:
    with WebServer() as gone:
        url = gone.serve("/feed", Answer(ATOM))
    assert "Connection refused" in failing(source(url))


def test_a_short_wait_that_the_server_asks_for_is_kept_and_a_long_one_is_told(server: WebServer) -> None:
    soon = email.utils.format_datetime(NOW, usegmt=True)
    busy = [Answer(status=429, headers={"Retry-After": value}) for value in ("0", soon)]
    assert len(pulled(source(server.serve("/feed", *busy, Answer(ATOM))))[0]) == 2
    feed = source(server.serve("/feed", Answer(status=429, headers={"Retry-After": "3600"})))
    assert failing(feed).endswith("HTTP 429 Too Many Requests; the server asks to wait 3600 s")
    assert feed.context.meter.reading.requests == 1
    assert feed.context.meter.reading.reset == NOW + timedelta(hours=1)


def test_a_feed_that_moved_for_good_is_read_with_a_note_and_its_ids_stay(server: WebServer) -> None:
    url = server.serve("/old", moved("/new", 308))
    server.serve("/new", Answer(numbered(1)))
    feed = source(url)
    (record,), _ = pulled(feed)
    assert feed.context.meter.reading.notes == (f"127.0.0.1: the feed has moved for good to {server.url}/new: change url",)
    assert feed.context.meter.reading.requests == 2
    server.serve("/old", Answer(numbered(1)))
    assert pulled(source(url))[0] == [record]
    passing = source(server.serve("/now", moved("/new", 302)))
    pulled(passing)
    assert passing.context.meter.reading.notes == ()


def test_a_page_without_end_is_not_read_to_its_end(server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.rss_feed.MOST_BYTES", 1 << 20)
    assert failing(source(server.serve("/feed", zipped(b"<a>" * (20 << 20))))).endswith("more than 1 MB")


def test_an_interruption_ends_a_wait_at_once(server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Source, "patience", replace(QUICK, first_wait=30.0, longest_wait=30.0))
    feed = source(server.serve("/feed", Answer(status=503)))
    threading.Timer(0.1, feed.context.stop.set).start()
    started = time.monotonic()
    with pytest.raises(SourceStoppedError):
        list(feed.pull(None))
    assert time.monotonic() - started < 5


def test_no_secret_leaves_the_address(server: WebServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    port = server.url.rpartition(":")[2]
    server.serve("/feed", Answer(ATOM), Answer(status=500))
    url = f"http://ann:hunter2@127.0.0.1:{port}/feed?token=hunter3"
    _, cursor = pulled(source(url))
    assert server.requests[0].headers["authorization"].startswith("Basic ")
    assert server.requests[0].query == {"token": ["hunter3"]}
    told = " ".join((failing(source(url)), str(cursor), repr(source(url)), caplog.text))
    assert "hunter" not in told
    assert "/feed?…: HTTP 500" in told


# --- configuration, files, and the store ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"url": "ftp://h.example/x"}, "is not a web address"),
        ({"url": "https://"}, "is not a web address"),
        ({"url": "https://h.example/x", "repo": "rocket"}, "is not of the form owner/name"),
        ({"url": "https://h.example/x", "kind": "release"}, 'kind = "release" needs repo'),
    ],
)
def test_wrong_keys_are_told_before_anything_is_read(keys: dict[str, str], line: str) -> None:
    with pytest.raises(ConfigError, match=line):
        source(**keys)


def test_names_and_lanes_come_from_the_host() -> None:
    feed = source("https://www.blog.example/feed.xml")
    assert (feed.name, feed.lane, feed.kinds) == ("blog.example", "www.blog.example", ("post",))
    local = source("/somewhere/team.xml")
    assert (local.name, local.lane) == ("team", "")


def test_a_local_file_is_read_by_the_configuration_and_stored_once(tmp_path: Path) -> None:
    (tmp_path / "team.xml").write_text(ATOM, encoding="utf-8")
    (tmp_path / "kb.toml").write_text('[[sources]]\nuse = "rss_feed"\nurl = "team.xml"\n', encoding="utf-8")
    sources = build_sources(load_config(tmp_path / "kb.toml"), tmp_path / "data")
    with Catalog.open(tmp_path / "catalog.db") as catalog:
        first = sync(catalog, sources).runs[0]
        assert (first.row.status, first.row.repo, first.stored.new) == ("ok", "", 2)
        assert sync(catalog, sources).runs[0].row.fetched == 0
        shorter = ATOM[: ATOM.rindex("<entry>")] + "</feed>"
        (tmp_path / "team.xml").write_text(shorter, encoding="utf-8")
        third = sync(catalog, sources).runs[0].stored
        assert (third.new, third.unchanged, third.gone) == (0, 1, 0)  # what leaves a feed stays
        (tmp_path / "team.xml").unlink()
        failed = sync(catalog, sources).runs[0].row
        assert (failed.status, failed.error) == ("failed", f"team: {tmp_path}/team.xml: No such file or directory; check url")


# --- HTML -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("plain &amp; simple", "plain & simple"),
        ("<h1>A</h1><p>b<br>c</p>d", "A\nb\nc\nd"),
        ("<ul><li><p>one</p><li>two</ul>", "- one\n- two"),
        ("<pre><code>if a:\n    b &lt; c\n</code></pre> after", "```\nif a:\n    b < c\n```\nafter"),
        ("<table><tr><td>H100</td><td>1.8x</td></tr></table>", "H100 1.8x"),
        ("<a href='https://h.example/'>https://h.example/</a>", "https://h.example/"),
        ("<a href='/x'>x</a> <a href='javascript:y'>y</a> <a>z</a>", "x (https://h.example/x) y z"),
        ("<!-- c --><style>p {}</style><iframe src=x>i</iframe>t", "t"),
        ("<?xml version='1.0' encoding='utf-16'?><p>x", "x"),
        ("a\x00b\ud800c", "abc"),
        ("<!-- nothing -->", ""),
        ("", ""),
    ],
)
def test_html_as_text(markup: str, text: str) -> None:
    assert _html.text(markup, base="https://h.example/p") == text


@pytest.mark.parametrize("unit", ["<div>", "<!--", "<![", "<a ", '<a x="', "&", "<", "<table>", "<a href=x>y</a>", "<p a{}=1 "])
def test_hostile_markup_takes_no_time(unit: str) -> None:
    markup = "".join(unit.format(at) for at in range(2_000_000 // len(unit)))
    started = time.monotonic()
    _html.text(markup)
    assert time.monotonic() - started < 5
