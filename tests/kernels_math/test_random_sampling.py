"""``sampling`` on random curves and functions: points lie on them, and nothing of them is missed."""

from __future__ import annotations

import math
from collections.abc import Callable

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import sympy as sp
from numpy.typing import NDArray

from kernels.math import DomainError, fast_callable, sampling

Floats = NDArray[np.float64]
x, y, z, t = sp.symbols("x y z t")


def rounded(rng: np.random.Generator, low: float, high: float, count: int) -> list[float]:
    """Numbers with few digits, which SymPy reads quickly."""
    return [float(v) for v in np.round(rng.uniform(low, high, count), 3)]


def from_polyline(points: Floats, line: Floats) -> Floats:
    """Distance of every point from a polyline."""
    a, d = line[:-1], np.diff(line, axis=0)
    length = np.maximum((d**2).sum(axis=1), 1e-300)
    part = np.clip(((points[:, None] - a) * d).sum(axis=2) / length, 0, 1)
    nearest: Floats = np.hypot(*(points[:, None] - a - part[:, :, None] * d).transpose(2, 0, 1)).min(axis=1)
    return nearest


def diagonal(points: Floats) -> float:
    return float(np.hypot(*np.ptp(points, axis=0)))


def test_sampled_graphs_hold_the_curve_within_their_tolerance(cases: int, rng: np.random.Generator) -> None:
    for case in range(cases):
        c, k = rounded(rng, -2, 2, 3), rounded(rng, 0.5, 6, 2)
        a, tolerance = float(rng.uniform(-2, 1)), float(10 ** rng.uniform(-4, -2))
        b, first = a + float(rng.uniform(0.1, 4)), int(rng.integers(30, 80))

        def f(v: float, c: list[float] = c, k: list[float] = k) -> float:
            return c[0] * math.sin(k[0] * v + c[1]) + c[2] * math.exp(-k[1] * v * v)

        text = f"{c[0]}*sin({k[0]}*x + {c[1]}) + {c[2]}*exp(-{k[1]}*x**2)"
        curve = f if case % 10 else text
        points = sampling.sample_curve(curve, a, b, tolerance=tolerance, points=first)
        np.testing.assert_allclose(points[[0, -1], 0], [a, b], rtol=0, atol=1e-15)
        assert (np.diff(points[:, 0]) > 0).all()
        assert len(points) >= first
        np.testing.assert_allclose(points[:, 1], [f(v) for v in points[:, 0]], rtol=0, atol=1e-12)
        dense = np.array([(v, f(v)) for v in rng.uniform(a, b, 60)])
        assert from_polyline(dense, points).max() <= 1.3 * tolerance * diagonal(points)


def test_sampled_parametric_curves_follow_the_whole_curve(cases: int, rng: np.random.Generator) -> None:
    for _ in range(max(1, cases // 10)):  # SymPy takes milliseconds to read each
        (p, q, shift), turns = rounded(rng, 0.5, 2, 3), int(rng.integers(1, 4))
        curve = [p * sp.cos(t), q * sp.sin(turns * t + shift)]
        points = sampling.sample_curve(curve, 0, 2 * math.pi, variable="t", tolerance=1e-3)
        angle = rng.uniform(0, 2 * math.pi, 60)
        dense = np.column_stack([p * np.cos(angle), q * np.sin(turns * angle + shift)])
        assert from_polyline(dense, points).max() <= 1.3e-3 * diagonal(points)
        np.testing.assert_allclose(points[0], points[-1], atol=1e-12)


def test_sampling_ends_at_the_border_of_the_domain_and_at_the_most_points(cases: int, rng: np.random.Generator) -> None:
    for _ in range(max(1, cases // 10)):
        a, border = -float(rng.uniform(0.5, 2)), float(rng.uniform(0, 1))

        def root(v: float, border: float = border) -> float:
            return math.sqrt(v - border) if v >= border else math.nan

        points = sampling.sample_curve(root, a, 1.5)
        defined = np.isfinite(points[:, 1])
        assert 0 <= points[defined, 0].min() - border < 1e-6
        assert (points[~defined, 0] < border).all()
        most = int(rng.integers(64, 200))
        assert len(sampling.sample_curve(root, a, 1.5, tolerance=1e-12, max_points=most)) == most


SURFACES: list[tuple[str, Callable[[Floats, Floats], Floats]]] = [
    ("x*exp(-y) + y**3", lambda a, b: a * np.exp(-b) + b**3),
    ("sin(x*y)/(1 + x**2)", lambda a, b: np.sin(a * b) / (1 + a**2)),
    ("Piecewise((x, x < y), (Max(x, y)**2, True))", lambda a, b: np.where(a < b, a, np.maximum(a, b) ** 2)),
    ("log(x)*sqrt(y)", lambda a, b: np.log(a) * np.sqrt(b)),
    ("y", lambda a, b: b + 0 * a),
    ("3", lambda a, b: 3 + 0 * a * b),
]


def test_grids_hold_the_values_at_their_coordinates(cases: int, rng: np.random.Generator) -> None:
    compiled = [(fast_callable(text, ("x", "y")), f) for text, f in SURFACES]
    for case in range(cases):
        program, f = compiled[case % len(compiled)]
        (a, b), (c, d) = (np.sort(rng.uniform(-3, 3, 2)) for _ in range(2))
        shape = int(rng.choice([2, 3, 31, 64, 65])), int(rng.choice([2, 5, 63, 64, 65, 257]))
        if case % 50 == 0:  # a text is read anew
            gx, gy, values = sampling.sample_grid(SURFACES[case % 4][0], (a, b), (c, d), shape)
            f = SURFACES[case % 4][1]
        else:
            gx, gy, values = sampling.sample_grid(program, (a, b), (c, d), shape)
        np.testing.assert_array_equal(gx, np.linspace(a, b, shape[1]))
        np.testing.assert_array_equal(gy, np.linspace(c, d, shape[0]))
        with np.errstate(all="ignore"):
            expected = f(gx, gy[:, None]) + np.zeros(shape)
        np.testing.assert_allclose(values, expected, rtol=1e-12, atol=1e-12)


def ellipses(rng: np.random.Generator, count: int) -> Floats:
    """Centres and half axes of ellipses apart from each other."""
    while True:
        found = np.column_stack([rng.uniform(-2, 2, (count, 2)), rng.uniform(0.15, 0.6, (count, 2))])
        gap = np.hypot(*(found[:, None, :2] - found[None, :, :2]).transpose(2, 0, 1)) + 9 * np.eye(count)
        size = found[:, 2:].max(axis=1)
        if (gap > size + size[:, None] + 0.15).all():
            return np.round(found, 4)


def test_implicit_curves_miss_no_random_ellipse(cases: int, rng: np.random.Generator) -> None:
    for _ in range(max(1, cases // 4)):  # SymPy takes milliseconds to multiply each out; all points are compared
        chosen = ellipses(rng, int(rng.integers(1, 4)))
        steep, level = rounded(rng, -4, 4, 2), rounded(rng, -1, 1, 1)[0]
        product = sp.Mul(*(((x - a) / p) ** 2 + ((y - b) / q) ** 2 - 1 for a, b, p, q in chosen.tolist()))
        left, right = -float(rng.uniform(1, 3)), float(rng.uniform(1, 3))
        shape = int(rng.integers(120, 160)), int(rng.integers(120, 160))
        f = product * sp.exp(steep[0] * x + steep[1] * y) + level
        lines = sampling.implicit_curve(f, (left, right), (-2.8, 2.8), shape=shape, level=level)
        cell = math.hypot((right - left) / (shape[1] - 1), 5.6 / (shape[0] - 1))
        angle = np.linspace(0, 2 * math.pi, 60, endpoint=False)
        near = np.zeros(sum(len(line) for line in lines), dtype=bool)
        drawn = np.concatenate([np.empty((0, 2)), *lines])
        whole = True
        for a, b, p, q in chosen:
            curve = np.column_stack([a + p * np.cos(angle), b + q * np.sin(angle)])
            inside = (curve[:, 0] > left + cell) & (curve[:, 0] < right - cell)
            whole &= bool(inside.all())
            if inside.any():
                assert min(np.hypot(*(curve[inside][:, None] - drawn).transpose(2, 0, 1)).min(axis=1)) < cell
                for line in lines:
                    assert line.shape[1] == 2
                missed = np.min([from_polyline(curve[inside], line) for line in lines], axis=0)
                assert missed.max() < cell / 2
            near |= np.abs(np.hypot((drawn[:, 0] - a) / p, (drawn[:, 1] - b) / q) - 1) < cell / min(p, q) / 2
        assert near.all()
        if whole:
            assert len(lines) == len(chosen)
            assert all((line[0] == line[-1]).all() for line in lines)


def test_implicit_curves_leave_out_poles_and_keep_zeros(cases: int, rng: np.random.Generator) -> None:
    for case in range(cases):
        zero, pole = rng.uniform(-0.9, 0.9, 2)
        if abs(zero - pole) < 0.1:
            continue
        shape = int(rng.integers(20, 60)), int(rng.integers(41, 90))
        if case % 4 == 0:  # on lines of the grid
            grid = np.linspace(-1, 1, shape[1])
            zero, pole = grid[np.abs(grid - zero).argmin()], grid[np.abs(grid - pole).argmin()] + rng.choice([0, 1e-16])
        scale = 10 ** rng.uniform(-9, 9)
        u, v = (x, y) if case % 2 else (y, x)
        shape = shape if case % 2 else shape[::-1]
        f = scale * (u - float(zero)) / (u - float(pole)) * (2 + v)
        lines = sampling.implicit_curve(f, (-1, 1), (-1, 1), shape=shape)
        assert len(lines) == 1, f
        np.testing.assert_allclose(lines[0][:, 0 if case % 2 else 1], zero, rtol=0, atol=0.05)


def colours(values: NDArray[np.complex128]) -> Floats:
    """Hue by the argument and brightness by the octave of the modulus, by the definition of HSV."""
    sector = (np.angle(values) / (2 * np.pi) % 1) * 6
    value = 0.65 + 0.35 * (np.log2(np.abs(values)) % 1)
    channels = [(sector + shift) % 6 for shift in (5, 3, 1)]
    return np.stack([value * (1 - 0.85 * np.clip(np.minimum(k, 4 - k), 0, 1)) for k in channels], axis=-1)


def test_domain_colouring_follows_its_formula(cases: int, rng: np.random.Generator) -> None:
    functions: list[tuple[str, Callable[..., NDArray[np.complex128]]]] = [
        ("({0} + {1}*I)*z**2 + {2}", lambda w, a, b, c: (a + 1j * b) * w**2 + c),
        ("(z - {0} - {1}*I)/(z + {2})", lambda w, a, b, c: (w - a - 1j * b) / (w + c)),
        ("exp({0}*z)*{1} + sin(z) + {2}*I", lambda w, a, b, c: np.exp(a * w) * b + np.sin(w) + 1j * c),
        ("conjugate(z)*{0} + {1}*I*Abs(z) + {2}", lambda w, a, b, c: np.conj(w) * a + 1j * b * np.abs(w) + c),
    ]
    for case in range(cases):
        text, f = functions[case % len(functions)]
        constants, shape = rounded(rng, -2, 2, 3), (int(rng.integers(2, 30)), int(rng.integers(2, 30)))
        (a, b), (c, d) = (np.sort(rng.uniform(-3, 3, 2)) for _ in range(2))
        picture = sampling.complex_domain_coloring(text.format(*constants), (a, b), (c, d), shape)
        assert picture.shape == (*shape, 3)
        values = f(np.linspace(a, b, shape[1]) + 1j * np.linspace(d, c, shape[0])[:, None], *constants)
        octave = np.log2(np.abs(values))
        steady = np.abs(octave - np.round(octave)) > 1e-9  # the others may round to the next octave
        np.testing.assert_allclose(picture[steady], colours(values)[steady], rtol=0, atol=1e-8)


def test_plots_draw_what_is_sampled(rng: np.random.Generator) -> None:
    for _ in range(2):  # drawing takes its time, and is matplotlib's
        a, b = rounded(rng, 0.5, 2, 2)
        axes = plt.subplots()[1]
        assert sampling.plot_curve(f"sin({a}*x)", -b, b, axes=axes) is axes
        np.testing.assert_array_equal(
            axes.lines[0].get_xydata(), sampling.sample_curve(f"sin({a}*x)", -b, b)
        )  # fmt: skip
        sampling.plot_implicit(f"x**2 + {a}*y**2 - 1", (-b, b), (-2, 2), axes=axes)
        drawn = axes.collections[0].get_segments()
        wanted = sampling.implicit_curve(f"x**2 + {a}*y**2 - 1", (-b, b), (-2, 2))
        assert all((p == q).all() for p, q in zip(drawn, wanted, strict=True))
        sampling.plot_complex(f"z**2 - {a}", (-b, b), (-1, 1), axes=axes)
        np.testing.assert_array_equal(
            axes.images[0].get_array(), sampling.complex_domain_coloring(f"z**2 - {a}", (-b, b), (-1, 1))
        )
        assert axes.images[0].get_extent() == [-b, b, -1, 1]
        plt.close("all")


def test_constants_are_sampled_and_other_numbers_of_variables_named() -> None:
    assert (sampling.sample_curve("2", 0, 1)[:, 1] == 2).all()
    assert (sampling.sample_grid("2", (0, 1), (0, 1), (3, 4))[2] == np.full((3, 4), 2.0)).all()
    for call in (
        lambda: sampling.sample_curve("x*y", 0, 1),
        lambda: sampling.sample_grid("x**2", (0, 1), (0, 1)),
        lambda: sampling.implicit_curve(fast_callable("x**2 - 1"), (0, 1), (0, 1)),
    ):
        with pytest.raises(DomainError, match="variables"):
            call()
