"""``dynamics`` on random maps, rules and bodies, against plain loops."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from kernels.math import DomainError, dynamics, fast_callable

Floats = NDArray[np.float64]
Cells = NDArray[np.uint8]
WIDTHS = (1, 2, 3, 7, 8, 63, 64, 65, 127, 128, 129, 200)  # around the words and vectors that loops work in

MAPS: list[tuple[list[str], list[str], list[str], Callable[..., tuple[float, ...]]]] = [
    (["r*x*(1 - x)"], ["x"], ["r"], lambda x, r: (r * x * (1 - x),)),
    (["1 - a*x**2 + y", "b*x"], ["x", "y"], ["a", "b"], lambda x, y, a, b: (1 - a * x * x + y, b * x)),
    (["x + p + k*sin(x)", "p + k*sin(x)"], ["x", "p"], ["k"],
     lambda x, p, k: (x + p + k * math.sin(x), p + k * math.sin(x))),
    (["exp(-a*x**2) + b"], ["x"], ["a", "b"], lambda x, a, b: (math.exp(-a * x * x) + b,)),
    (["y", "z", "a*x - y*z/2"], ["x", "y", "z"], ["a"], lambda x, y, z, a: (y, z, a * x - y * z / 2)),
    (["Piecewise((r*x, x < 1/2), (r*(1 - x), True))"], ["x"], ["r"], lambda x, r: (r * x if x < 0.5 else r * (1 - x),)),
]  # fmt: skip
COMPILED = [fast_callable(rows, [*variables, *parameters]) for rows, variables, parameters, _ in MAPS]


def test_orbits_of_random_maps_follow_a_plain_loop(cases: int, rng: np.random.Generator) -> None:
    for case in range(cases):
        rows, variables, parameters, step = MAPS[case % len(MAPS)]
        steps, args = int(rng.integers(0, 12)), rng.uniform(0.2, 1.5, len(parameters)).tolist()
        state = tuple(rng.uniform(-1, 1, len(variables)).tolist())
        orbit = [state]
        for _ in range(steps):
            orbit.append(step(*orbit[-1], *args))
        f = COMPILED[case % len(MAPS)] if rng.random() < 0.5 else rows
        ours = dynamics.iterate_map(f, state, steps, variables, parameters, args)
        np.testing.assert_allclose(ours, orbit, rtol=1e-9, atol=1e-9)
        if len(state) == 1:
            flat = dynamics.iterate_map(f, state[0], steps, variables, parameters, args)
            np.testing.assert_array_equal(flat, ours[:, 0])


# Maps of one variable with their derivatives, and ranges of the parameter without chaos
FAMILIES: list[tuple[str, Callable[..., Floats], Callable[..., Floats], float, float]] = [
    ("r*x*(1 - x)", lambda x, r: r * x * (1 - x), lambda x, r: r * (1 - 2 * x), 0.5, 3.3),
    ("r*sin(pi*x)", lambda x, r: r * np.sin(np.pi * x), lambda x, r: r * np.pi * np.cos(np.pi * x), 0.2, 0.75),
    ("x*exp(r - r*x)", lambda x, r: x * np.exp(r - r * x), lambda x, r: (1 - r * x) * np.exp(r - r * x), 0.1, 1.8),
    ("1 - r*Abs(x)", lambda x, r: 1 - r * np.abs(x), lambda x, r: -r * np.sign(x), 0.1, 0.9),
    ("Mod(r*x + 1/3, 1)", lambda x, r: np.mod(r * x + 1 / 3, 1), lambda x, r: r + 0 * x, 0.2, 0.9),
    ("r*Min(x, 1 - x)", lambda x, r: r * np.minimum(x, 1 - x), lambda x, r: np.where(x < 1 - x, r, -r), 0.2, 0.9),
]  # fmt: skip


def test_attractors_of_random_grids_follow_a_numpy_loop(level: str, cases: int, rng: np.random.Generator) -> None:
    for case in range(cases):
        formula, step, _, low, high = FAMILIES[case % len(FAMILIES)]
        m, transient, keep = int(rng.choice(WIDTHS)), int(rng.integers(0, 40)), int(rng.integers(1, 12))
        values, start = rng.uniform(low, high, m), float(rng.uniform(0.1, 0.9))
        x, expected = np.full(m, start), []
        for _ in range(transient + keep):
            x = step(x, values)
            expected.append(x)
        r, ours = dynamics.bifurcation_diagram(formula, values, x0=start, transient=transient, keep=keep)
        np.testing.assert_array_equal(r, values)
        np.testing.assert_allclose(ours, expected[transient:], rtol=1e-6, atol=1e-9, err_msg=formula)


def test_exponents_are_the_mean_of_the_logarithms_of_the_slopes(cases: int, rng: np.random.Generator) -> None:
    for case in range(cases):
        formula, step, slope, low, high = FAMILIES[case % len(FAMILIES)]
        transient, steps = int(rng.integers(0, 10)), int(rng.integers(1, 30))
        values, start = rng.uniform(low, high, int(rng.integers(1, 4))), float(rng.uniform(0.1, 0.9))
        x, total = np.full(len(values), start), np.zeros(len(values))
        for i in range(transient + steps):
            if i >= transient:
                total += np.log(np.abs(slope(x, values)))
            x = step(x, values)
        ours = dynamics.lyapunov_exponent(formula, values, x0=start, transient=transient, steps=steps)
        np.testing.assert_allclose(ours, total / steps, rtol=1e-6, atol=1e-6, err_msg=formula)


def escapes(f: Callable[..., Floats], z: Floats, c: Floats, steps: int, limit: float) -> tuple[Floats, Floats, Floats]:
    """Steps until abs(z)**2 exceeds the limit, that square, and how near it came to the limit before."""
    counts, sizes, margin = np.zeros(z.shape, dtype=int), np.zeros(z.shape), np.full(z.shape, np.inf)
    alive = np.ones(z.shape, dtype=bool)
    with np.errstate(all="ignore"):
        for _ in range(steps):
            square = z.real**2 + z.imag**2
            sizes[alive] = square[alive]
            margin[alive] = np.minimum(margin, np.abs(square / limit - 1))[alive]
            alive &= square <= limit
            counts += alive
            z = f(z, c)
    return counts, sizes, margin


def plane(rng: np.random.Generator) -> tuple[complex, float, tuple[int, int], Floats]:
    """A random rectangle, as arguments and as points."""
    rows, columns = int(rng.integers(1, 9)), int(rng.choice(WIDTHS))
    rows, columns = (rows, columns) if rng.random() < 0.8 else (columns, rows)
    center, width = complex(rng.uniform(-1.5, 0.5), rng.uniform(-1, 1)), float(10 ** rng.uniform(-1, 0.6))
    x = center.real + width * ((np.arange(columns) + 0.5) / columns - 0.5)
    y = center.imag + width * rows / columns * (0.5 - (np.arange(rows) + 0.5) / rows)
    return center, width, (rows, columns), x + 1j * y[:, None]


def square_plus_c(z: Floats, c: Floats) -> Floats:
    return z * z + c


def test_mandelbrot_and_julia_pictures_are_those_of_a_plain_loop(
    level: str, cases: int, rng: np.random.Generator
) -> None:
    for case in range(cases):
        center, width, shape, points = plane(rng)
        steps = int(rng.integers(1, 16))
        smooth, c = case % 3 == 0, complex(rng.uniform(-1, 0.5), rng.uniform(-1, 1))
        z, parameter = (points, np.full_like(points, c)) if case % 2 else (np.zeros_like(points), points)
        options = {"center": center, "width": width, "shape": shape, "max_steps": steps, "smooth": smooth}
        ours = dynamics.julia(c, **options) if case % 2 else dynamics.mandelbrot(**options)
        counts, sizes, margin = escapes(square_plus_c, z, parameter, steps, 1e10 if smooth else 4.0)
        certain = margin > 1e-5  # the others may round to either side
        if smooth:
            expected = np.full(shape, np.nan)
            gone = counts < steps
            expected[gone] = counts[gone] + 1 - np.log2(np.log2(sizes[gone]) / 2)
            np.testing.assert_allclose(ours[certain], expected[certain], rtol=0, atol=1e-5)
        else:
            assert ours.dtype == np.int32
            np.testing.assert_array_equal(ours[certain], counts[certain])


COMPLEX_MAPS: list[tuple[str, Callable[..., Floats]]] = [
    ("z**2 + c", square_plus_c), ("z**3 + c", lambda z, c: z**3 + c), ("c*z*(1 - z)", lambda z, c: c * z * (1 - z)),
    ("conjugate(z)**2 + c", lambda z, c: np.conj(z) ** 2 + c), ("c*exp(z)", lambda z, c: c * np.exp(z)),
    ("(Abs(re(z)) + I*Abs(im(z)))**2 + c", lambda z, c: (np.abs(z.real) + 1j * np.abs(z.imag)) ** 2 + c),
    ("c*sin(z)", lambda z, c: c * np.sin(z)), ("z**2 + c/(z + 3)", lambda z, c: z**2 + c / (z + 3)),
]  # fmt: skip


def test_escape_times_of_random_maps_are_those_of_a_plain_loop(cases: int, rng: np.random.Generator) -> None:
    for case in range(cases):
        formula, f = COMPLEX_MAPS[case % 3 if case % 16 else case // 16 % len(COMPLEX_MAPS)]  # most of the quick ones
        x, y = rng.uniform(-2, 2, int(rng.integers(0, 40))), rng.uniform(-2, 2, int(rng.integers(0, 6)))
        steps, radius = int(rng.integers(1, 9)), float(rng.uniform(0.5, 5))
        points, constant = x + 1j * y[:, None], complex(rng.uniform(-1, 1), rng.uniform(-1, 1))
        if rng.random() < 0.5:
            ours = dynamics.escape_time(formula, x, y, z0=constant, max_steps=steps, radius=radius)
            counts, _, margin = escapes(f, np.full_like(points, constant), points, steps, radius**2)
        else:
            ours = dynamics.escape_time(formula, x, y, c=constant, max_steps=steps, radius=radius)
            counts, _, margin = escapes(f, points, np.full_like(points, constant), steps, radius**2)
        np.testing.assert_array_equal(np.where(margin > 1e-5, ours, counts), counts, err_msg=formula)


def test_elementary_automata_of_random_rules_and_widths(level: str, cases: int, rng: np.random.Generator) -> None:
    for case in range(cases):
        rule, steps, wrap = int(rng.integers(256)), int(rng.integers(0, 9)), bool(rng.random() < 0.5)
        width = int(rng.choice(WIDTHS)) if rng.random() < 0.8 else int(rng.integers(1, 300))
        row = (rng.random(width) < rng.random()).astype([np.uint8, bool, int, float][case % 4])
        initial: object = row
        if case % 5 == 0:
            initial, row = width, np.arange(width) == width // 2
        table = np.array([rule >> k & 1 for k in range(8)])
        rows = [row.astype(int)]
        for _ in range(steps):
            around = np.pad(rows[-1], 1, mode="wrap" if wrap else "constant")
            rows.append(table[4 * around[:-2] + 2 * around[1:-1] + around[2:]])
        ours = dynamics.elementary_cellular_automaton(rule, steps, initial, wrap=wrap)
        np.testing.assert_array_equal(ours, rows, err_msg=f"{rule} {width} {wrap}")


def test_life_like_automata_of_random_rules_and_sizes(level: str, cases: int, rng: np.random.Generator) -> None:
    for case in range(cases):
        rows, columns = int(rng.integers(1, 12)), int(rng.choice(WIDTHS))
        grid = (rng.random((rows, columns)) < rng.random()).astype([np.uint8, bool, int, float][case % 4])
        if case % 3 == 0:
            grid = grid[::-1, ::-1]
        if case % 10 == 0:
            grid = np.asfortranarray(grid.T)
        before, rows, columns = grid.copy(), *grid.shape
        chosen = [[k for k in range(9) if rng.random() < 0.4] for _ in range(2)]
        birth, survive = ([3], [2, 3]) if rng.random() < 0.2 else chosen
        rule = "B{}/S{}".format(*("".join(map(str, part)) for part in (birth, survive)))
        wrap, steps = bool(rng.random() < 0.5), int(rng.integers(0, 5))
        expected = grid.astype(int)
        for _ in range(steps):
            padded = np.pad(expected, 1, mode="wrap" if wrap else "constant")
            around = sum(padded[i : i + rows, j : j + columns] for i in range(3) for j in range(3)) - expected
            expected = np.where(expected == 1, np.isin(around, survive), np.isin(around, birth)).astype(int)
        ours = dynamics.life_like(grid, steps, rule, wrap=wrap)
        np.testing.assert_array_equal(ours, expected, err_msg=f"{rule} {rows} x {columns} {wrap}")
        np.testing.assert_array_equal(grid, before)


def pulls(x: Floats, mass: Floats, gravity: float, softening: float) -> Floats:
    """Accelerations of all bodies."""
    d = x[None] - x[:, None]
    with np.errstate(all="ignore"):
        r = np.sqrt((d**2).sum(axis=2) + softening**2)
        weight = np.where(r > 0, mass / r**3, 0)
    return np.asarray(gravity * (weight[:, :, None] * d).sum(axis=1))


def energy(x: Floats, v: Floats, mass: Floats, gravity: float, softening: float) -> float:
    r = np.sqrt(((x[None] - x[:, None]) ** 2).sum(axis=2) + softening**2)
    pairs = np.triu(np.outer(mass, mass) / r, 1).sum()
    return float((mass * (v**2).sum(axis=1)).sum() / 2 - gravity * pairs)


def test_bodies_move_as_in_a_plain_loop_and_keep_energy_and_momentum(
    level: str, cases: int, rng: np.random.Generator
) -> None:
    for case in range(cases):
        n, steps, every = 1 + case % 19, int(rng.integers(0, 7)), int(rng.integers(1, 4))
        x, v, mass = rng.normal(size=(n, 3)), rng.normal(size=(n, 3)), rng.uniform(0, 2, n)
        gravity, softening, dt = float(rng.uniform(-1, 2)), float(rng.uniform(0.2, 1)), float(rng.uniform(1e-4, 1e-3))
        if case % 7 == 0:  # bodies in one place do not pull each other; very far ones neither
            softening, x[n // 2] = 0.0, x[0]
            x[-1, case % 3] = 1e200
        path, last = dynamics.nbody(x, v, mass, dt, steps, gravity=gravity, softening=softening, every=every)
        now, speed, kept = x.copy(), v.copy(), [x]
        for step in range(1, steps + 1):
            speed = speed + dt / 2 * pulls(now, mass, gravity, softening)
            now = now + dt * speed
            speed = speed + dt / 2 * pulls(now, mass, gravity, softening)
            kept += [now] if step % every == 0 else []
        np.testing.assert_allclose(path, kept, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(last, speed, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(mass @ last, mass @ v, rtol=0, atol=1e-9 * (1 + np.abs(last).max()))
        if case % 7 and steps % every == 0:
            before, after = (energy(p, w, mass, gravity, softening) for p, w in ((x, v), (path[-1], last)))
            assert after == pytest.approx(before, rel=1e-4, abs=1e-4)


def test_random_walks_step_along_one_axis_and_repeat_with_their_seed(cases: int, rng: np.random.Generator) -> None:
    used = np.zeros(3, dtype=bool)
    for case in range(cases):
        steps, walks, dimension = (int(rng.integers(low, 6)) for low in (0, 1, 1))
        gaussian = bool(rng.random() < 0.3)
        walk = dynamics.random_walk(steps, walks, dimension, gaussian=gaussian, seed=case)
        assert walk.shape == (walks, steps + 1, dimension)
        assert not walk[:, 0].any()
        np.testing.assert_array_equal(dynamics.random_walk(steps, walks, dimension, gaussian=gaussian, seed=case), walk)
        moved = np.diff(walk, axis=1)
        if gaussian:
            drawn = np.random.default_rng(case).standard_normal((walks, steps, dimension))
            np.testing.assert_allclose(moved, drawn, rtol=0, atol=1e-12)
        else:
            assert (np.abs(moved).sum(axis=2) == 1).all()
            assert ((moved != 0).sum(axis=2) == 1).all()
            used |= [bool((moved == 1).any()), bool((moved == -1).any()), bool(moved[:, :, -1].any())]
    assert used.all() or cases < 30


@pytest.mark.parametrize(
    "call",
    [
        lambda: dynamics.iterate_map(fast_callable("x*y", ("x", "y")), 0.5, 3),
        lambda: dynamics.iterate_map(fast_callable(["x", "x"], ("x",)), 0.5, 3),
        lambda: dynamics.iterate_map(fast_callable("x**2", ("x",), domain=complex), 0.5, 3),
        lambda: dynamics.bifurcation_diagram(fast_callable("x**2", ("x",)), [1.0]),
        lambda: dynamics.iterate_map("x", [[0.5]], 3),
        lambda: dynamics.elementary_cellular_automaton(30, 3, -4),
    ],
)  # fmt: skip
def test_programs_and_states_of_another_size_are_named_errors(call: object) -> None:
    with pytest.raises(DomainError):
        call()  # type: ignore[operator]
