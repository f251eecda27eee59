"""``dynamics`` against direct NumPy computations and closed results."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from kernels.math import DomainError, dynamics
from kernels.math.dynamics import IS_COMPILED


def logistic(r: float, x: float, steps: int) -> list[float]:
    orbit = [x]
    for _ in range(steps):
        orbit.append(r * orbit[-1] * (1 - orbit[-1]))
    return orbit


def test_iterate_map_follows_the_orbit() -> None:
    ours = dynamics.iterate_map("r*x*(1 - x)", 0.2, 40, parameters=["r"], args=[2.9])
    np.testing.assert_allclose(ours, logistic(2.9, 0.2, 40), rtol=1e-12)
    henon = dynamics.iterate_map(["1 - a*x**2 + y", "b*x"], [0.1, 0.2], 3, ["x", "y"], ["a", "b"], [1.4, 0.3])
    x, y = 0.1, 0.2
    for row in henon[1:]:
        x, y = 1 - 1.4 * x * x + y, 0.3 * x
        np.testing.assert_allclose(row, [x, y], rtol=1e-12)


def test_bifurcation_diagram_shows_fixed_point_two_cycle_and_chaos(level: str) -> None:
    r, x = dynamics.bifurcation_diagram("r*x*(1 - x)", np.linspace(2.5, 3.99, 700), x0=0.3, transient=4000, keep=64)
    assert x.shape == (64, 700)
    np.testing.assert_allclose(x[:, r < 2.95], np.broadcast_to(1 - 1 / r[r < 2.95], (64, (r < 2.95).sum())), rtol=1e-9)
    cycles = np.array([len(np.unique(np.round(column, 6))) for column in x.T])
    assert (cycles[(r > 3.05) & (r < 3.4)] == 2).all()
    assert (cycles[(r > 3.46) & (r < 3.53)] == 4).all()
    assert cycles[-1] > 50


def test_lyapunov_exponent_of_the_logistic_map_is_log_two_at_four() -> None:
    steps = 100_000 if IS_COMPILED else 20_000
    values = dynamics.lyapunov_exponent("r*x*(1 - x)", [2.5, 3.2, 4.0], x0=0.3, steps=steps)
    assert values[0] == pytest.approx(math.log(0.5), abs=1e-3)  # f'(x*) = 2 - r
    assert values[1] == pytest.approx(0.5 * math.log(abs(-(3.2**2) + 2 * 3.2 + 4)), abs=1e-3)
    assert values[2] == pytest.approx(math.log(2), abs=0.01)
    assert isinstance(dynamics.lyapunov_exponent("r*x*(1-x)", 3.9), float)


def mandelbrot_numpy(c: NDArray[np.complex128], steps: int) -> NDArray[np.int64]:
    counts, z = np.zeros(c.shape, dtype=int), np.zeros_like(c)
    with np.errstate(all="ignore"):
        for _ in range(steps):
            inside = z.real**2 + z.imag**2 <= 4
            counts += inside
            z = np.where(inside, z * z + c, z)
    return counts


def test_mandelbrot_counts_equal_numpys(level: str) -> None:
    ours = dynamics.mandelbrot(shape=(61, 83), max_steps=101)
    x = -0.5 + 3 * ((np.arange(83) + 0.5) / 83 - 0.5)
    y = 3 * 61 / 83 * (0.5 - (np.arange(61) + 0.5) / 61)
    theirs = mandelbrot_numpy(x + 1j * y[:, None], 101)
    assert (ours == theirs).mean() > 0.995  # rounding differs where the orbit is chaotic
    assert ours.max() == 101
    smooth = dynamics.mandelbrot(shape=(61, 83), max_steps=101, smooth=True)
    assert np.isnan(smooth[ours == 101]).mean() > 0.9
    outside = (ours < 50) & np.isfinite(smooth)
    assert np.abs(smooth - ours)[outside].max() < 3


def test_escape_time_of_a_formula_equals_the_special_kernels() -> None:
    x, y = np.linspace(-2, 1, 60), np.linspace(-1.2, 1.2, 50)
    general = dynamics.escape_time("z**2 + c", x, y, max_steps=60)
    assert (general == mandelbrot_numpy(x + 1j * y[:, None], 60)).mean() > 0.995
    fixed = dynamics.julia(-0.8 + 0.156j, shape=(40, 60), max_steps=80)
    xs = 3.5 * ((np.arange(60) + 0.5) / 60 - 0.5)
    ys = 3.5 * 40 / 60 * (0.5 - (np.arange(40) + 0.5) / 40)
    assert (dynamics.escape_time("z**2 + c", xs, ys, c=-0.8 + 0.156j, max_steps=80) == fixed).mean() > 0.99


def automaton_numpy(rule: int, row: NDArray[np.uint8], steps: int, wrap: bool) -> NDArray[np.uint8]:
    rows = [row]
    for _ in range(steps):
        padded = np.pad(rows[-1], 1, mode="wrap" if wrap else "constant")
        rows.append(
            np.array(
                [rule >> int(4 * a + 2 * b + c) & 1 for a, b, c in zip(padded, padded[1:], padded[2:], strict=False)],
                np.uint8,
            )
        )
    return np.array(rows)


@pytest.mark.parametrize("width", [1, 2, 63, 64, 65, 130])
@pytest.mark.parametrize("wrap", [True, False])
def test_elementary_automata_equal_the_rule_table(width: int, wrap: bool, level: str, rng: np.random.Generator) -> None:
    for rule in (30, 90, 110, 184, int(rng.integers(256))):
        row = rng.integers(0, 2, width).astype(np.uint8)
        ours = dynamics.elementary_cellular_automaton(rule, 20, row, wrap=wrap)
        np.testing.assert_array_equal(ours, automaton_numpy(rule, row, 20, wrap))


def life_numpy(grid: NDArray[np.uint8], birth: set[int], survive: set[int], wrap: bool) -> NDArray[np.uint8]:
    padded = np.pad(grid, 1, mode="wrap" if wrap else "constant")
    r, c = grid.shape
    around = sum(padded[i : i + r, j : j + c].astype(int) for i in range(3) for j in range(3)) - grid
    return np.where(grid == 1, np.isin(around, list(survive)), np.isin(around, list(birth))).astype(np.uint8)


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (5, 64), (7, 65), (40, 127), (33, 200), (90, 512)])
@pytest.mark.parametrize("wrap", [True, False])
@pytest.mark.parametrize("rule", ["B3/S23", "B36/S125", "B2/S", "B012345678/S012345678"])
def test_life_like_equals_numpys_neighbour_count(
    shape: tuple[int, int], wrap: bool, rule: str, level: str, rng: np.random.Generator
) -> None:
    grid = rng.integers(0, 2, shape).astype(np.uint8)
    birth, survive = ({int(k) for k in part[1:]} for part in rule.split("/"))
    expected = grid
    for _ in range(5):
        expected = life_numpy(expected, birth, survive, wrap)
    np.testing.assert_array_equal(dynamics.life_like(grid, 5, rule, wrap=wrap), expected)


def test_two_bodies_move_on_a_circle_and_many_conserve_energy(level: str, rng: np.random.Generator) -> None:
    x = [[0.5, 0, 0], [-0.5, 0, 0]]
    v = [[0, math.sqrt(0.5), 0], [0, -math.sqrt(0.5), 0]]
    period = 2 * math.pi * 0.5 / math.sqrt(0.5)
    path, _ = dynamics.nbody(x, v, [1, 1], period / 4000, 4000, every=1000)
    np.testing.assert_allclose(path[-1], x, atol=1e-5)
    assert path.shape == (5, 2, 3)
    n = 19
    position, velocity, mass = rng.normal(size=(n, 3)), rng.normal(size=(n, 3)), rng.uniform(0.5, 1, n)

    def energy(p: NDArray[np.float64], w: NDArray[np.float64]) -> float:
        d = np.sqrt(((p[:, None] - p) ** 2).sum(axis=2) + 0.1**2)
        pairs = np.triu(np.outer(mass, mass) / d, 1).sum()
        return float((mass * (w**2).sum(axis=1)).sum() / 2 - pairs)

    path, last = dynamics.nbody(position, velocity, mass, 1e-4, 2000, softening=0.1, every=2000)
    assert energy(path[-1], last) == pytest.approx(energy(position, velocity), rel=1e-5)


def test_random_walks_have_unit_steps_and_the_right_spread() -> None:
    walks = dynamics.random_walk(400, 2000, 2, seed=3)
    assert walks.shape == (2000, 401, 2)
    np.testing.assert_array_equal(np.abs(np.diff(walks, axis=1)).sum(axis=2), 1)
    assert (walks[:, -1] ** 2).sum(axis=1).mean() == pytest.approx(400, rel=0.1)
    normal = dynamics.random_walk(400, 2000, gaussian=True, seed=3)
    assert normal[:, -1].var() == pytest.approx(400, rel=0.1)


@pytest.mark.parametrize(
    "call",
    [
        lambda: dynamics.iterate_map("x", 0.1, -1), lambda: dynamics.iterate_map(["x", "y"], [0.1], 2, ["x", "y"]),
        lambda: dynamics.bifurcation_diagram("r*x", [1], keep=0), lambda: dynamics.mandelbrot(width=-1),
        lambda: dynamics.mandelbrot(max_steps=0), lambda: dynamics.life_like([[2]]),
        lambda: dynamics.life_like([[1]], rule="B9/S"),
        lambda: dynamics.elementary_cellular_automaton(256, 1), lambda: dynamics.nbody([[0, 0]], [[0, 0]], [1], 0.1, 1),
        lambda: dynamics.random_walk(-1), lambda: dynamics.escape_time("z**2", [0], [0], radius=-1),
    ],
)  # fmt: skip
def test_bad_input_is_a_named_error(call: object) -> None:
    with pytest.raises(DomainError):
        call()  # type: ignore[operator]
