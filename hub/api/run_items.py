"""Operations on one item of a run: its record, what it printed and wrote, a copy to work on."""

from __future__ import annotations

import os
import re
from pathlib import Path

from pydantic import JsonValue

from hub.api import run_schemas as s
from hub.api.context import Context
from hub.api.operation import Content, Query, operation
from hub.api.run_support import exact_item, exact_run, file_of, in_project, item_state
from hub.errors import ConflictError, InvalidError, NotFoundError
from hub.pages import document, render_file
from hub.policy import Capability
from hub.project_files import ProjectFolder
from hub.project_pipelines import ProjectPipelines

ITEM = "/runs/{project_id}/{run_id}/{step}/{index}"
LOG_LIMIT_CHARACTERS = 200_000
RECORD_LIMIT_BYTES = 30_000_000
FILE_LIMIT_BYTES = 200_000_000
MOST_COPIES = 100


class FileQuery(Query):
    """Which file."""

    name: str


@operation("GET", ITEM, "One item of a run: parameters, prints, files", response=s.ItemDetail)
async def read_run_item(ctx: Context) -> s.ItemDetail:
    """Return what an item was given, printed and wrote."""

    def work(pipelines: ProjectPipelines, project_id: str) -> s.ItemDetail:
        from pipelines.graph import record_of

        service = pipelines.of(project_id)
        run = exact_run(service, ctx.path["run_id"])
        row = exact_item(service, run.id, ctx.path["step"], ctx.path["index"])
        result = service.store.find(row.key) if row.key and row.status in ("ok", "reused") else None
        output = result.output if result is not None else None
        drawn = dict((run.origin or {}).get("steps", {}))
        record = record_of(service, row, RECORD_LIMIT_BYTES)
        parameters, log = _said(record) if record is not None else ({}, "")
        return s.ItemDetail(
            item=item_state(pipelines, project_id, row),
            notebook=str(drawn.get(row.step, {}).get("notebook", "")),
            parameters=parameters,
            log=pipelines.readable(project_id, log),
            files=[
                s.RunFile(name=name, size_bytes=(output / name).stat().st_size)
                for name in (result.files if result is not None else ())
                if output is not None
            ],
        )

    return await in_project(ctx, Capability.READ, work)


@operation("GET", ITEM + "/page", "The record of an item as a page without scripts", response=s.RecordPage)
async def read_record_page(ctx: Context) -> s.RecordPage:
    """Return the record as safe HTML; the cell that failed can be jumped to."""

    def work(pipelines: ProjectPipelines, project_id: str) -> s.RecordPage:
        row = exact_item(pipelines.of(project_id), ctx.path["run_id"], ctx.path["step"], ctx.path["index"])
        content = _record(pipelines, project_id, ctx)
        body = render_file("record.ipynb", content)
        cell = row.error.get("cell") if row.error else None
        body, found = _mark_cell(body, cell) if isinstance(cell, int) else (body, False)
        title = f"{row.step} [{row.index}]"
        return s.RecordPage(html=document(title, body), has_failing_cell=found)

    return await in_project(ctx, Capability.READ, work)


@operation(
    "GET", ITEM + "/record", "The record of an item: the notebook as it ran", media_type="application/x-ipynb+json"
)
async def download_record(ctx: Context) -> Content:
    """Return the notebook."""

    def work(pipelines: ProjectPipelines, project_id: str) -> Content:
        name = f"{ctx.path['run_id']}-{ctx.path['step']}-{ctx.path['index']}.ipynb"
        return Content(_record(pipelines, project_id, ctx), "application/x-ipynb+json", re.sub(r"[^\w.-]", "_", name))

    return await in_project(ctx, Capability.READ, work)


@operation(
    "GET",
    ITEM + "/files",
    "A file that an item has written",
    query=FileQuery,
    media_type="application/octet-stream",
)
async def download_run_file(ctx: Context) -> Content:
    """Return the file, to be saved."""
    name = ctx.query_as(FileQuery).name

    def work(pipelines: ProjectPipelines, project_id: str) -> Content:
        service = pipelines.of(project_id)
        row = exact_item(service, ctx.path["run_id"], ctx.path["step"], ctx.path["index"])
        result = service.store.find(row.key) if row.key and row.status in ("ok", "reused") else None
        if result is None or name not in result.files:
            raise NotFoundError(f"This item has written no file “{name[:200]}”.")
        path = result.output / name
        if path.stat().st_size > FILE_LIMIT_BYTES:
            raise InvalidError(f"“{name}” is larger than {FILE_LIMIT_BYTES // 1_000_000} MB; copy it in a notebook.")
        return Content(path.read_bytes(), "application/octet-stream", Path(name).name)

    return await in_project(ctx, Capability.READ, work)


@operation(
    "POST",
    ITEM + "/copies",
    "Copy an item's notebook with its inputs into the project",
    response=s.CopiedNotebook,
    status=201,
)
async def copy_run_item(ctx: Context) -> s.CopiedNotebook:
    """Write the notebook, without outputs and with the item's values in it, beside the original."""

    def work(pipelines: ProjectPipelines, project_id: str) -> s.CopiedNotebook:
        from pipelines import parse_notebook, working_copy_text
        from pipelines.graph import record_of

        service = pipelines.of(project_id)
        run = exact_run(service, ctx.path["run_id"])
        row = exact_item(service, run.id, ctx.path["step"], ctx.path["index"])
        record = record_of(service, row, RECORD_LIMIT_BYTES)
        if record is None:
            raise NotFoundError("This item has no record to copy.")
        text = working_copy_text(parse_notebook(record.decode(errors="replace"), Path("record.ipynb")))
        source = file_of(pipelines, project_id, pipelines.readable(project_id, run.file))
        folder = source.parent.relative_to(pipelines.files(project_id).resolve())
        stem = re.sub(r"[^\w.-]", "_", f"{row.step}-{row.index}-of-{run.id}")
        return s.CopiedNotebook(path=_write_new(ProjectFolder(pipelines.files(project_id)), folder / stem, text))

    return await in_project(ctx, Capability.WRITE, work)


def _record(pipelines: ProjectPipelines, project_id: str, ctx: Context) -> bytes:
    from pipelines.graph import record_of

    service = pipelines.of(project_id)
    row = exact_item(service, ctx.path["run_id"], ctx.path["step"], ctx.path["index"])
    content = record_of(service, row, RECORD_LIMIT_BYTES)
    if content is None:
        limit = f"{RECORD_LIMIT_BYTES // 1_000_000} MB"
        raise NotFoundError(f"This item has no record yet, or one of more than {limit}, which is not shown here.")
    return content


def _said(record: bytes) -> tuple[dict[str, JsonValue], str]:
    """The values that went in, and everything that was printed, from a record."""
    from pipelines import parse_notebook, printed_text

    notebook = parse_notebook(record.decode(errors="replace"), Path("record.ipynb"))
    marks = notebook.metadata.get("papermill", {})
    given = marks.get("parameters") if isinstance(marks, dict) else None
    parameters = dict(given) if isinstance(given, dict) else {}
    return parameters, printed_text(notebook, LOG_LIMIT_CHARACTERS)


def _write_new(files: ProjectFolder, stem: Path, text: str) -> str:
    """Write a notebook under a name that is free, and return its path."""
    for number in range(1, MOST_COPIES):
        path = f"{stem.as_posix()}{f'-{number}' if number > 1 else ''}.ipynb"
        with files.writing(path) as (folder, name):
            try:
                new = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
            except FileExistsError:
                continue
            with os.fdopen(new, "w", encoding="utf-8") as file:
                file.write(text)
            return path
    raise ConflictError("There are many copies of this notebook already; remove some.")


def _mark_cell(body: str, position: int) -> tuple[str, bool]:
    """Give the cell at a position the id `failing`; what is inside of cells never holds this text."""
    opening = '<div class="cell">'
    parts = body.split(opening)
    if position + 1 >= len(parts):
        return body, False
    before, after = opening.join(parts[: position + 1]), opening.join(parts[position + 1 :])
    return f'{before}<div class="cell" id="failing">{after}', True
