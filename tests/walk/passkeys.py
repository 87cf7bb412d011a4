"""Authenticators for pages of a real browser, by Chromium's own virtual ones (DevTools protocol, domain WebAuthn)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from playwright.sync_api import CDPSession, Page


@dataclass(frozen=True)
class Authenticators:
    """Those of one page, none at first; each keeps passkeys and verifies its user."""

    session: CDPSession

    @classmethod
    def of(cls, page: Page) -> Authenticators:
        made = cls(page.context.new_cdp_session(page))
        made.ask("enable")
        return made

    def add(self, transport: str = "internal") -> str:
        options = {
            "protocol": "ctap2",
            "transport": transport,
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        return self.ask("addVirtualAuthenticator", options=options)["authenticatorId"]

    def remove(self, authenticator: str) -> None:
        self.ask("removeVirtualAuthenticator", authenticatorId=authenticator)

    def kept(self, authenticator: str) -> list[dict[str, Any]]:
        return self.ask("getCredentials", authenticatorId=authenticator)["credentials"]

    def ask(self, what: str, **content: Any) -> dict[str, Any]:
        # Playwright's own annotation leaves the dictionaries' types open.
        send = cast("Any", self.session.send)  # pyright: ignore[reportUnknownMemberType]
        return cast("dict[str, Any]", send(f"WebAuthn.{what}", content))
