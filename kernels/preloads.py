"""What the preloaded parent of the platform's Python kernel imports."""

from __future__ import annotations

KERNEL_PRELOAD = (
    "numpy",
    "scipy",
    "scipy.linalg",
    "scipy.optimize",
    "scipy.integrate",
    "scipy.interpolate",
    "scipy.stats",
    "sympy",
    "pandas",
    "matplotlib.pyplot",
    "IPython",
    "ipykernel.kernelapp",
    "ipykernel.inprocess.ipkernel",
    "handcalc",
    "kernels.math",
    "pipelines",
)
"""Imported once, in this order; what is not installed is left out, and so is a `kernels` that is not ours."""

KERNEL_TARGETS = "_collegium_fork.kernel:main"
KERNEL_REHEARSAL = "_collegium_fork.kernel:rehearse"

PLAIN_PRELOAD = ("IPython", "ipykernel.kernelapp", "ipykernel.inprocess.ipkernel")
"""For notebooks that import nothing of the above: a parent a third of the size, whose forks cost a third."""

SHORT_TARGETS = "_collegium_fork.short:main"
SHORT_REHEARSAL = "_collegium_fork.short:rehearse"
PLAIN_REHEARSAL = "_collegium_fork.short:rehearse_plainly"
SHORT_PREPARE = "_collegium_fork.short:prepare"

OWN_NAMES = ("handcalc", "kernels", "pipelines")
"""Names of ours that a user's own module in the working folder takes precedence over."""
