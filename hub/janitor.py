"""What the service clears away by itself: expired trash, uploads that nobody goes on with, copies that were cut off."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import timedelta

from hub.api.context import Platform
from hub.api.new_projects import STAGING
from hub.data import project_life
from hub.errors import HubError
from hub.project_files import remove_folder
from hub.project_pipelines import of_platform
from hub.settings import Settings
from hub.uploads import forget_old

log = logging.getLogger("collegium.janitor")
PAUSE_SECONDS = 3600.0
STAGING_SECONDS = 24 * 3600.0


async def clean_regularly(platform: Platform) -> None:
    """Clean now and then every hour, until cancelled."""
    while True:
        try:
            await clean(platform)
        except (HubError, OSError) as error:
            log.warning("cleaning was put off: %s", error)
        await asyncio.sleep(PAUSE_SECONDS)


async def clean(platform: Platform) -> list[str]:
    """Clean once; return the ids of projects that were deleted for good."""
    settings = platform.settings
    lifetime = timedelta(days=settings.trash_days)
    purged = await platform.transaction(project_life.purge_expired, lifetime, platform.now())
    await asyncio.to_thread(_clean_files, settings, purged)
    for project_id in purged:
        await asyncio.to_thread(of_platform(platform).forget, project_id)
        log.info("deleted project %s for good, which was in the trash for %s days", project_id, settings.trash_days)
    return purged


def _clean_files(settings: Settings, purged: list[str]) -> None:
    for project_id in purged:
        remove_folder(settings.projects_dir / project_id)
    forget_old(settings.projects_dir)
    for folder in (settings.projects_dir / STAGING).glob("*"):
        if folder.stat().st_mtime < time.time() - STAGING_SECONDS:
            remove_folder(folder)
