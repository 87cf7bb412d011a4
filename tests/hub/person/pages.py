"""The person's pages over ASGI, as a browser without scripts uses them."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from urllib.parse import urlencode

from amparo.hub.context import Hub
from amparo.hub.person.app import create_app
from amparo.hub.person.pace_of_codes import PaceOfCodes
from tests.asgi import Asked

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class Pages:
    """The page that was shown last, and its forms."""

    client: Asked
    text: str = ""
    status: int = 0
    language: str = "en"

    @classmethod
    def of(cls, hub: Hub, language: str = "en") -> Pages:
        return cls(Asked(create_app(hub, PaceOfCodes(beat=0)), "http://hub.test"), language=language)

    def ask(self, fields: dict[str, str] | list[tuple[str, str]]) -> Pages:
        pairs = list(fields.items()) if isinstance(fields, dict) else fields
        body = urlencode([("lang", self.language), *(pair for pair in pairs if pair[0] != "lang")])
        answer = self.client.post("/", content=body, headers=FORM)
        self.text, self.status = answer.text, answer.status_code
        return self

    def press(self, name: str, value: str, **typed: str) -> Pages:
        """Press the button of this name and value, with the hidden fields of its form and what is typed into it."""
        for form in re.findall(r"<form\b.*?</form>", self.main, re.DOTALL):
            if re.search(rf'<button[^>]*name="{name}"[^>]*value="{value}"', form):
                break
        else:
            raise AssertionError(f"no button {name}={value}: {self.heading}")
        hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', form)
        fields = [(key, html.unescape(text)) for key, text in hidden if key not in {name, *typed}]
        return self.ask([*fields, *typed.items(), (name, value)])

    @property
    def main(self) -> str:
        return self.text[self.text.index("<main") : self.text.index("</main>")]

    @property
    def heading(self) -> str:
        found = re.search(r"<h1[^>]*>(.*?)</h1>", self.text, re.DOTALL)
        return html.unescape(found[1]).strip() if found else ""

    @property
    def code(self) -> str:
        found = re.search(r'id="case-code"[^>]*>([^<]+)<', self.text)
        assert found is not None, self.heading
        return found[1].strip()
