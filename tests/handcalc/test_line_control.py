"""Comments: notes, directives, layouts, text rows, labels."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shown import last, rows

from handcalc import render


def test_a_trailing_comment_is_a_note() -> None:
    row = render("a = 5  # dead load, 50% of A_s").rows[0]
    assert row.note == "dead load, 50% of A_s"


def test_a_note_and_directives_can_share_a_comment() -> None:
    row = render("a = 2 / 3  # ratio #! precision=2 label=eq:r").rows[0]
    assert (row.note, row.result, row.label, row.number) == ("ratio", "0.67", "eq:r", 1)


def test_a_hidden_line_runs_without_a_row() -> None:
    assert rows("a = 5  #! hide\nb = a + 1") == ["b = a + 1 = 5 + 1 = 6"]


def test_labelled_equations_are_numbered_in_order() -> None:
    shown = render("a = 1\nb = a + 1  #! label=eq:b\nc = b + 1\nd = c + 1  #! label=eq:d")
    assert [row.number for row in shown.rows] == [None, 1, None, 2]
    assert r"\tag{2}" in shown.latex
    assert r"\begin{align*}" in shown.latex


def test_double_hashes_are_text_rows_between_calculations() -> None:
    kinds = [
        (row.kind, row.note) for row in render("## Loads\na = 1\n# not shown\n## Moments & more\nb = 2\n## End").rows
    ]
    assert kinds == [
        ("text", "Loads"),
        ("calculation", ""),
        ("text", "Moments & more"),
        ("calculation", ""),
        ("text", "End"),
    ]


def test_text_of_a_branch_that_is_not_taken_is_not_shown() -> None:
    shown = render("if a:\n    ## yes\n    b = 1\nelse:\n    ## no\n    b = 2", {"a": True})
    assert [row.note for row in shown.rows if row.kind == "text"] == ["yes"]


@pytest.mark.parametrize(
    ("comment", "layout"),
    [("# Parameters", "params"), ("# Long", "long"), ("#short", "short"), ("# SYMBOLIC", "symbolic")],
)
def test_a_leading_comment_sets_the_layout_from_there_on(comment: str, layout: str) -> None:
    shown = render(f"a = 1\n{comment}\nb = 2\nc = a + b")
    assert [row.layout for row in shown.rows] == ["auto", layout, layout]


def test_parameters_stand_in_columns() -> None:
    assert render("# Parameters\na = 1\nb = 2\nc = 3\nd = 4").latex.splitlines()[2:4] == [
        r"a & = 1 & \qquad b & = 2 & \qquad c & = 3 \\",
        "d & = 4",
    ]


def test_parentheses_around_the_whole_show_the_result_alone() -> None:
    assert last("b = (a * 2)", {"a": 3}) == "b = 6"
    assert last("b = (a + 1) * (a - 1)", {"a": 3}).startswith(r"b = \left(a + 1\right)")
    assert last("b = (a\n     + 1)", {"a": 3}) == "b = a + 1 = 3 + 1 = 4"


def test_a_hash_inside_a_string_is_no_comment() -> None:
    assert render('a = \'x # y\'\nb = """\n# Long\n"""\nc = 1').rows[-1].layout == "auto"
    assert render("a = '#! hide'").rows[0].note == ""


@given(st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=40))
def test_any_text_can_be_a_note(note: str) -> None:
    if "#!" not in note:
        assert render(f"a = 1  # {note}").latex.count(r"\begin{aligned}") == 1


@given(
    st.lists(
        st.sampled_from(["a = 1", "b = 'x#y'", "## t", "# Long", "", "c = 2 # n", "d = (1,", "2)", "'''", "if a:"])
    )
)
def test_comments_are_found_as_the_tokenizer_finds_them(lines: list[str]) -> None:
    import io
    import tokenize

    from handcalc import comments

    source = "\n".join(lines)
    try:
        compile(source, "x", "exec")
    except SyntaxError:
        return
    expected = [
        (token.start[0], token.string)
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    ]
    assert [(row, comment) for row, _, comment in comments._comments(source)] == expected
