"""Every route of HMA's API, as a client of HMA would use it."""

from __future__ import annotations

from typing import Any

import pytest

from amparo.gate.checker import FEED_BANK, FEED_CONTENT
from amparo.gate.runtime import GateRuntime
from amparo.gate.server import create_app
from amparo.signal import pdq
from tests.gate.feeding import AppClient, Feed, client_for, jpeg, key_for, png

ONE = pdq.fingerprint(jpeg(1))
TWO = pdq.fingerprint(jpeg(2))


def answer(client: AppClient, method: str, path: str, status: int = 200, **sent: Any) -> Any:
    response = client.request(method, path, **sent)
    assert response.status_code == status, response.text
    return response.json()


def banked(client: AppClient, bank: str = "TEST_BANK", value: str = ONE.hex) -> Any:
    if client.get(f"/c/bank/{bank}").status_code == 404:
        answer(client, "POST", "/c/banks", 201, json={"name": bank})
    return answer(client, "POST", f"/c/bank/{bank}/signal", json={"pdq": value})


# /status


def test_status_tells_whether_there_is_something_to_match(client: AppClient, feed: Feed) -> None:
    assert (client.get("/status/live").status_code, client.get("/status/live").text) == (200, "I-AM-ALIVE")
    assert (client.get("/status").status_code, client.get("/status").text) == (503, "INDEX-NOT-LOADED")
    feed.add(ONE)
    assert (client.get("/status").status_code, client.get("/status").text) == (200, "I-AM-ALIVE")


def test_status_is_stale_once_the_hub_was_silent_for_a_day(tmp_path: Any) -> None:
    from datetime import timedelta

    from amparo.core.clock import SteppedClock
    from tests.gate.feeding import new_gate

    clock = SteppedClock()
    gate = new_gate(tmp_path, clock=clock)
    Feed(gate).add(ONE)
    clock.advance(timedelta(hours=25))
    response = client_for(gate, create_app(gate)).get("/status")
    assert (response.status_code, response.text) == (503, "INDEX-STALE")
    gate.stop()


def test_the_site_map_lists_the_routes(client: AppClient) -> None:
    assert {"/m/lookup", "/h/hash", "/c/banks", "/c/exchange/{exchange}/status"} <= set(
        answer(client, "GET", "/site-map")
    )


# /h


def test_a_photo_is_hashed(client: AppClient) -> None:
    assert answer(client, "POST", "/h/hash", files={"photo": jpeg(1)}) == {"pdq": ONE.hex}
    assert answer(client, "POST", "/h/hash?types=pdq", files={"photo": png(1)}).keys() == {"pdq"}


def test_a_photo_without_detail_has_an_empty_hash(client: AppClient) -> None:
    import io

    from PIL import Image

    file = io.BytesIO()
    Image.new("L", (200, 200), 127).save(file, "PNG")
    assert answer(client, "POST", "/h/hash", files={"photo": file.getvalue()}) == {"pdq": ""}
    assert "message" in answer(client, "POST", "/m/lookup", 400, files={"photo": file.getvalue()})


def test_a_video_is_hashed_by_its_bytes(client: AppClient) -> None:
    assert answer(client, "POST", "/h/hash", files={"video": b"abc"}) == {
        "video_md5": "900150983cd24fb0d6963f7d28e17f72"
    }


@pytest.mark.parametrize(
    "sent",
    [
        {"files": {"photo": b"this is no picture"}},
        {"files": {"photo": jpeg(1)[:200]}},
        {"files": {"photo": b""}},
        {"files": {"document": jpeg(1)}},
        {"files": [("photo", jpeg(1)), ("photo", jpeg(2))]},
        {"data": {"photo": "words"}},
        {"content": jpeg(1)},
        {"content": b"--x\r\nnonsense", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
        {"content": b"", "headers": {"Content-Type": "multipart/form-data"}},
        {"files": {"photo": jpeg(1)}, "params": {"types": "video_md5"}},
        {"files": {"photo": jpeg(1)}, "params": {"types": ","}},
        {"files": {"photo": jpeg(1)}, "params": {"types": "sha256"}},
    ],
)
def test_what_cannot_be_hashed_is_a_message_and_never_a_server_error(client: AppClient, sent: dict[str, Any]) -> None:
    for path in ("/h/hash", "/m/lookup"):
        assert answer(client, "POST", path, 400, **sent).keys() == {"message"}


# /m


def test_lookup_by_hash_names_bank_content_and_a_distance_in_letters(client: AppClient) -> None:
    assert banked(client) == {"id": 1, "signals": {"pdq": ONE.hex}}
    found = answer(client, "GET", "/m/lookup", params={"signal": ONE.hex, "signal_type": "pdq"})
    assert found == {"TEST_BANK": [{"bank_content_id": 1, "distance": "0"}]}
    assert answer(client, "GET", "/m/lookup", params={"signal": TWO.hex, "signal_type": "pdq"}) == {}


def test_lookup_by_photo_is_wrapped_in_the_signal_type(client: AppClient) -> None:
    banked(client)
    found = answer(client, "POST", "/m/lookup", files={"photo": jpeg(1, side=300, quality=70)})
    assert found.keys() == {"pdq"}
    [match] = found["pdq"]["TEST_BANK"]
    assert match["bank_content_id"] == 1
    assert isinstance(match["distance"], str)
    assert 0 <= int(match["distance"]) <= 31
    assert answer(client, "POST", "/m/lookup", files={"photo": jpeg(2)}) == {"pdq": {}}


def test_a_bank_of_one_matches_and_so_does_its_twin(client: AppClient) -> None:
    banked(client)
    banked(client, "OTHER_BANK")
    found = answer(client, "GET", "/m/lookup", params={"signal": ONE.hex, "signal_type": "pdq"})
    assert found.keys() == {"TEST_BANK", "OTHER_BANK"}
    only = answer(client, "GET", "/m/lookup", params={"signal": ONE.hex, "signal_type": "pdq", "banks": "OTHER_BANK"})
    assert only == {"OTHER_BANK": [{"bank_content_id": 2, "distance": "0"}]}


def test_raw_lookup_lists_ids_or_distances(client: AppClient) -> None:
    banked(client)
    asked = {"signal": ONE.hex, "signal_type": "pdq"}
    assert answer(client, "GET", "/m/raw_lookup", params=asked) == {"matches": [1]}
    assert answer(client, "GET", "/m/raw_lookup", params={**asked, "include_distance": "true"}) == {
        "matches": [{"bank_content_id": 1, "distance": "0"}]
    }


def test_the_hubs_feed_is_a_bank_and_what_is_withdrawn_stops_matching(client: AppClient, feed: Feed) -> None:
    [entry] = feed.add(ONE)
    asked = {"signal": ONE.hex, "signal_type": "pdq"}
    number = FEED_CONTENT + 1
    assert answer(client, "GET", "/m/lookup", params=asked) == {
        FEED_BANK: [{"bank_content_id": number, "distance": "0"}]
    }
    shown = answer(client, "GET", f"/c/bank/{FEED_BANK}/content/{number}?include_signals=true&include_metadata=true")
    assert shown["signals"] == {"pdq": ONE.hex}
    assert shown["metadata"]["collab"] == FEED_BANK
    assert shown["metadata"]["content_id"] == entry
    feed.withdraw(entry)
    assert answer(client, "GET", "/m/lookup", params=asked) == {}
    answer(client, "GET", f"/c/bank/{FEED_BANK}/content/{number}", 404)


def test_content_ids_of_own_banks_start_at_one_beside_a_feed(client: AppClient, feed: Feed) -> None:
    feed.add(ONE, TWO)
    assert banked(client)["id"] == 1


@pytest.mark.parametrize("missing", ["signal", "signal_type"])
def test_a_missing_parameter_is_a_list_of_validation_errors(client: AppClient, missing: str) -> None:
    asked = {"signal": ONE.hex, "signal_type": "pdq"}
    del asked[missing]
    for path in ("/m/raw_lookup", "/m/lookup"):
        [error] = answer(client, "GET", path, 422, params=asked)
        assert error.keys() == {"type", "loc", "msg", "input", "url"}
        assert (error["type"], error["loc"]) == ("missing", [missing])


@pytest.mark.parametrize(
    ("signal", "kind"),
    [("", "pdq"), ("zz", "pdq"), ("ab" * 33, "pdq"), ("ab" * 32, "sha256"), ("ab" * 32, "video_md5")],
)
def test_what_is_no_hash_is_refused(client: AppClient, signal: str, kind: str) -> None:
    response = client.get("/m/lookup", params={"signal": signal, "signal_type": kind})
    assert response.status_code in (400, 422)


def test_compare_tells_whether_and_how_far(client: AppClient) -> None:
    near = f"{int(ONE.hex, 16) ^ 3:064x}"
    assert answer(client, "POST", "/m/compare", json={"pdq": [ONE.hex, near]}) == {"pdq": [True, {"distance": 2}]}
    far = answer(client, "POST", "/m/compare", json={"pdq": [ONE.hex, TWO.hex]})
    assert far["pdq"][0] is False
    wrongs: list[Any] = [{"pdq": [ONE.hex]}, {"pdq": ONE.hex}, {"sha": [1, 2]}, {"pdq": [1, 2]}, [], "x", None]
    for wrong in wrongs:
        answer(client, "POST", "/m/compare", 400, json=wrong)


def test_the_index_status_counts_both_kinds_of_banks(client: AppClient, feed: Feed) -> None:
    assert answer(client, "GET", "/m/index/status")["pdq"] == {"present": True, "built_to": -1, "size": 0}
    feed.add(ONE, TWO)
    banked(client)
    status = answer(client, "GET", "/m/index/status?signal_type=pdq")
    assert status.keys() == {"pdq"}
    assert status["pdq"]["size"] == 3
    assert status["pdq"]["built_to"] > 0
    answer(client, "GET", "/m/index/status?signal_type=none", 400)


# enabled ratio


def test_a_bank_is_seen_by_the_share_of_seeds_that_its_ratio_says(client: AppClient) -> None:
    banked(client)
    answer(client, "PUT", "/c/bank/TEST_BANK", json={"enabled_ratio": 0.5})
    asked = {"signal": ONE.hex, "signal_type": "pdq"}
    seen = [bool(answer(client, "GET", "/m/lookup", params={**asked, "seed": str(seed)})) for seed in range(200)]
    again = [bool(answer(client, "GET", "/m/lookup", params={**asked, "seed": str(seed)})) for seed in range(200)]
    assert seen == again
    assert 60 < sum(seen) < 140
    assert answer(client, "GET", "/m/lookup", params={**asked, "seed": "1", "bypass_coinflip": "true"})


def test_a_disabled_bank_blocks_nothing(client: AppClient, gate: GateRuntime) -> None:
    banked(client)
    assert answer(client, "POST", "/v1/check", content=jpeg(1))["verdict"] == "block"
    assert answer(client, "PUT", "/c/bank/TEST_BANK", json={"enabled": False}) == {
        "name": "TEST_BANK",
        "matching_enabled_ratio": 0.0,
    }
    assert answer(client, "POST", "/v1/check", content=jpeg(1))["verdict"] == "allow"
    assert answer(client, "GET", "/m/lookup", params={"signal": ONE.hex, "signal_type": "pdq"}) == {}


def test_the_hubs_bank_can_be_rolled_out_by_ratio(client: AppClient, feed: Feed) -> None:
    feed.add(ONE)
    answer(client, "PUT", f"/c/bank/{FEED_BANK}", json={"enabled_ratio": 0})
    assert answer(client, "POST", "/v1/check", content=jpeg(1))["verdict"] == "allow"
    answer(client, "PUT", f"/c/bank/{FEED_BANK}", json={"enabled_ratio": 1})
    assert answer(client, "POST", "/v1/check", content=jpeg(1))["verdict"] == "block"


# /c/banks


def test_banks_are_made_listed_renamed_and_deleted(client: AppClient) -> None:
    made = answer(client, "POST", "/c/banks", 201, json={"name": "MY_BANK", "enabled_ratio": 0.25})
    assert made == {"name": "MY_BANK", "matching_enabled_ratio": 0.25}
    listed = answer(client, "GET", "/c/banks")
    assert {"name": FEED_BANK, "matching_enabled_ratio": 1.0} in listed
    assert made in listed
    assert answer(client, "GET", "/c/bank/MY_BANK") == made
    assert answer(client, "PUT", "/c/bank/MY_BANK", json={"name": "YOUR_BANK"})["name"] == "YOUR_BANK"
    answer(client, "GET", "/c/bank/MY_BANK", 404)
    assert answer(client, "DELETE", "/c/bank/YOUR_BANK") == {"message": "Done"}
    answer(client, "GET", "/c/bank/YOUR_BANK", 404)


def test_a_bank_is_made_once_and_named_well(client: AppClient) -> None:
    answer(client, "POST", "/c/banks", 201, json={"name": "MY_BANK"})
    assert answer(client, "POST", "/c/banks", 403, json={"name": "MY_BANK"}) == {"message": "Bank already exists"}
    answer(client, "POST", "/c/banks", 403, json={"name": FEED_BANK})
    wrongs: list[Any] = [{"name": "my bank"}, {"name": ""}, {"name": 7}, {}, [], {"name": "OK", "enabled_ratio": 2}]
    for wrong in wrongs:
        assert answer(client, "POST", "/c/banks", 400, json=wrong).keys() == {"message"}
    for wrong in ({"name": "OK", "enabled_ratio": "nan"}, {"name": "OK", "enabled": 3}):
        answer(client, "POST", "/c/banks", 400, json=wrong)


def test_the_hubs_bank_is_not_curated_here(client: AppClient) -> None:
    bank = f"/c/bank/{FEED_BANK}"
    answer(client, "DELETE", bank, 403)
    answer(client, "PUT", bank, 403, json={"name": "MINE"})
    answer(client, "POST", f"{bank}/signal", 403, json={"pdq": ONE.hex})
    answer(client, "POST", f"{bank}/content", 403, files={"photo": jpeg(1)})
    answer(client, "DELETE", f"{bank}/content/{FEED_CONTENT + 1}", 403)


# /c/bank/<b>/content


def test_a_photo_is_banked_with_what_its_curators_say(client: AppClient) -> None:
    answer(client, "POST", "/c/banks", 201, json={"name": "MY_BANK"})
    told = {
        "metadata": '{"content_id": "c-1", "content_uri": "https://example.org/c-1", "json": {"a": 1}}',
        "note": "seen",
    }
    made = answer(client, "POST", "/c/bank/MY_BANK/content", files={"photo": jpeg(1)}, data=told)
    assert made == {"id": 1, "signals": {"pdq": ONE.hex}}
    shown = answer(client, "GET", "/c/bank/MY_BANK/content/1?include_signals=true&include_metadata=true")
    assert shown == {
        "id": 1,
        "disable_until_ts": 0,
        "original_media_uri": "https://example.org/c-1",
        "bank": {"name": "MY_BANK", "matching_enabled_ratio": 1.0},
        "signals": {"pdq": ONE.hex},
        "metadata": {"collab": None, "content_id": "c-1", "content_uri": "https://example.org/c-1", "json": {"a": 1}},
        "note": "seen",
    }
    assert answer(client, "POST", "/m/lookup", files={"photo": jpeg(1)})["pdq"].keys() == {"MY_BANK"}


def test_disabling_deleting_and_the_five_years(client: AppClient, gate: GateRuntime) -> None:
    banked(client)
    content, asked = "/c/bank/TEST_BANK/content/1", {"signal": ONE.hex, "signal_type": "pdq"}
    changed = answer(client, "PUT", content, json={"disable_until_ts": 1, "note": "a mistake"})
    assert changed["disable_until_ts"] == 1
    assert {"collab_metadata", "user_metadata"} <= changed.keys()
    assert answer(client, "GET", "/m/lookup", params=asked) == {}
    answer(client, "PUT", content, json={"disable_until_ts": 0})
    assert answer(client, "GET", "/m/lookup", params=asked)
    now = int(gate.clock.now().timestamp())
    answer(client, "PUT", content, json={"disable_until_ts": now + 60})
    assert answer(client, "GET", "/m/lookup", params=asked) == {}
    for wrong in (-1, now - 5, now + 6 * 366 * 86400, "1", True, 1.5):
        answer(client, "PUT", content, 400, json={"disable_until_ts": wrong})
    answer(client, "PUT", content, 400, json={"note": "x" * 256})
    assert answer(client, "DELETE", content) == {"deleted": 1}
    assert answer(client, "DELETE", content) == {"deleted": 0}


def test_contents_of_another_bank_are_not_readable(client: AppClient) -> None:
    banked(client)
    banked(client, "OTHER_BANK", TWO.hex)
    assert answer(client, "GET", "/c/bank/TEST_BANK/content/2", 404).keys() == {"message"}
    answer(client, "PUT", "/c/bank/TEST_BANK/content/2", 404, json={"disable_until_ts": 1})
    assert answer(client, "DELETE", "/c/bank/TEST_BANK/content/2") == {"deleted": 0}
    for wrong in ("0", "-1", "x", "9" * 40, "1.5", "٣"):
        answer(client, "GET", f"/c/bank/TEST_BANK/content/{wrong}", 404)


@pytest.mark.parametrize(
    "told",
    [{"metadata": "no json"}, {"metadata": "[]"}, {"metadata": '{"other": 1}'}, {"metadata": '{"content_id": 1}'},
     {"metadata": '{"content_uri": "no uri"}'}, {"note": "x" * 256}],
)  # fmt: skip
def test_unusable_metadata_bank_nothing(client: AppClient, told: dict[str, str]) -> None:
    answer(client, "POST", "/c/banks", 201, json={"name": "MY_BANK"})
    answer(client, "POST", "/c/bank/MY_BANK/content", 400, files={"photo": jpeg(1)}, data=told)
    assert answer(client, "GET", "/m/index/status")["pdq"]["size"] == 0


def test_video_hashes_match_exactly(client: AppClient) -> None:
    answer(client, "POST", "/c/banks", 201, json={"name": "MY_BANK"})
    answer(client, "POST", "/c/bank/MY_BANK/content", files={"video": b"abc"})
    assert answer(client, "POST", "/m/lookup", files={"video": b"abc"}) == {
        "video_md5": {"MY_BANK": [{"bank_content_id": 1, "distance": "0"}]}
    }
    assert answer(client, "POST", "/m/lookup", files={"video": b"abd"}) == {"video_md5": {}}


# /c/exchanges, /c/signal_type


def test_the_exchange_is_the_hub_of_the_card(client: AppClient, feed: Feed) -> None:
    assert answer(client, "GET", "/c/exchanges/apis") == ["amparo", "stop_ncii", "ncmec", "csv", "local_file"]
    assert answer(client, "GET", "/c/exchanges/api/amparo") == {
        "supports_authentification": True,
        "has_set_authentification": True,
    }
    schema = answer(client, "GET", "/c/exchanges/api/amparo/schema")
    for fields in (schema["config_schema"]["fields"], schema["credentials_schema"]["fields"]):
        assert all(field.keys() == {"name", "type", "required", "default", "help", "choices"} for field in fields)
    assert answer(client, "GET", "/c/exchanges") == [FEED_BANK]
    config = answer(client, "GET", f"/c/exchange/{FEED_BANK}")
    assert (config["api"], config["enabled"]) == ("amparo", True)
    assert "no-secret" not in str(config)
    feed.add(ONE)
    status = answer(client, "GET", f"/c/exchange/{FEED_BANK}/status")
    assert status.keys() == {
        "checkpoint_ts", "fetched_items", "last_fetch_complete_ts", "last_fetch_succeeded", "running_fetch_start_ts",
        "up_to_date",
    }  # fmt: skip
    assert (status["fetched_items"], status["up_to_date"]) == (1, True)


def test_a_feed_that_brings_withdrawals_is_not_switched_off(client: AppClient) -> None:
    answer(client, "PUT", f"/c/exchange/{FEED_BANK}", 403, json={"enabled": False})
    answer(client, "PUT", f"/c/exchange/{FEED_BANK}", json={"enabled": True})
    answer(client, "DELETE", f"/c/exchange/{FEED_BANK}", 403)
    answer(client, "POST", "/c/exchanges", 403, json={"bank": "X", "api": "amparo", "api_json": {}})
    answer(client, "POST", "/c/exchanges", 400, json={"bank": "X", "api": "stopncii", "api_json": {}})
    answer(client, "POST", "/c/exchanges/api/amparo", 403, json={"credential_json": {"key": "x"}})
    answer(client, "GET", "/c/exchange/OTHER", 404)
    answer(client, "GET", "/c/exchanges/api/other", 400)


def test_signal_types_can_be_switched_off(client: AppClient) -> None:
    assert answer(client, "GET", "/c/signal_type") == [
        {"name": "pdq", "enabled_ratio": 1.0},
        {"name": "video_md5", "enabled_ratio": 1.0},
    ]
    assert answer(client, "GET", "/c/content_type") == [
        {"name": "photo", "enabled": True},
        {"name": "video", "enabled": True},
    ]
    index = answer(client, "GET", "/c/signal_type/index")
    assert index["pdq"].keys() == {"db_size", "index_size", "index_out_of_date", "newest_db_item", "index_built_to"}
    assert answer(client, "PUT", "/c/signal_type/video_md5", json={"enabled_ratio": 0})["enabled_ratio"] == 0.0
    answer(client, "POST", "/m/lookup", 400, files={"video": b"abc"}, params={"types": "video_md5"})
    answer(client, "PUT", "/c/signal_type/sha256", 404, json={"enabled_ratio": 0})
    answer(client, "PUT", "/c/signal_type/pdq", 400, json={})


# Who may


ROUTES = [
    ("hash", "GET", "/h/hash?url=http://x.example/"),
    ("hash", "POST", "/h/hash"),
    ("match", "GET", f"/m/lookup?signal={ONE.hex}&signal_type=pdq"),
    ("match", "GET", f"/m/raw_lookup?signal={ONE.hex}&signal_type=pdq"),
    ("match", "POST", "/m/lookup"),
    ("match", "POST", "/m/compare"),
    ("match", "GET", "/m/index/status"),
    ("match", "POST", "/v1/check"),
    ("match", "POST", "/v1/lookup"),
    ("match", "POST", "/v1/video"),
    ("match", "GET", "/v1/status"),
    ("curate", "POST", "/v1/reviews/1"),
    ("curate", "POST", "/v1/opinions"),
    ("curate", "GET", "/c/banks"),
    ("curate", "GET", "/c/bank/A"),
    ("curate", "POST", "/c/bank/A/content"),
    ("curate", "POST", "/c/bank/A/signal"),
    ("curate", "GET", "/c/bank/A/content/1"),
    ("curate", "PUT", "/c/bank/A/content/1"),
    ("curate", "DELETE", "/c/bank/A/content/1"),
    ("curate", "GET", "/c/signal_type"),
    ("curate", "GET", "/c/content_type"),
    ("curate", "GET", "/c/signal_type/index"),
    ("admin", "POST", "/c/banks"),
    ("admin", "PUT", "/c/bank/A"),
    ("admin", "DELETE", "/c/bank/A"),
    ("admin", "PUT", "/c/signal_type/pdq"),
    ("admin", "GET", "/c/exchanges"),
    ("admin", "POST", "/c/exchanges"),
    ("admin", "GET", "/c/exchanges/apis"),
    ("admin", "GET", "/c/exchanges/api/amparo"),
    ("admin", "POST", "/c/exchanges/api/amparo"),
    ("admin", "GET", "/c/exchanges/api/amparo/schema"),
    ("admin", "GET", f"/c/exchange/{FEED_BANK}"),
    ("admin", "PUT", f"/c/exchange/{FEED_BANK}"),
    ("admin", "DELETE", f"/c/exchange/{FEED_BANK}"),
    ("admin", "GET", f"/c/exchange/{FEED_BANK}/status"),
    ("curate", "GET", "/v1/entries"),
    ("curate", "PUT", "/v1/entries/1"),
    ("admin", "GET", "/v1/report"),
    ("admin", "GET", "/metrics"),
]


@pytest.mark.parametrize(("role", "method", "path"), ROUTES)
def test_each_route_lets_in_its_role_and_no_other(gate: GateRuntime, role: str, method: str, path: str) -> None:
    app = create_app(gate)
    client = client_for(gate, app)
    assert client.request(method, path).status_code == 401
    assert client.request(method, path, headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert client.request(method, path, headers={"Authorization": "Basic dTpw"}).status_code == 401
    for other in {"hash", "match", "curate"} - {role}:
        key = key_for(gate, other)
        assert client.request(method, path, headers={"Authorization": f"Bearer {key}"}).status_code == 403
    for good in {role, "admin"}:
        key = key_for(gate, good)
        # Past the door it may be refused for what it asks, which a key of that route learns and no other.
        refused = client.request(method, path, headers={"Authorization": f"Bearer {key}"})
        assert refused.status_code not in (401, 500)
        assert "needs the role" not in refused.text


def test_every_route_of_the_application_is_in_the_list_above(gate: GateRuntime) -> None:
    public = {"/status", "/status/live", "/site-map", "/openapi/openapi.json", "/v1/openapi.json"}
    served = {
        (method, route.path)
        for route in create_app(gate).routes
        if route.path not in public
        for method in (route.methods or set()) - {"HEAD"}
    }
    listed = {
        (method, path.partition("?")[0]
         .replace("/bank/A", "/bank/{bank}").replace("content/1", "content/{content}")
             .replace("reviews/1", "reviews/{review}").replace("entries/1", "entries/{entry}")
         .replace(f"exchange/{FEED_BANK}", "exchange/{exchange}").replace("api/amparo", "api/{api}")
         .replace("signal_type/pdq", "signal_type/{signal}"))
        for _, method, path in ROUTES
    }  # fmt: skip
    assert served == listed


def test_a_key_that_was_taken_back_opens_nothing(gate: GateRuntime) -> None:
    from amparo.core.keys import bearer_digest

    gate.replica.allow_client("app", bearer_digest("s3cret"))
    assert gate.replica.refuse_client("app")
    client = client_for(gate, create_app(gate))
    assert client.get("/m/index/status", headers={"Authorization": "Bearer s3cret"}).status_code == 401
