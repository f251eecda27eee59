"""Makes container images of this machine's own files: no registry, no daemon, no Dockerfile.

An image is a stack of layers, each a plain tar file: the interpreter with the libraries that it and its extension
modules are linked against, then distributions of the virtual environment with all that they require. Byte code is
made and taken along, as in images that an installer has made: on a read-only root Python would compile everything again
at each start.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import json
import py_compile
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from layout import Layout

PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
# Where the interpreter looks for packages: Debian's own looks elsewhere than everybody's.
PACKAGES = f"opt/python/lib/{PYTHON}/{'dist' if 'deb_system' in sysconfig.get_scheme_names() else 'site'}-packages"
HOME, USER, GROUP = "home/collegium", 1000, 100
TOOLS = "sh ls cat ps env id ip sleep mkdir rm cp mv ln echo hostname kill nc wget grep head tail true false dd df du"
LEFT_OUT = {"test", "tests", "idlelib", "lib2to3", "turtledemo", "site-packages", "ensurepip"}
KERNEL = ("ipykernel", "numpy", "scipy", "pandas", "matplotlib", "sympy")
SERVER = ("jupyterhub", "jupyter-server", "jupyterlab", "jupyter-collaboration", "kubernetes", "papermill", "psutil")
BUILT = {
    "lab": ("frontend/lab/dist",),
    "frontend": ("frontend/web/dist", "frontend/proxy/node_modules", "deploy/helm"),
}
OWN_PACKAGES = ("hub", "spawner", "kernels", "courseware", "handcalc", "pipelines")
ROOT = Path(__file__).parents[2]
Content = dict[str, Path]


@dataclass(frozen=True)
class Image:
    """A name and the layers under it; equal layers are stored and imported once."""

    name: str
    layers: tuple[str, ...]


@dataclass(frozen=True)
class Archive:
    """An image without its layers, which containerd is given first, each once."""

    path: Path
    layers: tuple[Path, ...]


IMAGES = (
    Image("localhost/pause:1", ("pause",)),
    Image("localhost/collegium-kernel:1", ("base", "kernel")),
    Image("localhost/collegium-server:1", ("base", "kernel", "server", "platform", "lab", "own")),
    Image("localhost/collegium-hub:1", ("base", "kernel", "server", "platform", "lab", "frontend", "own")),
)


def make(where: Layout, names: Iterable[str] = ()) -> list[Archive]:
    """Make the archives and layers that are missing, and return all of them."""
    wanted = [image for image in IMAGES if not names or image.name in names]
    where.images.mkdir(parents=True, exist_ok=True)
    made = []
    for image in wanted:
        archive = where.images / f"{image.name.replace('/', '_').replace(':', '_')}-{_fingerprint(image.layers)}.tar"
        layers = tuple(_layer(where, name) for name in image.layers)
        if not archive.exists():
            print(f"making {image.name}", flush=True)
            for stale in where.images.glob(f"{archive.name[:-16]}*"):
                stale.unlink()
            partial = archive.with_suffix(".partial")
            _write_archive(partial, image, layers)
            partial.rename(archive)
        made.append(Archive(archive, layers))
    return made


def digest_of(layer: Path) -> str:
    """The digest of a layer, which is kept beside it."""
    kept = layer.with_suffix(".digest")
    if not kept.exists():
        with layer.open("rb") as content:
            kept.write_text(f"sha256:{hashlib.file_digest(content, 'sha256').hexdigest()}")
    return kept.read_text()


def _fingerprint(layers: Iterable[str]) -> str:
    """Changes when anything that goes into the layers does."""
    parts = [Path(__file__).read_text(), repr(layers), repr(sorted(_required())), sys.version]
    parts += sorted(f"{d.metadata['Name']} {d.version}" for d in importlib.metadata.distributions())
    for layer in sorted({"own", *BUILT} & set(layers)):
        files = (path for path in _built_files(layer).values() if path.suffix != ".pyc")
        parts += sorted(f"{path} {path.stat().st_mtime_ns}" for path in files)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _layer(where: Layout, name: str) -> Path:
    path = where.images / f"layer-{name}-{_fingerprint((name,))}.tar"
    if path.exists():
        return path
    for stale in where.images.glob(f"layer-{name}-*"):
        stale.unlink()
    _write_layer(path.with_suffix(".partial"), name, _content(where, name))
    return path.with_suffix(".partial").rename(path)


def _content(where: Layout, name: str) -> Content:
    content: Content
    if name == "pause":
        return {"pause": where.programs / "pause"}
    if name == "own" or name in BUILT:
        content = _built_files(name)
        return content | {path: file for inside, source in content.items() for path, file in _compiled(inside, source)}
    if name == "base":
        content = _interpreter()
    else:
        known = chosen = _closure(KERNEL)
        if name in ("server", "platform"):
            chosen = _closure(SERVER) - known
        if name == "platform":
            chosen = _closure(_required()) - chosen - known
        content = {path: file for dist in sorted(chosen) for path, file in _files(dist)}
    return {str(path).lstrip("/"): path for path in _libraries(content.values())} | content


def _write_layer(path: Path, name: str, content: Content) -> None:
    # Without dereference, a second name of a file (a hard link, as uv makes them) would come out as no file at all.
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT, dereference=True) as tar:
        if name == "base":
            _add_system(tar)
        for inside, file in sorted(content.items()):
            information = tar.gettarinfo(file.resolve() if file.is_symlink() else file, inside)
            information.uid = information.gid = 0
            information.uname = information.gname = ""
            if information.isreg():
                information.type = tarfile.REGTYPE
                with file.open("rb") as opened:
                    tar.addfile(information, opened)


def _add_system(tar: tarfile.TarFile) -> None:
    for folder in ("bin", "etc", "proc", "sys", "dev", "run", "home", "usr/bin", "lib64"):
        _add(tar, folder, tarfile.DIRTYPE, mode=0o755)
    _add(tar, "tmp", tarfile.DIRTYPE, mode=0o1777)
    home = tarfile.TarInfo(HOME)
    home.type, home.mode, home.uid, home.gid = tarfile.DIRTYPE, 0o775, USER, GROUP
    tar.addfile(home)
    tar.add("/bin/busybox", "bin/busybox")
    for tool in TOOLS.split():
        _add(tar, f"bin/{tool}", tarfile.SYMTYPE, link="busybox")
    for name in ("python3", "python"):
        _add(tar, f"usr/bin/{name}", tarfile.SYMTYPE, link=f"/opt/python/bin/{PYTHON}")
        _add(tar, f"opt/python/bin/{name}", tarfile.SYMTYPE, link=PYTHON)
    users = f"root:x:0:0:root:/root:/bin/sh\ncollegium:x:{USER}:{GROUP}::/{HOME}:/bin/sh\n"
    _add(tar, "etc/passwd", tarfile.REGTYPE, text=users)
    _add(tar, "etc/group", tarfile.REGTYPE, text=f"root:x:0:\nusers:x:{GROUP}:\n")
    _add(tar, "etc/nsswitch.conf", tarfile.REGTYPE, text="hosts: files dns\n")


def _add(tar: tarfile.TarFile, name: str, kind: bytes, *, mode: int = 0o644, link: str = "", text: str = "") -> None:
    information = tarfile.TarInfo(name)
    information.type, information.mode, information.linkname = kind, mode, link
    information.size = len(text.encode())
    tar.addfile(information, io.BytesIO(text.encode()))


def _interpreter() -> Content:
    prefix = Path(sys.base_prefix)
    content: Content = {f"opt/python/bin/{PYTHON}": Path(sys.base_prefix, "bin", PYTHON).resolve()}
    library = prefix / "lib" / PYTHON
    for path in library.rglob("*"):
        parts = path.relative_to(library).parts
        if path.is_file() and not LEFT_OUT & set(parts) and not parts[0].startswith("config-") and path.suffix != ".a":
            content[f"opt/python/lib/{PYTHON}/{'/'.join(parts)}"] = path
    for path in (prefix / "lib").glob("libpython*.so*"):
        content[f"opt/python/lib/{path.name}"] = path
    for name in ("libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2", "libgcc_s.so.1", "libstdc++.so.6"):
        for folder in Path("/lib").glob("*-linux-gnu"):
            if (folder / name).exists():
                content[f"{folder}/{name}".lstrip("/")] = folder / name
    return content


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _required() -> list[str]:
    """What the platform requires, as the checkout has it: an editable installation may be older."""
    return list(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"])


def _closure(texts: Iterable[str]) -> set[str]:
    """The distributions that the requirements name, with all that those require here."""
    from packaging.requirements import Requirement

    seen: set[str] = set()
    given = [Requirement(text) for text in texts]
    waiting = [(_normal(one.name), frozenset(one.extras)) for one in given if not one.marker or one.marker.evaluate()]
    done: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in done:
            continue
        done.add((name, extras))
        try:
            requirements = importlib.metadata.distribution(name).requires or []
        except importlib.metadata.PackageNotFoundError:
            continue
        seen.add(name)
        for text in requirements:
            requirement = Requirement(text)
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
                waiting.append((_normal(requirement.name), frozenset(requirement.extras)))
    return seen


def _files(name: str) -> Iterator[tuple[str, Path]]:
    site = Path(sysconfig.get_path("purelib"))
    for file in importlib.metadata.distribution(name).files or []:
        path = Path(file.locate()).resolve()
        if not path.is_file() or {"tests", "test"} & set(file.parts[1:-1]):
            continue
        if path.is_relative_to(site):
            inside = f"{PACKAGES}/{path.relative_to(site)}"
            yield inside, path
            yield from _compiled(inside, path)
        elif path.is_relative_to(sys.prefix) and path.parent.name != "bin":
            yield f"opt/python/{path.relative_to(sys.prefix)}", path


def _compiled(inside: str, source: Path) -> Iterator[tuple[str, Path]]:
    """The byte code of a Python file, made beside it unless it is there."""
    if source.suffix != ".py" or not inside.startswith("opt/python/"):
        return
    compiled = source.parent / "__pycache__" / f"{source.stem}.{sys.implementation.cache_tag}.pyc"
    if not compiled.exists() or compiled.stat().st_mtime < source.stat().st_mtime:
        py_compile.compile(str(source), str(compiled), dfile=f"/{inside}", quiet=2)  # a template may be no program
    if compiled.exists():
        yield f"{Path(inside).parent}/__pycache__/{compiled.name}", compiled


def _own_files() -> Content:
    content: Content = {}
    for package in OWN_PACKAGES:
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts and path.suffix not in (".c", ".pyx"):
                content[f"{PACKAGES}/{path.relative_to(ROOT)}"] = path
    zones = Path("/usr/share/zoneinfo")
    content |= {str(path).lstrip("/"): path for path in zones.rglob("*") if path.is_file()}
    # How the platform is found by name: its version, and its entry points in Jupyter and papermill.
    for file in importlib.metadata.distribution("collegium").files or []:
        if file.name in ("METADATA", "entry_points.txt"):
            content[f"{PACKAGES}/collegium.dist-info/{file.name}"] = Path(file.locate())
    return content


def _built_files(layer: str) -> Content:
    """What is ours: the packages, JupyterLab's extension, or the web app, the proxy and the chart."""
    if layer == "own":
        return _own_files()
    content: Content = {}
    for folder in BUILT[layer]:
        for path in (ROOT / folder).rglob("*"):
            if path.is_file():
                content[f"{PACKAGES}/{path.relative_to(ROOT)}"] = path
    return content


def _libraries(files: Iterable[Path]) -> set[Path]:
    """Shared libraries of the machine that the programs and extension modules are linked against."""
    found: set[Path] = set()
    for file in files:
        if ".so" in file.name or file.name == PYTHON:
            text = subprocess.run(["ldd", file], check=False, capture_output=True, text=True).stdout
            found |= {Path(match) for match in re.findall(r"(?:=> )?(/\S+) \(0x", text)}
    own = (sys.base_prefix, sys.prefix)
    return {path for path in found if not any(path.is_relative_to(prefix) for prefix in own)}


def _write_archive(path: Path, image: Image, layers: Iterable[Path]) -> None:
    digests = [digest_of(layer) for layer in layers]
    settings = {
        "Env": ["PATH=/opt/python/bin:/usr/bin:/bin", f"HOME=/{HOME}", "LD_LIBRARY_PATH=/opt/python/lib"],
        "WorkingDir": f"/{HOME}",
        "User": f"{USER}:{GROUP}",
    }
    if image.layers == ("pause",):
        settings = {"Entrypoint": ["/pause"], "User": "65535:65535"}
    configuration = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": settings,
            "rootfs": {"type": "layers", "diff_ids": digests},
        }
    ).encode()
    with tarfile.open(path, "w") as tar:
        kind = "application/vnd.oci.image"
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{kind}.manifest.v1+json",
            "config": _blob(tar, configuration, f"{kind}.config.v1+json"),
            "layers": [
                {"mediaType": f"{kind}.layer.v1.tar", "digest": digest, "size": layer.stat().st_size}
                for digest, layer in zip(digests, layers, strict=True)
            ],
        }
        entry = _blob(tar, json.dumps(manifest).encode(), f"{kind}.manifest.v1+json")
        entry["annotations"] = {"io.containerd.image.name": image.name, "org.opencontainers.image.ref.name": "1"}
        _add(tar, "index.json", tarfile.REGTYPE, text=json.dumps({"schemaVersion": 2, "manifests": [entry]}))
        _add(tar, "oci-layout", tarfile.REGTYPE, text='{"imageLayoutVersion": "1.0.0"}')


def _blob(tar: tarfile.TarFile, content: bytes, kind: str) -> dict[str, object]:
    digest = hashlib.sha256(content).hexdigest()
    _add(tar, f"blobs/sha256/{digest}", tarfile.REGTYPE, text=content.decode())
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(content)}
