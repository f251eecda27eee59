"""Users as a table, and what tokens cover: pure rules."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import InvalidError
from hub.policy import Scope, actor_with, scope_needed, token_allows
from hub.user_table import parse

NAMES = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True)
TITLES = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=30)


@given(st.lists(st.tuples(NAMES, TITLES), unique_by=lambda pair: pair[0], max_size=20), st.sampled_from(",;\t"))
def test_what_a_spreadsheet_writes_is_read_back(people: list[tuple[str, str]], delimiter: str) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerows([("name", "display_name"), *people])
    entries = parse("\ufeff" + out.getvalue())
    assert [(entry.name, entry.display_name, entry.problem) for entry in entries] == [(n, t, "") for n, t in people]


@given(st.text(max_size=300))
def test_any_text_is_a_table_or_said_to_be_none(text: str) -> None:
    try:
        entries = parse(text)
    except InvalidError:
        return
    assert all(entry.line >= 2 for entry in entries)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("", "empty"),
        ("email\na@b.example\n", "name"),
        ("name,colour\nada,red\n", "colour"),
        ("name,name\nada,x\n", "twice"),
        ('name\n"ada', "Line"),
    ],
)
def test_a_table_that_cannot_be_read_is_explained(table: str, words: str) -> None:
    with pytest.raises(InvalidError, match=words):
        parse(table)


@pytest.mark.parametrize("line", ["ada,,,maybe", "ada,,no address,", "../x,,,", "ada,x,,,,too many"])
def test_a_wrong_line_is_told_with_its_number(line: str) -> None:
    [good, wrong] = parse(f"name,display_name,email,admin\nemmy,Emmy,e@x.example,no\n{line}\n")
    assert (good.problem, good.is_admin) == ("", False)
    assert wrong.line == 3
    assert wrong.problem


SCOPES = st.frozensets(st.sampled_from(Scope))
METHODS = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"])
AREAS = st.sampled_from(["projects", "courses", "me", "users"])


@given(SCOPES, METHODS, AREAS, st.booleans(), st.booleans())
def test_a_token_never_does_more_than_its_scopes(
    scopes: frozenset[Scope], method: str, area: str, is_admin: bool, is_administration: bool
) -> None:
    actor = actor_with("ada", is_admin, scopes)
    assert actor.is_admin == (is_admin and Scope.ADMIN in scopes)
    if token_allows(actor, scope_needed(method, area, is_administration=is_administration)):
        if is_administration:
            assert Scope.ADMIN in scopes
        elif area == "courses":
            assert Scope.COURSES in scopes
        elif method != "GET":
            assert Scope.WRITE in scopes
        else:
            assert scopes & {Scope.READ, Scope.WRITE}
    assert token_allows(actor_with("ada", is_admin, None), Scope.ADMIN)  # a person at a browser is not limited
