"""Every table of the hub, of all rooms: what a migration must arrive at."""

from __future__ import annotations

from typing import Final

from sqlalchemy import MetaData

from amparo.store.incidents import tables as incidents
from amparo.store.jobs import tables as jobs
from amparo.store.notices import tables as notices
from amparo.store.queue import tables as queue
from amparo.store.staff import tables as staff
from amparo.store.tables import metadata
from amparo.store.words import tables as words

ROOMS: Final = (words, queue, staff, notices, jobs, incidents)
"""Whose tables are in ``schema`` because they are imported here."""

schema: Final[MetaData] = metadata
