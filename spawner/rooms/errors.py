"""What can go wrong with a room."""

from __future__ import annotations


class RoomError(Exception):
    """Base of this package's errors.

    Parameters
    ----------
    message
        What was wrong, with which document, and what to do.
    """


class DocumentNotFoundError(RoomError):
    """The document's file is not there."""


class DocumentUnreadableError(RoomError):
    """The document's file cannot be read as what it is opened as."""


class StoreDamagedError(RoomError):
    """The file with a document's edits is damaged."""


class FolderInUseError(RoomError):
    """Another server works on the folder."""
