"""The decorator: functions of every kind, unchanged but for what they return."""

from __future__ import annotations

from typing import Any

import pytest

from handcalc import HandcalcError, OptionError, handcalc
from handcalc.plaintext import plain

G = 9.81


def text(latex: str) -> list[str]:
    """Return the rows of a block as plain text."""
    body = latex.removeprefix("\\[\n\\begin{aligned}\n").removesuffix("\n\\end{aligned}\n\\]")
    return [plain(line.replace("& &", "\\quad").replace("&", " ")) for line in body.split("\\\\\n")]


@handcalc
def energy(m: float, h: float = 2.0, *, v: float = 0.0) -> float:
    """Return the energy."""
    E_p = m * G * h
    if v == 0:
        return E_p
    E_k = m * v**2 / 2  # kinetic
    return E_p + E_k


def test_a_call_returns_the_latex_and_the_result() -> None:
    latex, result = energy(3, v=2)  # type: ignore[misc]
    assert result == 3 * G * 2 + 6
    assert text(latex) == [
        "E_p = m ⋅ G ⋅ h = 3 ⋅ 9.81 ⋅ 2 = 58.86",
        "Since v = 0 is false (2 = 0 is false):",
        "E_k = (m ⋅ v²)/2 = (3 ⋅ 2²)/2 = 6 kinetic",
        "E_p + E_k = 58.86 + 6 = 64.86",
    ]


def test_an_early_return_ends_the_calculation() -> None:
    latex, result = energy(1, h=1)  # type: ignore[misc]
    assert result == G
    assert len(text(latex)) == 3


def test_name_signature_and_documentation_stay() -> None:
    assert energy.__name__ == "energy"  # type: ignore[attr-defined]
    assert energy.__doc__ == "Return the energy."
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'm'"):
        energy()  # type: ignore[call-arg]


def test_methods_closures_and_keywords() -> None:
    factor = 3

    class Beam:
        def __init__(self) -> None:
            self.L = 4.0

        @handcalc
        def moment(self, q: float, **more: float) -> float:
            M = q * self.L**2 / 8
            return M * factor + sum(more.values())

    latex, result = Beam().moment(5, x=1)
    assert result == 5 * 16 / 8 * 3 + 1
    assert text(latex)[0] == "M = (q ⋅ L²)/8 = (5 ⋅ 4²)/8 = 10"


def test_recursion_is_an_ordinary_call_inside() -> None:
    @handcalc
    def fact(n: int) -> Any:
        if n <= 1:
            return 1
        return n * fact(n - 1)

    latex, result = fact(4)  # type: ignore[misc]
    assert result == 24
    assert text(latex)[-1] == "n ⋅ fact(n − 1) = 4 ⋅ 6 = 24"


def test_loops_and_inner_functions() -> None:
    @handcalc(precision=3)
    def work(n: int) -> float:
        def half(x: float) -> float:
            return x / 2

        total = 0.0
        for k in range(1, n + 1):
            total += 1 / k
        return half(total)

    latex, result = work(4)  # type: ignore[misc]
    assert result == pytest.approx(25 / 24)
    assert text(latex)[1] == "total = ∑_(k = 1)^n 1/k = ∑_(k = 1)⁴ 1/k = 2.08"


def test_each_call_has_rows_of_its_own() -> None:
    first, _ = energy(1)  # type: ignore[misc]
    second, _ = energy(1)  # type: ignore[misc]
    assert first == second


def test_an_exception_passes_through_and_the_rows_so_far_can_be_read() -> None:
    @handcalc
    def broken(a: float) -> float:
        b = a * 2
        return b / 0

    with pytest.raises(ZeroDivisionError) as raised:
        broken(1.5)
    assert raised.traceback[-1].path.name == "test_decorator.py"
    assert broken.rendering is not None
    assert broken.rendering.text == "b = a ⋅ 2 = 1.5 ⋅ 2 = 3"


def test_display_shows_and_returns_the_result_alone(capsys: pytest.CaptureFixture[str]) -> None:
    @handcalc(display=True)
    def double(a: float) -> float:
        return a * 2

    assert double(2) == 4
    assert "a ⋅ 2 = 2 ⋅ 2 = 4" in capsys.readouterr().out


def test_what_has_no_source_or_is_no_function_is_refused() -> None:
    namespace: dict[str, Any] = {}
    exec("def f(): return 1", namespace)
    with pytest.raises(HandcalcError, match="source of f cannot be found"):
        handcalc(namespace["f"])
    with pytest.raises(HandcalcError, match="written in Python"):
        handcalc(len)
    with pytest.raises(OptionError, match="unknown option"):
        handcalc(precison=3)


def test_the_peers_arguments_are_taken_for_moving_over() -> None:
    from handcalc.handcalcs_names import handcalc as theirs
    from handcalc.handcalcs_names import set_option

    @theirs(override="long", precision=2)
    def third(a: float) -> float:
        return a / 3

    latex, _ = third(1.0)  # type: ignore[misc]
    assert latex.count("\\\\") == 1
    assert "0.33" in latex
    set_option("display_precision", 2)
    with pytest.raises(OptionError, match="no equal here"):
        set_option("greek_exclusions", [])
