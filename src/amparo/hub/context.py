"""What every command of the hub needs, handed in and never looked up."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from amparo.bank.famous import FAMOUS_FILE, Fingerprints, read_famous
from amparo.case.code import CaseCode, CodeKeys
from amparo.core.clock import Clock, SystemClock
from amparo.core.errors import IntegrityViolation
from amparo.hub.banked import BankedPictures
from amparo.hub.bell import Bell
from amparo.hub.code_work import CodeWork
from amparo.hub.desk_keys import DESK_KEY_FILE, DeskKeys, load
from amparo.hub.kinship import Kinship
from amparo.hub.mail import MAIL_FILE
from amparo.hub.office import FOLDER, Office
from amparo.hub.ordinary import OrdinaryPhotos
from amparo.hub.pace import Allowance, Pace
from amparo.hub.provider import PROVIDER_FILE
from amparo.hub.vault import Vault
from amparo.store import Store, open_sqlite

DATABASE_FILE: Final = "hub.sqlite"


@dataclass(frozen=True, slots=True)
class HubSettings:
    """name: how the hub calls itself on its pages; url: where partners reach it; retention: how long a fingerprint is
    kept unless its person asks for less; exit_url: where the quick exit leads; time_zone: in
    which its pages tell the hour; country: whose help lines come first and whose law its people are under (ISO 3166-1);
    canaries: how many each new partner gets; verifications: how many questions about uploads a partner may ask a minute (two
    for each upload that it is unsure of)."""

    name: str = "Amparo"
    url: str = "http://127.0.0.1:8000"
    retention: timedelta = timedelta(days=730)
    exit_url: str = "https://www.wikipedia.org/"
    time_zone: str = "Europe/Madrid"
    country: str = "ES"
    canaries: int = 3
    verifications: int = 1200
    desk_url: str = "http://localhost:8003"


@dataclass(frozen=True, slots=True)
class Hub:
    store: Store
    vault: Vault
    clock: Clock
    settings: HubSettings
    bell: Bell
    desk: DeskKeys = field(default_factory=lambda: DeskKeys({}))
    famous: Fingerprints = field(default_factory=lambda: Fingerprints([]))
    ordinary: OrdinaryPhotos = field(default_factory=OrdinaryPhotos)
    banked: BankedPictures = field(default_factory=BankedPictures)
    kinship: Kinship = field(default_factory=Kinship)
    codes: CodeWork = field(default_factory=CodeWork)
    verifications: Pace = field(default_factory=lambda: Pace(HubSettings().verifications))
    fetches: Pace = field(default_factory=lambda: Pace(600, "partner_quota"))
    sent: Allowance = field(default_factory=Allowance)
    office: Office = field(default_factory=Office)
    mail_file: Path = Path(MAIL_FILE)
    provider_file: Path = Path(PROVIDER_FILE)

    @classmethod
    def open(
        cls,
        folder: Path,
        settings: HubSettings,
        clock: Clock | None = None,
        desk_key: Path | None = None,
        *,
        with_desk: bool = True,
    ) -> Hub:
        """The hub of this data folder, made on first use. Recovery after a crash is this same path.

        desk_key: the file of the desk's keys, beside the database unless it is elsewhere. with_desk: whether to read it at all;
        without, nobody's words can be opened by this process, and no key is made.

        Raises IntegrityViolation ``key_file_missing`` where there is a database and not its key: a new key would open
        nothing in it, and would be another hub to every partner. Raises InvalidInput ``famous_list_invalid``, and what
        ``Office.open`` raises for the operator's files.
        """
        database = folder / DATABASE_FILE
        if database.exists() and not Vault.exists(folder):
            raise IntegrityViolation(
                "key_file_missing", "The hub's key file is missing. Restore it from the backup.", detail=str(folder)
            )
        # The key first: a database without one stands for a loss, and never for a start that was cut off.
        vault = Vault.open(folder)
        famous, office = read_famous(folder / FAMOUS_FILE), Office.open(folder / FOLDER)
        store, pace, clock = open_sqlite(database), Pace(settings.verifications), clock or SystemClock()
        desk = load(desk_key or folder / DESK_KEY_FILE, store, clock.now()) if with_desk else DeskKeys({})
        return cls(
            store,
            vault,
            clock,
            settings,
            Bell(),
            desk,
            famous,
            verifications=pace,
            office=office,
            mail_file=folder / MAIL_FILE,
            provider_file=folder / PROVIDER_FILE,
        )

    def keys_of(self, code: CaseCode) -> CodeKeys:
        """What follows from a case code; slow by design, so never inside a transaction."""
        return self.codes.keys_of(code, self.vault.pepper)

    def close(self) -> None:
        self.store.close()
