import pytest

from amparo.notice.jurisdiction import jurisdictions_of
from tests.notice.samples import PACKS


@pytest.mark.parametrize(
    ("country", "found"),
    [("ES", ("ES", "EU")), ("FR", ("FR", "EU")), ("US", ("US",)), ("GB", ("GB",)), ("AU", ("AU",)), ("CH", ("CH",))],
)
def test_the_unions_rules_bind_its_members_only(country: str, found: tuple[str, ...]) -> None:
    assert jurisdictions_of(country) == found


def test_every_pack_is_somewhere() -> None:
    known = {"*", *(one for country in ("ES", "US", "GB", "AU") for one in jurisdictions_of(country))}
    assert {pack.jurisdiction for pack in PACKS} <= known
