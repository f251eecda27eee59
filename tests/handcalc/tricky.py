"""Inputs on which renderers of calculations go wrong: each with the values its names have before."""

from __future__ import annotations

from typing import NamedTuple


class Tricky(NamedTuple):
    """One input.

    Attributes
    ----------
    what : str
        What makes it tricky.
    source : str
        The cell.
    setup : str
        What runs before the cell, plainly.
    """

    what: str
    source: str
    setup: str = ""


_PINT = "import pint\nu = pint.UnitRegistry()\nq = 5 * u.kN / u.m\nL = 6.0 * u.m"
_ARRAYS = (
    "import numpy as np\nA = np.array([[2.0, 1.0], [1.0, 3.0]])\nv = np.array([1.0, 2.0])\nw = np.array([3.0, 4.0])"
)
_SYMPY = "import sympy as sp\nx, k = sp.symbols('x k')\nf = x**2 * sp.exp(-x)"

TRICKY = [
    Tricky("reassignment", "a = 5\na = a*2\na = a*2"),
    Tricky("augmented assignment", "a += 3", "a = 5"),
    Tricky("chained assignment", "a = b = c + 1", "c = 2"),
    Tricky("swap", "a, b = b, a", "a, b = 1, 2"),
    Tricky("tuple of targets", "x, y = r * 2, r + 1", "r = 3"),
    Tricky(
        "parentheses after a quotient with a root",
        "y = a / sqrt(b) * (c + x)",
        "from math import sqrt\na, b, c, x = 6, 4.0, 1, 2",
    ),
    Tricky("difference of a difference", "y = a - (b - c)", "a, b, c = 9, 4, 1"),
    Tricky("negative base", "y = a**2", "a = -3"),
    Tricky("minus before a power", "y = -a**2", "a = 3"),
    Tricky("power of a negation", "y = (-a)**2", "a = 3"),
    Tricky("power tower", "y = a**b**c", "a, b, c = 2, 3, 2"),
    Tricky("power of a power", "y = (a**b)**c", "a, b, c = 2, 3, 2"),
    Tricky("power of a quotient", "y = (a / b)**2", "a, b = 3, 4"),
    Tricky("negative exponent", "y = a**-b", "a, b = 2, 3"),
    Tricky("product with a negative value", "y = a * b", "a, b = 3, -4"),
    Tricky("difference with a negative value", "y = a - b", "a, b = 3, -4"),
    Tricky("scientific value as a base", "y = a**2", "a = 2.5e-8"),
    Tricky("complex value as a base", "y = z**2", "z = 3 + 4j"),
    Tricky("complex product", "y = z * (1 - 2j)", "z = 3 + 4j"),
    Tricky("floor division", "n = a // b", "a, b = 17, 5"),
    Tricky("remainder", "r = a % b", "a, b = 17, 5"),
    Tricky("remainder among other operators", "r = a * b % c + d", "a, b, c, d = 4, 5, 7, 1"),
    Tricky("remainder of a negation", "r = -a % b", "a, b = 17, 5"),
    Tricky("a square of a sine", "y = sin(a)**2", "from math import sin\na = 0.5"),
    Tricky("ternary", "y = a if a > b else b", "a, b = 3, 4"),
    Tricky("boolean operators", "ok = a > 1 and (b < 2 or not a == b)", "a, b = 3, 4"),
    Tricky("or as a choice of value", "y = a or b", "a, b = 0, 4"),
    Tricky("chain of comparisons", "0 < a <= b != c", "a, b, c = 3, 4, 5"),
    Tricky("if with both branches", "if a > b:\n    y = a - b\nelse:\n    y = b - a", "a, b = 3, 4"),
    Tricky("elif", "if a > 10:\n    y = 1\nelif a > 2:\n    y = a * 2\nelse:\n    y = 3", "a = 3"),
    Tricky("for loop", "for i in range(1, 4):\n    p = p * i + 1", "p = 1"),
    Tricky("for loop that adds up", "s = 0\nfor k in range(1, n + 1):\n    s += 1 / k**2", "n = 10"),
    Tricky("while loop", "while a > 1:\n    a = a / 2", "a = 5"),
    Tricky("break", "for i in range(100):\n    t = i**2\n    if t > 3:\n        break"),
    Tricky("sum of a generator", "s = sum(k**2 for k in range(1, n + 1)) / n", "n = 4"),
    Tricky("sum with a condition", "s = sum(k for k in range(n) if k % 2 == 1)", "n = 10"),
    Tricky("list comprehension", "squares = [k**2 for k in range(n)]", "n = 4"),
    Tricky("function whose name contains log", "y = catalog(a)", "def catalog(v): return v + 1\na = 3"),
    Tricky("variable whose name contains sqrt", "y = sqrt_area * 2", "sqrt_area = 3"),
    Tricky("own function called sin", "y = sin(a)", "def sin(v): return v + 1\na = 3"),
    Tricky("renamed function", "y = root(a)", "from math import sqrt as root\na = 9.0"),
    Tricky("logarithm to a base", "y = log(a, b)", "from math import log\na, b = 8, 2"),
    Tricky(
        "method call", "R = beam.load(a) / 2", "class Beam:\n    def load(self, v): return 12 * v\nbeam = Beam()\na = 3"
    ),
    Tricky("attribute", "A = p.b * p.h", "from types import SimpleNamespace\np = SimpleNamespace(b=0.3, h=0.5)"),
    Tricky("keyword argument", "y = f(a, scale=k)", "def f(v, scale): return v * scale\na, k = 3, 2"),
    Tricky("call inside an expression", "y = f(a) + f(b) * 2", "def f(v): return v * 10\na, b = 1, 2"),
    Tricky("index", "y = x[0] + x[i]", "x = [3, 4, 5]\ni = 2"),
    Tricky("index beside a subscripted name", "y = x_1 + x[1]", "x = [3, 4]\nx_1 = 10"),
    Tricky("string key", 'y = loads["dead"] * 1.35', 'loads = {"dead": 10.0}'),
    Tricky("slice", "y = sum(x[1:3])", "x = [1, 2, 3, 4]"),
    Tricky("matrix product", "b = A @ v", _ARRAYS),
    Tricky("product of arrays element by element", "c = v * w", _ARRAYS),
    Tricky("solving a system", "c = np.linalg.solve(A, v)", _ARRAYS),
    Tricky("long array", "y = big.sum()", "import numpy as np\nbig = np.arange(1000000.0)"),
    Tricky("very small value", "y = a * b", "a, b = 1e-9, 2e-5"),
    Tricky("very large whole number", "n = 2**400"),
    Tricky("literals as written", "m = 1_000_000\nh = 0.50\nE = 2.1e11"),
    Tricky("infinity and NaN", "y = a * 2\nz = b + 1", "a, b = float('inf'), float('nan')"),
    Tricky("fraction", "y = a * Fraction(1, 3)", "from fractions import Fraction\na = Fraction(3, 4)"),
    Tricky(
        "integral", "I, err = quad(lambda x: x**2 * k, 0, b)", "from scipy.integrate import quad\nk, b, x = 3, 2, 99"
    ),
    Tricky("lambda", "f = lambda x: x**2 + c\ny = f(2)", "c = 1"),
    Tricky("walrus", "y = (n := 10)**2 + n", "n = 1"),
    Tricky("f-string", 'label = f"{a:.2f} kN"', "a = 3.14159"),
    Tricky("set and dictionary", "s = {1, 2, 2}\nd = {'a': 1}"),
    Tricky("assignment over several lines", "y = (a\n     + b\n     - c)", "a, b, c = 1, 2, 3"),
    Tricky("several statements on one line", "a = 1; b = a + 1; c = a + b"),
    Tricky("special characters in a comment", "a = 5  # 50% of A_s & {x} ~ #1 $2 ^ \\n"),
    Tricky("special characters in a string", 'a = "50% & _x_ {y} ~^#$"'),
    Tricky("Greek capital without a macro", "Alpha = a * Beta", "a, Beta = 2, 3"),
    Tricky("two names with one symbol", "y = x1 + x_1", "x1, x_1 = 1, 2"),
    Tricky("accents and primes", "y = x_dot + f_prime_c * theta_hat", "x_dot, f_prime_c, theta_hat = 1, 2, 3"),
    Tricky("Unicode names", "σ = F_größe / α", "F_größe, α = 6, 2"),
    Tricky("unit in a power", "M = q * L**2 / 8", _PINT),
    Tricky("literal with a unit", "d = 12.345678 * u.mm", _PINT),
    Tricky("unit conversion", 'L_mm = L.to("mm")', _PINT),
    Tricky("display unit", "M = q * L**2 / 8  #! unit=kN*m", _PINT),
    Tricky("uncertain value as a base", "y = a**2", "from uncertainties import ufloat\na = ufloat(3.14, 0.02)"),
    Tricky("SymPy derivative", "df = sp.diff(f, x)", _SYMPY),
    Tricky("SymPy integral", "F = sp.integrate(f, (x, 0, 1))", _SYMPY),
    Tricky("SymPy solution", "r = sp.solve(x**2 - k, x)", _SYMPY),
    Tricky("sum of SymPy values as a factor", "y = g * 2", _SYMPY + "\ng = x + k"),
    Tricky("function definition and call", "def f(v):\n    return v**2\ny = f(3) + 1"),
    Tricky("import, print and plain statements", "import math\nprint('hello')\ny = math.pi * r**2", "r = 2"),
    Tricky("bitwise operators", "y = a & b | c << 1", "a, b, c = 6, 3, 1"),
    Tricky("deep nesting", "y = " + "(" * 60 + "a" + " + 1)" * 60, "a = 1"),
    Tricky("sum of 10,000 terms", "y = sum([" + ", ".join(["1"] * 10_000) + "])"),
    Tricky("factorial and binomial", "y = factorial(n) / comb(n, k)", "from math import factorial, comb\nn, k = 5, 2"),
    Tricky(
        "absolute value and rounding", "y = abs(a) + floor(b) - ceil(b)", "from math import floor, ceil\na, b = -3, 2.5"
    ),
    Tricky("annotated assignment", "y: float = a * 2", "a = 1.5"),
    Tricky(
        "attribute and item targets",
        "o.x = a * 2\nd['k'] = a + 1\nd['k'] += 5",
        "from types import SimpleNamespace\no = SimpleNamespace()\nd = {}\na = 2",
    ),
    Tricky("starred target", "a, *rest = values", "values = [1, 2, 3]"),
    Tricky("try and with", "try:\n    y = a / 0\nexcept ZeroDivisionError:\n    y = a * 2", "a = 3"),
    Tricky("value that changes in place", "b = a + [c.pop()]\nn = len(c)", "a, c = [1], [2, 3]"),
    Tricky(
        "call that changes another name",
        "y = bump() + n",
        "n = 1\ndef bump():\n    global n\n    n += 10\n    return n",
    ),
]
