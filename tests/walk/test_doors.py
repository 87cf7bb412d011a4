"""Every door of the people's side in a real browser: Spanish on a phone, English on a desktop, and what may be missing there."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator

import pytest
from playwright.sync_api import Browser, Error, FilePayload, expect

from tests.browser import choose, press
from tests.walk.looking import DESKTOP, PHONE, Visit, assert_accessible, assert_fits, screenshot
from tests.walk.running import Addresses, amparo_up
from tests.walk.test_walk import jpeg

pytestmark = pytest.mark.browser

_LINK, _PLACE, _HANDLE, _NOTE = "foro.example/hilo/7", "clase 3B", "@alguien", "hay otra foto"
_DEMAND, _PAYMENT = "50 € antes de las nueve", "Bizum a N. N."
_TYPED = frozenset({_LINK, _PLACE, _HANDLE, _NOTE, _DEMAND, _PAYMENT, "¿ya no está?", "clase 3C", "Foro"})

both = pytest.mark.parametrize("language", ["es", "en"])


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Generator[Addresses]:
    with amparo_up(tmp_path_factory.mktemp("up")) as running:
        yield running


@pytest.fixture(params=["", "swapped"] if "AMPARO_SCREENSHOTS" in os.environ else [""])
def sizes(request: pytest.FixtureRequest) -> dict[str, dict[str, int]]:
    """Spanish on a phone and English on a desktop; where pictures are taken, the other way round as well."""
    return {"es": DESKTOP, "en": PHONE} if request.param else {"es": PHONE, "en": DESKTOP}


@pytest.fixture
def visit(chromium: Browser, addresses: Addresses, sizes: dict[str, dict[str, int]]) -> Generator[Callable[..., Visit]]:
    """Visits of this test; each is ended, and looked through, when the test is over."""
    visits: list[Visit] = []

    def begin(language: str, **options: object) -> Visit:
        size = options.pop("size", sizes.get(language, PHONE))
        scripts = options.pop("scripts", True)
        visits.append(Visit(chromium, addresses.hub, language, size, _TYPED, options, scripts))  # pyright: ignore[reportArgumentType]
        return visits[-1]

    yield begin
    for one in visits:
        one.end()


def picture(seed: int) -> FilePayload:
    return FilePayload(name=f"{seed}.jpg", mimeType="image/jpeg", buffer=jpeg(seed))


@both
def test_there_is_a_picture_of_me(visit: Callable[..., Visit], language: str) -> None:
    person = visit(language)
    person.look("picture-home")
    person.press("do", "picture")
    person.look("picture-age")
    person.press("age", "minor")
    person.look("picture-have")
    person.press("do", "protect")
    person.look("picture-choose")
    choose(person.page, [picture(100 if language == "es" else 101)])
    assert len(person.code.split()) == 8
    person.look("picture-case")
    # Said on the way here, and kept with the pictures that the script sent.
    expect(person.page.locator("#after")).to_contain_text("18")
    person.press("do", "choose-words")
    person.look("picture-add")
    person.press("kind", "place")
    person.say(_PLACE)
    person.look("picture-write")
    press(person.page, "main .ask button.primary")
    expect(person.page.locator(".talk .text")).to_have_text(_PLACE)
    person.press("do", "correct-words")
    person.say("clase 3C")
    person.look("picture-correct")
    press(person.page, "main .ask button.primary")
    expect(person.page.locator(".talk .text")).to_have_text("clase 3C")
    person.press("do", "write")
    person.say("¿ya no está?")
    person.look("picture-message")
    press(person.page, "main .ask button.primary")
    expect(person.page.locator(".talk .mine")).to_have_count(1)
    person.look("picture-case-with-words")
    person.press("do", "ask-erase-words")
    person.look("picture-erase")
    person.press("do", "erase-words")
    person.press("do", "ask-notice")
    person.page.fill("#site", "Foro")
    person.look("picture-notice")
    press(person.page, "main .ask button.primary")
    person.look("picture-noticed")
    person.press("do", "ask-age")
    person.look("picture-say-age")
    person.press("age", "adult")
    person.press("do", "ask-withdraw-all")
    person.look("picture-withdraw-all")
    person.press("do", "withdraw-all")
    person.look("picture-gone")


@both
def test_there_is_a_picture_of_me_and_i_have_none(visit: Callable[..., Visit], language: str) -> None:
    person = visit(language)
    person.press("do", "picture")
    person.press("age", "adult")
    person.press("do", "tell")
    person.look("none-question-1")
    for step, text in enumerate((_LINK, _PLACE, _HANDLE), start=1):
        person.say(text)
        person.press("step", str(step))
    person.look("none-question-4")
    person.press("step", "2")
    expect(person.page.locator("main textarea")).to_have_value(_HANDLE)
    person.press("step", "99")
    expect(person.page.locator(".talk .text")).to_have_text([_LINK, _PLACE, _HANDLE])
    person.look("none-case")


@both
def test_i_help_two_children(visit: Callable[..., Visit], language: str) -> None:
    person = visit(language)
    person.press("do", "helping")
    person.look("helping-relation")
    person.press("aside", "kit")
    person.look("helping-kit")
    person.home()
    person.press("do", "helping")
    person.press("relation", "parent")
    person.look("helping-agreed")
    person.press("told", "1")
    person.look("helping-age")
    person.press("age", "minor")
    person.press("do", "protect")
    choose(person.page, [picture(110 if language == "es" else 111)])
    first = person.code
    person.look("helping-first")
    person.press("do", "another")
    person.look("helping-another")
    person.press("told", "0")
    person.press("age", "minor")
    person.press("do", "ordinary")
    person.look("helping-ordinary")
    person.page.set_input_files("#pictures", files=[picture(112 if language == "es" else 113)])
    person.page.wait_for_selector("#traces .trace canvas")
    person.look("helping-traces")
    press(person.page, "#keep")
    second = person.code
    person.look("helping-second")
    assert first != second
    expect(person.page.locator(".codes li")).to_have_text([first])


@both
def test_i_was_sent_one(visit: Callable[..., Visit], language: str) -> None:
    shown = picture(120 if language == "es" else 121)
    girl = visit(language)
    girl.press("do", "picture")
    girl.press("age", "unsaid")
    girl.press("do", "protect")
    choose(girl.page, [shown])
    person = visit(language)
    person.press("do", "witness")
    person.look("witness-choose")
    choose(person.page, [shown])
    person.look("witness-card")
    # She hears of it; the witness does not hear of her.
    expect(girl.page.locator(".told")).to_have_count(0)

    def told() -> bool:
        girl.press("do", "open")
        return girl.page.locator(".told").count() == 1

    _until(told)
    girl.look("witness-told")
    given = visit(language)
    given.open(person.code)
    given.press("do", "about-me")
    given.look("witness-about-me")
    given.press("do", "take-over")
    given.press("age", "minor")
    expect(given.page.locator('main button[value="ordinary"]')).to_be_visible()
    given.look("witness-taken-over")
    person.press("do", "open")
    expect(person.page.locator(".told")).to_have_count(0)
    person.press("do", "holding")
    person.look("witness-holding")


@both
def test_somebody_threatens_me(visit: Callable[..., Visit], language: str) -> None:
    person = visit(language)
    person.press("do", "threat")
    person.look("threat-first")
    person.press("step", "0")
    person.look("threat-handle")
    for step, text in enumerate((_HANDLE, _DEMAND, _PAYMENT), start=1):
        person.say(text)
        person.press("step", str(step))
    person.look("threat-last")
    person.press("step", "4")
    expect(person.page.locator(".talk .text")).to_have_text([_HANDLE, _DEMAND, _PAYMENT])
    person.look("threat-case")
    press(person.page, 'footer button[value="help-lines"]')
    person.look("threat-help-lines")
    press(person.page, 'footer button[value="leaving"]')
    person.look("threat-leaving")
    press(person.page, "main .back button")
    expect(person.page.locator("#case-code")).to_be_visible()


def test_forms_are_taken_under_a_name_over_plain_http(chromium: Browser, addresses: Addresses) -> None:
    """There a browser does not say where a request comes from (Sec-Fetch-Site); it sends the origin alone."""
    origin = f"http://hub.test:{addresses.hub.rpartition(':')[2]}"
    context = chromium.new_context(locale="en")
    page = context.new_page()
    page.goto(origin)
    assert not page.evaluate("window.isSecureContext")
    press(page, "main button[value=picture]")
    expect(page.locator("h1")).to_have_text("How old are you?")
    with page.expect_request(lambda request: request.method == "POST") as asked:
        press(page, "main button[value=unsaid]")
    sent = asked.value.all_headers()
    assert "sec-fetch-site" not in sent
    assert sent["origin"] == origin
    expect(page.locator("h1")).to_have_text("Is the picture on this device?")
    context.close()


def test_each_file_that_cannot_be_used_is_told_with_its_own_reason(visit: Callable[..., Visit]) -> None:
    person = visit("en")
    person.press("do", "picture")
    person.press("age", "minor")
    person.press("do", "protect")
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 200
    files = {"a.jpg": b"", "b.heic": heic, "c.jpg": b"no picture at all", "d.jpg": jpeg(130)[:-2000]}
    payloads = [FilePayload(name=name, mimeType="image/jpeg", buffer=content) for name, content in files.items()]
    person.page.set_input_files("#pictures", files=payloads)
    problems = person.page.locator("#problems li")
    expect(problems).to_have_count(4, timeout=60_000)
    assert [problems.nth(number).inner_text() for number in range(4)] == [
        "a.jpg: this file is empty.",
        "b.heic: this browser cannot read this kind of picture (HEIC). Try another browser on this device.",
        "c.jpg: this file could not be read as a picture.",
        "d.jpg: a part of this file is missing. It may not be wholly on this device yet.",
    ]
    person.look("picture-problems")


def _until(wanted: Callable[[], bool], tries: int = 60) -> None:
    import time

    for _ in range(tries):
        if wanted():
            return
        time.sleep(1)
    raise AssertionError("it did not happen in time")


def test_without_scripts_every_door_leads_to_a_case(visit: Callable[..., Visit]) -> None:
    for door, buttons in {
        "picture": [("age", "minor"), ("do", "tell")],
        "helping": [("relation", "friend"), ("told", "1"), ("age", "adult"), ("do", "tell")],
        "witness": [("do", "tell")],
        "threat": [],
    }.items():
        person = visit("en", scripts=False)
        person.press("do", door)
        for name, value in buttons:
            person.press(name, value)
        if door == "threat":
            person.press("step", "0")
        person.say(_PLACE)
        person.press("step", "99")
        assert len(person.code.split()) == 8
        person.press("do", "open")
        expect(person.page.locator(".talk .text")).to_have_text(_PLACE)
        person.press("do", "ask-withdraw-all")
        person.press("do", "withdraw-all")
        expect(person.page.locator("h1")).to_have_text("Everything is withdrawn.")


_PAGES = ("picture", "helping", "witness", "threat", "code")


@pytest.mark.parametrize(
    ("language", "options", "rtl"),
    [
        ("es", {"size": {"width": 320, "height": 640}, "color_scheme": "dark"}, False),
        ("eu", {"size": {"width": 320, "height": 640}}, True),
        ("ca", {"size": PHONE}, False),
        ("gl", {"size": PHONE, "color_scheme": "dark"}, True),
    ],
    ids=["narrow-dark", "narrow-basque-rtl", "catalan", "galician-dark-rtl"],
)
def test_pages_stay_whole_when_narrow_dark_or_read_from_right_to_left(
    visit: Callable[..., Visit], language: str, options: dict[str, object], rtl: bool
) -> None:
    person = visit(language, **options)
    name = "-".join(("rtl" if rtl else "ltr", language))
    for step in ("home", *_PAGES):
        if step != "home":
            person.home()
            person.press("do", step)
        if rtl:
            person.page.evaluate("document.documentElement.dir = 'rtl'")
        assert_accessible(person.page)
        assert_fits(person.page)
        screenshot(person.page, f"narrow-{name}-{step}")
    person.home()
    person.press("do", "threat")
    person.press("step", "99")
    if rtl:
        person.page.evaluate("document.documentElement.dir = 'rtl'")
    assert_accessible(person.page)
    assert_fits(person.page)
    screenshot(person.page, f"narrow-{name}-case")


@pytest.mark.parametrize(
    ("buttons", "field", "text"),
    [
        (("There is a picture of me", "Under 18", "No, I have no picture at all"), "link", _LINK),
        (
            ("It is my child", "Mother or father", "Yes, they know and agree", "Under 18", "No, I have no picture"),
            "link",
            _LINK,
        ),
        (("I was sent one", "I do not have it here"), "place", _PLACE),
        (("Somebody threatens me", "Note it here"), "handle", _HANDLE),
    ],
    ids=["picture", "helping", "witness", "threat"],
)
def test_a_case_is_opened_with_the_keyboard_alone(
    visit: Callable[..., Visit], buttons: tuple[str, ...], field: str, text: str
) -> None:
    person = visit("en")
    page = person.page

    def go_to(name: str) -> None:
        """Tab to the control with this text; where it is must be seen."""
        for _ in range(40):
            page.keyboard.press("Tab")
            if name in page.evaluate("document.activeElement.innerText || document.activeElement.name || ''"):
                outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                box = page.evaluate(
                    "(({top, bottom}) => [top, bottom])(document.activeElement.getBoundingClientRect())"
                )
                covered = page.evaluate("document.querySelector('.top').getBoundingClientRect().bottom")
                assert outline != "none"
                in_header = page.evaluate("document.querySelector('.top').contains(document.activeElement)")
                assert in_header or box[1] > covered, "hidden behind the header (WCAG 2.4.11)"
                return
        raise AssertionError(f"no way to {name} with the keyboard")

    def enter() -> None:
        with page.expect_navigation():
            page.keyboard.press("Enter")

    for button in buttons:
        go_to(button)
        enter()
    go_to(field)
    page.keyboard.type(text)
    go_to("Next")
    enter()
    go_to("Finish now")
    enter()
    assert len(person.code.split()) == 8
    expect(page.locator(".talk .text")).to_have_text(text)


def test_the_language_can_be_changed_in_the_middle(visit: Callable[..., Visit]) -> None:
    person = visit("en")
    person.press("do", "threat")
    person.press("step", "0")
    person.say(_HANDLE)
    person.press("step", "1")
    person.page.locator(".languages summary").click()
    screenshot(person.page, "languages-open")
    assert_accessible(person.page)
    press(person.page, '.languages button[value="ca"]')
    assert person.page.locator("html").get_attribute("lang") == "ca"
    person.press("step", "99")
    expect(person.page.locator(".talk .text")).to_have_text(_HANDLE)
    assert person.page.locator("#code-title").inner_text() == "Fet. Aquest és el teu codi."


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_leaving_in_the_middle_takes_the_page_out_of_the_way_back(
    visit: Callable[..., Visit], addresses: Addresses, steps: int
) -> None:
    person = visit("en")
    page = person.page
    for name, value in (("do", "picture"), ("age", "minor"), ("do", "tell"))[:steps]:
        person.press(name, value)
    for _ in range(3):
        page.keyboard.press("Shift")
    page.wait_for_url(f"{addresses.demo}/")
    person.watch.faults.clear()  # the way out leads to another origin
    if steps == 3:
        # The page before was asked for with a form: the browser does not keep it, and does not ask for it by itself.
        with pytest.raises(Error, match="ERR_CACHE_MISS"):
            page.go_back()
        return
    page.go_back()
    if not steps:
        assert not page.url.startswith(addresses.hub), "the way back leads to what was left"
        return
    # Pages before it are still there, white, until somebody asks for them.
    assert page.url == f"{addresses.hub}/"
    stay = page.locator("#stay")
    expect(stay).to_be_visible()
    expect(page.locator("h1")).not_to_be_visible()
    screenshot(page, "leaving-came-back")
    stay.click()
    expect(page.locator("h1")).to_be_visible()
    expect(stay).not_to_be_visible()
