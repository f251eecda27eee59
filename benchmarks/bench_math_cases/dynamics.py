"""Maps, fractals, automata, many bodies, implicit curves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numba
import numpy as np
import sympy as sp
from bench_math_tools import Row, compare
from sympy.plotting import plot_implicit

from kernels.math import dynamics, sampling


def rows(quick: bool) -> Iterator[Row]:
    """Rows of the table."""
    rounds = 3 if quick else 9
    yield from bifurcation(rounds)
    yield from mandelbrot(rounds)
    yield from life(rounds)
    yield from bodies(rounds)
    x, y = sp.symbols("x y")
    curve = sp.Eq(x**3 + y**3, 3 * x * y)
    drawn = lambda: plot_implicit(curve, (x, -3, 3), (y, -3, 3), show=False)[0].get_data()  # noqa: E731
    ours = lambda: sampling.implicit_curve(curve, (-3, 3), (-3, 3))  # noqa: E731
    yield from compare("implicit curve data, 400 × 400", ours, [("plot_implicit", drawn, 50.0)], rounds)


def bifurcation(rounds: int) -> Iterator[Row]:
    """Logistic map: 20,000 parameters, 700 steps, 200 kept."""
    r = np.linspace(2.5, 4, 20_000)

    def by_numpy() -> Any:
        x, out = np.full_like(r, 0.5), np.empty((200, len(r)))
        for _ in range(500):
            x = r * x * (1 - x)
        for i in range(200):
            x = r * x * (1 - x)
            out[i] = x
        return out

    @numba.njit
    def by_numba(r: Any) -> Any:
        out = np.empty((200, len(r)))
        for j in range(len(r)):
            x = 0.5
            for _ in range(500):
                x = r[j] * x * (1 - x)
            for i in range(200):
                x = r[j] * x * (1 - x)
                out[i, j] = x
        return out

    @numba.njit
    def by_numba_rows(r: Any) -> Any:
        out, x = np.empty((200, len(r))), np.full_like(r, 0.5)
        for i in range(700):
            for j in range(len(r)):
                x[j] = r[j] * x[j] * (1 - x[j])
            if i >= 500:
                out[i - 500] = x
        return out

    ours = lambda: dynamics.bifurcation_diagram("r*x*(1 - x)", r)  # noqa: E731
    peers = [
        ("NumPy", by_numpy, 5.0),
        ("numba, orbit by orbit", lambda: by_numba(r), 2.5),
        ("numba, step by step (SIMD)", lambda: by_numba_rows(r), 0.0),
    ]
    yield from compare("bifurcation diagram", ours, peers, rounds)


def mandelbrot(rounds: int) -> Iterator[Row]:
    """600 × 400 points, 256 steps."""
    rows, columns, steps = 400, 600, 256

    def by_numpy() -> Any:
        c = np.linspace(-2, 1, columns) + 1j * np.linspace(-1, 1, rows)[:, None]
        z, count = np.zeros_like(c), np.zeros(c.shape, dtype=int)
        for _ in range(steps):
            inside = z.real**2 + z.imag**2 <= 4
            z[inside] = z[inside] ** 2 + c[inside]
            count += inside
        return count

    @numba.njit(fastmath=True)
    def by_numba(skip: bool) -> Any:
        out = np.empty((rows, columns), np.int32)
        for i in range(rows):
            for j in range(columns):
                cr, ci = -2 + 3 * j / columns, -1 + 2 * i / rows
                zr = zi = 0.0
                n = 0
                q = (cr - 0.25) ** 2 + ci * ci
                if skip and (q * (q + cr - 0.25) <= 0.25 * ci * ci or (cr + 1) ** 2 + ci * ci <= 0.0625):
                    n = steps
                while n < steps:
                    rr, ii = zr * zr, zi * zi
                    if rr + ii > 4:
                        break
                    zi = 2 * zr * zi + ci
                    zr = rr - ii + cr
                    n += 1
                out[i, j] = n
        return out

    ours = lambda: dynamics.mandelbrot(shape=(rows, columns), max_steps=steps)  # noqa: E731
    peers = [
        ("NumPy", by_numpy, 25.0),
        ("numba", lambda: by_numba(False), 3.0),
        ("numba, interior skipped", lambda: by_numba(True), 3.0),
    ]
    yield from compare("Mandelbrot 600 × 400, 256 steps", ours, peers, rounds)


def life(rounds: int) -> Iterator[Row]:
    """A torus of 1024 × 1024 cells, 50 generations."""
    grid = (np.random.default_rng(0).random((1024, 1024)) < 0.3).astype(np.uint8)

    def by_numpy() -> Any:
        x = grid
        for _ in range(50):
            s = sum(np.roll(x, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j)
            x = ((s == 3) | ((x == 1) & (s == 2))).astype(np.uint8)
        return x

    @numba.njit
    def by_numba(x: Any) -> Any:
        h, w = x.shape
        y = np.empty_like(x)
        for _ in range(50):
            for i in range(h):
                u, d = (i - 1) % h, (i + 1) % h
                for j in range(w):
                    a, b = j - 1 if j else w - 1, j + 1 if j < w - 1 else 0
                    s = x[u, a] + x[u, j] + x[u, b] + x[i, a] + x[i, b] + x[d, a] + x[d, j] + x[d, b]
                    y[i, j] = 1 if s == 3 or (s == 2 and x[i, j]) else 0
            x, y = y, x
        return x

    np.testing.assert_array_equal(dynamics.life_like(grid, 50), by_numpy())
    peers = [("NumPy, uint8 rolls", by_numpy, 15.0), ("numba", lambda: by_numba(grid.copy()), 20.0)]
    yield from compare("Life, 1024 × 1024, 50 generations", lambda: dynamics.life_like(grid, 50), peers, rounds)


def bodies(rounds: int) -> Iterator[Row]:
    """500 bodies, 20 steps."""
    rng = np.random.default_rng(0)
    n = 500
    x, v, m = rng.normal(size=(n, 3)), rng.normal(size=(n, 3)), rng.uniform(size=n)

    def by_numpy() -> Any:
        p, w = x.copy(), v.copy()

        def acceleration() -> Any:
            d = p[None] - p[:, None]
            r2 = (d**2).sum(axis=2) + 1e-4
            return (d * (m / (r2 * np.sqrt(r2)))[:, :, None]).sum(axis=1)

        a = acceleration()
        for _ in range(20):
            w += 0.5e-3 * a
            p += 1e-3 * w
            a = acceleration()
            w += 0.5e-3 * a
        return p

    @numba.njit(fastmath=True)
    def by_numba(x: Any, v: Any, m: Any) -> Any:
        p, w = x.T.copy(), v.T.copy()
        a = np.zeros_like(p)
        for step in range(21):
            if step:
                w += 0.5e-3 * a
                p += 1e-3 * w
            for i in range(n):
                ax = ay = az = 0.0
                for j in range(n):
                    dx, dy, dz = p[0, j] - p[0, i], p[1, j] - p[1, i], p[2, j] - p[2, i]
                    r2 = dx * dx + dy * dy + dz * dz + 1e-4
                    s = m[j] / (r2 * np.sqrt(r2))
                    ax += s * dx
                    ay += s * dy
                    az += s * dz
                a[0, i], a[1, i], a[2, i] = ax, ay, az
            if step:
                w += 0.5e-3 * a
        return p.T

    ours = lambda: dynamics.nbody(x, v, m, 1e-3, 20, softening=1e-2)  # noqa: E731
    np.testing.assert_allclose(ours()[0][-1], by_numpy(), rtol=1e-9)
    peers = [("NumPy", by_numpy, 25.0), ("numba, fastmath", lambda: by_numba(x, v, m), 1.5)]
    yield from compare("n-body, 500 bodies, 20 steps", ours, peers, rounds)
