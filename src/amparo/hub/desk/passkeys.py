"""Passkeys: the two ceremonies of WebAuthn Level 2, on the hub's side.

Registration (section 7.1) and authentication (section 7.2) are verified by py_webauthn; here stand what is asked for
(discoverable credentials, user verification always) and the challenges: random, for one purpose and one person, used once,
within five minutes, in memory only.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, cast
from urllib.parse import urlsplit

from webauthn import (
    base64url_to_bytes,
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from amparo.core.clock import Clock
from amparo.core.errors import InvalidInput, Unauthenticated
from amparo.core.ids import StaffId
from amparo.core.keys import KEY_BYTES, new_key
from amparo.hub.commands import staff as staff_commands
from amparo.hub.context import Hub
from amparo.store.staff.protocol import PasskeyRecord, StaffRecord

CHALLENGE_LIVES: Final = timedelta(minutes=5)
_AT_ONCE: Final = 10_000
_LONGEST_LABEL: Final = 40
_LONGEST_CREDENTIAL: Final = 1023
"""Bytes of a credential's id: WebAuthn Level 2, section 7.1, step 24 and its note."""


class Purpose(StrEnum):
    ENTER = "enter"
    INVITATION = "invitation"
    ANOTHER = "another"


@dataclass(frozen=True, slots=True)
class _Asked:
    purpose: Purpose
    staff: StaffId | None
    until: datetime


class Challenges:
    """Those that were given out and not answered yet. Safe to use from several threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._asked: dict[bytes, _Asked] = {}

    def give(self, purpose: Purpose, staff: StaffId | None = None) -> bytes:
        """32 random bytes. Anybody may ask for one, so the oldest ones make room."""
        challenge, now = new_key(), self._clock.now()
        with self._lock:
            while len(self._asked) >= _AT_ONCE:
                del self._asked[next(iter(self._asked))]
            self._asked[challenge] = _Asked(purpose, staff, now + CHALLENGE_LIVES)
        return challenge

    def take(self, challenge: bytes, purpose: Purpose, staff: StaffId | None = None) -> None:
        """Use it up, whatever comes of it. Raises Unauthenticated ``challenge_over``."""
        with self._lock:
            found = self._asked.pop(challenge, None)
        if found is None or found.until <= self._clock.now() or (found.purpose, found.staff) != (purpose, staff):
            raise Unauthenticated("challenge_over", "This took too long, or was answered before. Try again.")


class Passkeys:
    """The ceremonies, bound to the address of this desk."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._challenges = Challenges(hub.clock)
        parts = urlsplit(hub.settings.desk_url)
        self._place = parts.hostname or "localhost"
        self._origin = f"{parts.scheme}://{parts.netloc}"

    @property
    def origin(self) -> str:
        """At which address, and no other, browsers use these passkeys."""
        return self._origin

    def ask_registration(self, staff: StaffRecord, purpose: Purpose) -> Mapping[str, Any]:
        """Options for ``navigator.credentials.create``, as JSON."""
        known = staff_commands.passkeys(self._hub, staff.id)
        options = generate_registration_options(
            rp_id=self._place,
            rp_name=f"{self._hub.settings.name} desk",
            user_id=staff.id.encode(),
            user_name=staff.name,
            challenge=self._challenges.give(purpose, staff.id),
            timeout=_milliseconds(),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=one.credential) for one in known],
        )
        return json.loads(options_to_json(options))

    def registered(self, staff: StaffRecord, purpose: Purpose, answer: Mapping[str, Any]) -> PasskeyRecord:
        """The passkey that was made, not stored yet.

        answer: ``challenge``, ``label``, ``credential`` (RegistrationResponseJSON). Raises Unauthenticated
        ``challenge_over``, ``passkey_refused``, InvalidInput ``passkey_malformed``.
        """
        challenge, credential = _parts(answer)
        self._challenges.take(challenge, purpose, staff.id)
        try:
            verified = verify_registration_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=self._place,
                expected_origin=self._origin,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError) as error:
            raise _refused(error) from error
        if len(verified.credential_id) > _LONGEST_CREDENTIAL:
            raise InvalidInput("passkey_malformed", "This passkey could not be read.")
        return PasskeyRecord(
            verified.credential_id,
            staff.id,
            verified.credential_public_key,
            verified.sign_count,
            _label(answer),
            self._hub.clock.now(),
        )

    def ask_entrance(self) -> Mapping[str, Any]:
        """Options for ``navigator.credentials.get``, as JSON. They name no passkey: nobody learns who works here."""
        options = generate_authentication_options(
            rp_id=self._place,
            challenge=self._challenges.give(Purpose.ENTER),
            timeout=_milliseconds(),
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return json.loads(options_to_json(options))

    def entered(self, answer: Mapping[str, Any]) -> StaffRecord:
        """Whose passkey answered; its use is on disk. answer: ``challenge``, ``credential`` (AuthenticationResponseJSON).

        Raises Unauthenticated ``challenge_over``, ``passkey_refused``, InvalidInput ``passkey_malformed``.
        """
        challenge, credential = _parts(answer)
        self._challenges.take(challenge, Purpose.ENTER)
        known = staff_commands.passkey(self._hub, _bytes(credential.get("id")))
        try:
            verified = verify_authentication_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=self._place,
                expected_origin=self._origin,
                credential_public_key=known.public_key,
                credential_current_sign_count=known.sign_count,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError) as error:
            raise _refused(error) from error
        # Section 7.2, step 6: the passkey says whose it is, and must agree with us.
        response = cast("dict[str, Any]", credential["response"])
        if _bytes(response.get("userHandle")) != known.staff.encode():
            raise Unauthenticated("passkey_refused", "This passkey does not open the desk.")
        return staff_commands.use_passkey(self._hub, known, verified.new_sign_count)


def _milliseconds() -> int:
    return int(CHALLENGE_LIVES.total_seconds() * 1000)


def _parts(answer: Mapping[str, Any]) -> tuple[bytes, dict[str, Any]]:
    challenge, credential = _bytes(answer.get("challenge")), answer.get("credential")
    if len(challenge) != KEY_BYTES or not isinstance(credential, dict):
        raise InvalidInput("passkey_malformed", "This passkey could not be read.")
    credential = cast("dict[str, Any]", credential)
    if not isinstance(credential.get("response"), dict):
        raise InvalidInput("passkey_malformed", "This passkey could not be read.")
    return challenge, credential


def _bytes(text: object) -> bytes:
    try:
        if isinstance(text, str):
            return base64url_to_bytes(text)
    except ValueError:
        pass
    raise InvalidInput("passkey_malformed", "This passkey could not be read.")


def _label(answer: Mapping[str, Any]) -> str:
    label = " ".join(str(answer.get("label", "")).split())[:_LONGEST_LABEL]
    return label if label and label.isprintable() else "Passkey"


def _refused(error: Exception) -> Unauthenticated:
    return Unauthenticated("passkey_refused", "This passkey does not open the desk.", detail=str(error))
