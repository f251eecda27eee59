"""Points of curves, against the curves themselves."""

from __future__ import annotations

import math

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import sympy as sp

from kernels.math import DomainError, sampling

x, y = sp.symbols("x y")


def test_sampled_curve_is_ordered_and_dense_where_it_bends() -> None:
    points = sampling.sample_curve("exp(-1000*(x - 0.3)**2)", 0, 1)
    assert (np.diff(points[:, 0]) > 0).all()
    np.testing.assert_allclose(points[:, 1], np.exp(-1000 * (points[:, 0] - 0.3) ** 2), atol=1e-12)
    dense = np.linspace(0, 1, 20_001)
    error = np.abs(np.interp(dense, *points.T) - np.exp(-1000 * (dense - 0.3) ** 2)).max()
    assert error < 5e-3
    uniform = np.linspace(0, 1, len(points))
    coarse = np.abs(
        np.interp(dense, uniform, np.exp(-1000 * (uniform - 0.3) ** 2)) - np.exp(-1000 * (dense - 0.3) ** 2)
    ).max()
    assert error < coarse


def test_parametric_curves_and_callables_are_sampled() -> None:
    circle = sampling.sample_curve(["cos(t)", "sin(t)"], 0, 2 * math.pi, variable=["t"])
    np.testing.assert_allclose(np.hypot(*circle.T), 1, rtol=1e-12)
    called = sampling.sample_curve(math.sin, 0, 1)
    np.testing.assert_allclose(called[:, 1], np.sin(called[:, 0]))


def test_undefined_parts_break_the_line_at_their_border() -> None:
    points = sampling.sample_curve("sqrt(x)", -1, 1)
    defined = np.isfinite(points[:, 1])
    assert abs(points[defined, 0].min()) < 1e-4
    assert (points[~defined, 0] < 0).all()


def test_implicit_circle_lies_on_the_circle_and_poles_are_left_out() -> None:
    lines = sampling.implicit_curve(sp.Eq(x**2 + y**2, 1), (-2, 2), (-2, 2))
    assert len(lines) == 1
    np.testing.assert_allclose(np.hypot(*lines[0].T), 1, atol=1e-4)
    assert np.hypot(*np.diff(lines[0], axis=0).T).sum() == pytest.approx(2 * math.pi, rel=1e-3)
    assert sampling.implicit_curve("1/(x - 0.123)", (-1, 1), (-1, 1), variables=("x", "y")) == []


def test_grid_values_stand_at_their_coordinates() -> None:
    gx, gy, values = sampling.sample_grid(x - 3 * y, (0, 1), (2, 4), (5, 3))
    np.testing.assert_allclose(values, gx - 3 * gy[:, None])


def test_domain_colouring_shows_argument_as_hue_and_poles_as_white() -> None:
    picture = sampling.complex_domain_coloring("z", (-1, 1), (-1, 1), (101, 101))
    assert picture.shape == (101, 101, 3)
    assert picture[50, 90].argmax() == 0  # positive real: red
    assert picture[50, 10, 1] == pytest.approx(picture[50, 10, 2], abs=1e-9)  # negative real: cyan
    assert (picture[50, 50] == 1).all()
    assert ((picture >= 0) & (picture <= 1)).all()


def test_plots_take_one_line() -> None:
    axes = sampling.plot_curve("sin(x)/x", -10, 10, color="red")
    assert len(axes.lines) == 1
    assert len(sampling.plot_implicit("x**3 - y**2 - x", (-2, 2), (-2, 2)).collections) == 1
    assert len(sampling.plot_complex("(z**2 - 1)/(z + I)").images) == 1
    plt.close("all")


@pytest.mark.parametrize(
    "call",
    [
        lambda: sampling.sample_curve("x", 1, 0), lambda: sampling.sample_curve("x", 0, math.inf),
        lambda: sampling.sample_curve("x", 0, 1, tolerance=0),
        lambda: sampling.sample_grid("x*y", (0, 1), (0, 1), (1, 5)),
        lambda: sampling.complex_domain_coloring("z", (1, 1)),
    ],
)  # fmt: skip
def test_bad_ranges_are_named_errors(call: object) -> None:
    with pytest.raises(DomainError):
        call()  # type: ignore[operator]
