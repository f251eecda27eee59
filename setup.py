"""Build of the compiled parts; everything else about the distribution is in pyproject.toml.

Every extension is optional: without a compiler the installation succeeds and ``kernels.math`` runs in pure Python.
The first list of sources in EXTENSIONS is compiled once per instruction set, with ``LEVEL`` as the suffix of their
names; ``csrc/cpu.h`` chooses among them at import.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError, ExecError, LinkError, PlatformError
from setuptools.modified import newer_group

ROOT = Path("kernels/math")
FLAGS = ["-O3", "-fno-math-errno", "-fno-trapping-math", "-g0"]
if platform.machine() in ("x86_64", "AMD64"):
    AVX512 = ["-mavx512f", "-mavx512dq", "-mavx512vl", "-mavx512bw", "-mavx2", "-mfma", "-mprefer-vector-width=512"]
    LEVELS = {"baseline": [], "avx2": ["-mavx2", "-mfma"], "avx512": AVX512}
else:
    LEVELS = {"baseline": []}

# name of the extension -> sources compiled per instruction set, sources compiled once
EXTENSIONS: dict[str, tuple[list[str], list[str]]] = {
    "_isa": ([], []),
    "_capsules": ([], []),
    "_vm": (["vm.c"], ["vm_complex.c", "machine.c", "machine_run.c"]),
    "_combinat": ([], []),
    "_exact_cover": ([], []),
    "_dynamics": (["dynamics.c", "escape.c"], []),
    "_modlinalg": (["modular.c"], []),
    "_primes": (["sieve.c"], ["number_theory.c", "factor.c"]),
    "_ode": ([], ["ode_explicit.c", "ode_rodas.c", "ode_driver.c"]),
}


class BuildIsaExtensions(build_ext):
    """Compiles the instruction-set variants of an extension before the extension itself."""

    def finalize_options(self) -> None:
        super().finalize_options()
        if self.parallel is None:
            self.parallel = min(4, os.cpu_count() or 1)

    def build_extension(self, extension: Extension) -> None:
        """Compile the variants, then the rest; without a working compiler, warn and go on."""
        try:
            extension.extra_objects = [*extension.extra_objects, *self._variants(extension)]
            super().build_extension(extension)
        except (CompileError, LinkError, ExecError, PlatformError, OSError) as error:
            self.warn(f"{extension.name} is not built, kernels.math will run in pure Python: {error}")

    def _variants(self, extension: Extension) -> list[str]:
        objects: list[str] = []
        for source in EXTENSIONS[extension.name.rpartition(".")[2]][0]:
            for level, flags in LEVELS.items():
                folder = Path(self.build_temp, extension.name, level)
                folder.mkdir(parents=True, exist_ok=True)
                path = str(ROOT / "csrc" / source)
                made = self.compiler.object_filenames([path], output_dir=str(folder))
                if not newer_group([path, __file__, *extension.depends], made[0]):
                    objects += made
                    continue
                objects += self.compiler.compile(
                    [path],
                    output_dir=str(folder),
                    macros=[("LEVEL", level)],
                    extra_postargs=[*FLAGS, "-ffp-contract=off", *flags],
                    depends=extension.depends,
                )
        return objects


def extensions() -> list[Extension]:
    """The extensions, translated by Cython where it is installed."""
    try:
        import numpy as np
        from Cython.Build import cythonize
    except ImportError as error:
        print(f"warning: {error}; kernels.math will run in pure Python")
        return []
    headers = sorted(str(p) for p in (ROOT / "csrc").glob("*.h"))
    modules = [
        Extension(
            f"kernels.math.{name}",
            [str(ROOT / f"{name}.pyx"), *(str(ROOT / "csrc" / s) for s in once)],
            include_dirs=[np.get_include(), str(ROOT)],
            define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")],
            extra_compile_args=FLAGS,
            depends=headers,
        )
        for name, (_, once) in EXTENSIONS.items()
    ]
    directives = {"language_level": 3, "boundscheck": False, "wraparound": False, "cdivision": True}
    translated: list[Extension] = cythonize(modules, compiler_directives=directives)
    for extension in translated:
        extension.optional = True  # which cythonize does not carry over
    return translated


setup(ext_modules=extensions(), cmdclass={"build_ext": BuildIsaExtensions})
