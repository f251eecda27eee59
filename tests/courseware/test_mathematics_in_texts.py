"""Comments and answers with LaTeX, as pages without scripts show them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courseware import rendering
from courseware.mathematics import with_mathematics


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Well **seen**: $e^x$ grows.", "<msup><mi>e</mi><mi>x</mi></msup>"),
        (r"so \(\frac{a}{b}\)", "<mfrac>"),
        ("$$\\int_0^1 x\\,dx$$", 'display="block"'),
        ("\\begin{align*}a&=b\\\\c&=d\\end{align*}", "<mtable"),
        ("$x_1$ and $y_2$ are *not* emphasised", "<em>not</em>"),
    ],
)
def test_formulas_become_mathml_and_the_rest_markdown(text: str, expected: str) -> None:
    assert expected in rendering.markdown(text)
    assert "$" not in rendering.markdown(text)


@pytest.mark.parametrize("text", ["`$a$`", "```\n$a$\n```", "it costs $5 and $6", r"a \$ b \$ c", "2 $ and 3 $ left"])
def test_code_and_money_are_no_formulas(text: str) -> None:
    assert "<math" not in rendering.markdown(text)


@pytest.mark.parametrize(
    "text",
    [
        "$\\href{javascript:alert(1)}{x}$",
        "$\\text{<img src=x onerror=alert(1)>}$",
        "$<script>alert(1)</script>$",
        "$$\\style{background:url(https://x)}{x}$$",
        "\ue0000\ue001 <script>x</script>",
    ],
)
def test_a_formula_carries_nothing_that_runs_or_fetches(text: str) -> None:
    shown = rendering.markdown(text)
    assert not re.search(r"<(script|img|a|maction|semantics|style)\b|href=|\bon\w+=|\bstyle=", shown)


def test_what_cannot_be_read_stays_as_written() -> None:
    assert "$" + "x" * 5000 + "$" in rendering.markdown("$" + "x" * 5000 + "$")
    assert with_mathematics("$\\left( x$", str).count("<script") == 0


@given(st.text(alphabet="$\\\\(){}[]^_`ab1 \n<>&\ue000\ue001", max_size=60))
def test_no_text_breaks_a_page(text: str) -> None:
    shown = rendering.markdown(text)
    assert "\ue000" not in shown
    assert not re.search(
        r"<(?!/?(math|m\w+|none|p|pre|code|em|strong|blockquote|ul|ol|li|hr|br|a|h\d|img|del|s|table|div|"
        r"span|b|i|sub|sup)\b)",
        shown,
    )
