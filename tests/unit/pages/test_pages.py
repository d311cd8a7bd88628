"""One-page reports: what they hold is escaped, nothing is fetched, and the same content gives the same page."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import TemplateRuntimeError, UndefinedError

from hailstream.errors import HailstreamError
from hailstream.pages.figures import inline_svg, new_figure
from hailstream.pages.page import (
    check_page_target,
    dollars,
    environment,
    number,
    render_page,
    share,
    span,
    utc,
    write_whole,
)

PAGE = """{% extends "pages/frame.html" %}{% import "pages/parts.html" as parts %}
{% block title %}{{ name }}{% endblock %}
{% block content %}{{ parts.tile(3 | number, name, "bad") }}
{{ parts.table(["zone", "rows"], [[name, 1234 | number]], numbers=["rows"]) }}
{% for drawn in figures %}{{ parts.figure(drawn, "what it shows") }}{% endfor %}{% endblock %}"""


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.ids.append(value)
            if name in {"src", "href", "xlink:href", "action"} and value and not value.startswith("#"):
                self.outside.append(f"{tag} {value}")
        if tag in {"script", "link", "iframe"}:
            self.outside.append(tag)


def figure_of(*values: int, name: str) -> str:
    figure = new_figure()
    axes = figure.subplots()
    axes.plot(values)
    axes.set_title("Fish & <chips>")
    axes.fill_between(range(len(values)), values, clip_on=True)
    return inline_svg(figure, name, 'drift "by hour" <b>')


def page(name: str) -> str:
    drawn = [figure_of(1, 2, name="one"), figure_of(1, 2, name="two")]
    return environment().from_string(PAGE).render({"name": name, "figures": drawn})


def test_what_comes_from_data_is_escaped_and_figures_are_not() -> None:
    text = page("<script>alert(1)</script>")
    assert "<script" not in text
    assert text.count("&lt;script&gt;") == 4
    assert text.count("<svg ") == 2
    assert 'aria-label="drift &#34;by hour&#34; &lt;b&gt;"' in text


def test_a_page_fetches_nothing_and_has_no_id_twice() -> None:
    tags = Tags()
    tags.feed(page("plain"))
    assert tags.outside == []
    assert len(tags.ids) == len(set(tags.ids)) > 10
    assert set(re.findall(r"url\(#([^)]+)\)", page("plain"))) <= set(tags.ids)


def test_the_same_content_gives_the_same_page() -> None:
    assert page("plain") == page("plain")


def test_a_figure_is_as_wide_as_its_place() -> None:
    head = figure_of(1, 2, name="one").split(">")[0]
    assert "viewBox" in head
    assert " width=" not in head


def test_a_name_that_a_template_has_not_been_given_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        environment().from_string(PAGE).render({"figures": []})
    with pytest.raises(TemplateRuntimeError, match="Required block"):
        render_page("pages/frame.html", {})


def test_numbers_are_for_people() -> None:
    assert (number(1234567), number(0.126, 2), number(None)) == ("1,234,567", "0.13", "–")
    assert (dollars(123_456), dollars(-5), dollars(0)) == ("$1,234.56", "-$0.05", "$0.00")
    assert (share(0.0996), share(0.00001), share(0), share(1)) == ("10.0 %", "< 0.1 %", "0.0 %", "100.0 %")
    assert utc(datetime(2024, 1, 17, 13, 45, tzinfo=UTC)) == "2024-01-17 13:45"
    assert (span(timedelta(seconds=45.32)), span(200), span(18_600)) == ("45.3 s", "3 min 20 s", "5 h 10 min")


def test_a_page_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    write_whole(target, "old")
    write_whole(target, "né")
    assert target.read_bytes() == "né".encode()
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(HailstreamError, match=r"folder\.html: cannot be written"):
        write_whole(tmp_path / "folder.html", "text")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.html", "report.html"]


@pytest.mark.parametrize(("target", "told"), [("report.pdf", "not a page"), ("no/report.html", "no such folder")])
def test_where_no_page_can_be_written_is_told_before(target: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(HailstreamError, match=told) as refused:
        check_page_target(tmp_path / target)
    assert refused.value.exit_code == 2
