"""Take work that was not handed in when its deadline has passed, for assignments that ask for it."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime

from sqlalchemy.orm import Session

from courseware import CoursewareError, collection, submissions
from courseware.collection import DueWork
from courseware.models import AssignmentRow
from courseware.store import Manifest, put_files
from hub.api.context import Platform
from hub.api.course_support import blob_store, receipt_key
from hub.api.new_projects import files_of
from hub.course_files import read_folder
from hub.errors import HubError

log = logging.getLogger("collegium.collecting")
PAUSE_SECONDS = 20.0


async def collect_regularly(platform: Platform) -> None:
    """Collect now and then again and again, until cancelled."""
    while True:
        try:
            await collect(platform)
        except (HubError, OSError) as error:
            log.warning("collecting was put off: %s", error)
        await asyncio.sleep(PAUSE_SECONDS)


async def collect(platform: Platform) -> list[int]:
    """Collect once what is due; return the submissions that it became."""
    now = platform.now()
    taken: list[int] = []
    for work in await platform.read(collection.due_work, now):
        try:
            submission = await _take(platform, work, now)
        except (HubError, CoursewareError, OSError) as error:
            # One student's folder must not keep the others' work from being taken; it is tried again.
            log.warning("the work of %s on %s could not be collected: %s", work.owner, work.folder, error)
            continue
        if submission is not None:
            taken.append(submission)
            log.info("collected the work of %s on %s", work.owner, work.folder)
    return taken


async def _take(platform: Platform, work: DueWork, now: datetime) -> int | None:
    settings = platform.settings
    files = await asyncio.to_thread(read_folder, files_of(settings, work.project_id), work.folder)
    manifest = await asyncio.to_thread(put_files, blob_store(settings), files) if files else None
    key = await asyncio.to_thread(receipt_key, settings)
    return await platform.transaction(_keep, work, manifest, key, now)


def _keep(session: Session, work: DueWork, manifest: Manifest | None, key: bytes, now: datetime) -> int | None:
    assignment = session.get_one(AssignmentRow, work.assignment_id)
    # Another copy of the service may have been faster, or the student.
    if work not in collection.due_work(session, now):
        return None
    submission = None
    if manifest is not None:
        given = submissions.HandIn(work.user_name, manifest, origin="collected")
        submission = submissions.hand_in(session, assignment, given, key=key, now=now, judged_at=work.due_at).id
    collection.note(session, work, submission, now)
    return submission
