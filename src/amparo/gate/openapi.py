"""The OpenAPI 3.1 document of both APIs of the gate. Written by hand: it is the contract, not an echo of the code."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

_Json = dict[str, Any]
_HEX64: Final[_Json] = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_COUNT: Final[_Json] = {"type": "integer", "minimum": 0}
_ACTION: Final[_Json] = {"type": "string", "enum": ["allow", "review", "block"]}
_MATCH: Final[_Json] = {
    "type": "object",
    "required": ["bank", "content", "entry", "hub", "since", "distance"],
    "properties": {
        "bank": {"type": "string"},
        "content": _COUNT,
        "entry": {"type": ["string", "null"]},
        "hub": {"type": ["string", "null"]},
        "since": {"type": "string"},
        "distance": {"type": "integer", "minimum": 0, "maximum": 256},
    },
    "additionalProperties": False,
}
_ANSWER_MEMBERS: Final[_Json] = {
    "verdict": _ACTION,
    "quality": {"type": "integer", "minimum": 0, "maximum": 100},
    "would": _ACTION,
    "matches": {"type": "array", "items": {"$ref": "#/components/schemas/Match"}},
    "trace": {"$ref": "#/components/schemas/Trace"},
}
_TRACE: Final[_Json] = {
    "type": "object",
    "required": ["relation", "altered_fraction", "region", "review", "decided"],
    "properties": {
        "relation": {"type": "string", "enum": ["copy", "altered", "uncertain"]},
        "altered_fraction": {"type": "number", "minimum": 0, "maximum": 1},
        "region": {
            "type": ["array", "null"],
            "items": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
        },
        "review": {"type": ["string", "null"]},
        "decided": {"type": ["string", "null"], "enum": ["confirmed", "dismissed", None]},
    },
    "additionalProperties": False,
}
_PROBLEM: Final[_Json] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "step": {"type": "string"},
        "retry_after": {"type": "number"},
    },
}
_BANK: Final[_Json] = {
    "type": "object",
    "required": ["name", "matching_enabled_ratio"],
    "properties": {"name": {"type": "string"}, "matching_enabled_ratio": {"type": "number"}},
}
_ANY_BYTES: Final = "application/octet-stream"
_OBJECT: Final[_Json] = {"type": "object"}
_MESSAGE: Final[_Json] = {"type": "object", "required": ["message"], "properties": {"message": {"type": "string"}}}


@cache
def document() -> _Json:
    """The document, made once; do not change it."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Amparo gate",
            "version": "1",
            "description": "Verdicts about uploads; below /h, /m and /c the API of hasher-matcher-actioner 1.1.7.",
        },
        "security": [{"key": []}],
        "paths": {**_own(), **_hma()},
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "Match": _MATCH,
                "Trace": _TRACE,
                "Answer": {
                    "type": "object",
                    "required": ["verdict", "quality", "matches"],
                    "properties": _ANSWER_MEMBERS,
                    "additionalProperties": False,
                },
                "Problem": _PROBLEM,
                "Bank": _BANK,
                "Message": _MESSAGE,
            },
        },
    }


def _own() -> _Json:
    place = _query(
        "place", {"type": "string", "maxLength": 200}, "Where on the platform; told to the person concerned."
    )
    fingerprint = {
        "type": "object",
        "required": ["value"],
        "properties": {"value": _HEX64, "quality": {"type": "integer", "minimum": 0, "maximum": 100}},
    }
    lookup = _object({"fingerprints": {"type": "array", "minItems": 1, "maxItems": 1000, "items": fingerprint}})
    results = _object({"results": {"type": "array", "items": {"$ref": "#/components/schemas/Answer"}}})
    hit = {
        "type": "object",
        "required": ["seconds", "verdict", "quality", "matches"],
        "properties": {"seconds": {"type": "number"}, **_ANSWER_MEMBERS},
    }
    video = {
        "type": "object",
        "required": ["verdict", "md5", "seconds", "frames", "hits"],
        "properties": {
            "verdict": _ACTION,
            "would": _ACTION,
            "md5": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
            "seconds": {"type": "number"},
            "frames": _COUNT,
            "hits": {"type": "array", "items": hit},
        },
    }
    standing = {
        "entries": _COUNT,
        "own_contents": _COUNT,
        "cursor": _COUNT,
        "head": _COUNT,
        "synced_at": {"type": ["string", "null"]},
        "problem": {"type": ["string", "null"]},
        "problem_text": {"type": ["string", "null"]},
        "untold_sightings": _COUNT,
        "untold_opinions": _COUNT,
        "dry_run": {"type": "boolean"},
        "registered_photos": _COUNT,
        "traces": {"type": "object", "additionalProperties": _COUNT},
        "traces_loading": {"type": "boolean"},
        "trace_level": {"type": "number"},
        "telling_problem": {"type": ["string", "null"]},
        "famous_left_out": _COUNT,
        "entries_for_review": _COUNT,
        "entries_off": _COUNT,
    }
    counts = {"type": "object", "additionalProperties": _COUNT}
    decision = _object({"decision": {"type": "string", "enum": ["confirm", "dismiss"]}})
    decided = _object({"stopped_everywhere": {"type": "boolean"}})
    opinion = _object(
        {
            "entry": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
            "opinion": {"type": "string", "enum": ["confirm", "reject", "ask"]},
        }
    )
    opinion["additionalProperties"] = False
    kept = _object({"known": {"type": "boolean"}})
    entry = {"name": "entry", "in": "path", "required": True, "schema": opinion["properties"]["entry"]}
    switch = _object({"here": {"type": "string", "enum": ["policy", "off"]}}, until=_COUNT)
    switch["additionalProperties"] = False
    here = _object(
        {
            "entry": opinion["properties"]["entry"],
            "here": {"type": "string", "enum": ["policy", "review", "off"]},
            "until": _COUNT,
        },
        since={"type": "string"},
    )
    all_here = _object({"entries": {"type": "array", "items": here}})
    review = {"name": "review", "in": "path", "required": True, "schema": {"type": "string"}}
    report = {
        "dry_run": {"type": "boolean"},
        "since": {"type": "string"},
        "uploads": _COUNT,
        "by_action": counts,
        "by_bank": counts,
        "by_distance": counts,
    }
    answer = {"$ref": "#/components/schemas/Answer"}
    return {
        "/v1/check": {"post": _asked("The verdict on one upload.", answer, [place], _bytes("image/*"))},
        "/v1/lookup": {"post": _asked("Verdicts on fingerprints, not reported.", results, [], _json(lookup))},
        "/v1/video": {
            "post": _asked(
                "The strictest verdict of a video's frames.",
                video,
                [place, _query("seconds", {"type": "string", "pattern": "^[1-9][0-9]{0,2}$"})],
                _bytes("application/octet-stream"),
            )
        },
        "/v1/reviews/{review}": {
            "post": _asked("What a reviewer says of an upload.", decided, [review], _json(decision))
        },
        "/v1/opinions": {"post": _asked("What people say of an entry; told to the hub.", kept, [], _json(opinion))},
        "/v1/entries": {"get": _asked("What is decided about entries for this gate only.", all_here)},
        "/v1/entries/{entry}": {
            "put": _asked("Switch an entry off or on, for this gate only.", here, [entry], _json(switch))
        },
        "/v1/status": {"get": _asked("Where the gate stands.", _object(standing))},
        "/v1/report": {"get": _asked("What became of uploads, or in a dry run would have.", _object(report))},
    }


def _hma() -> _Json:
    text = {"type": "string"}
    signal, kind = _query("signal", text), _query("signal_type", {"type": "string", "enum": ["pdq", "video_md5"]})
    many = [_query(name, text) for name in ("banks", "seed")]
    bank = {
        "name": "bank",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Z_][A-Z0-9_]*$"},
    }
    content = {"name": "content", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}
    exchange = {"name": "exchange", "in": "path", "required": True, "schema": bank["schema"]}
    apis = {"type": "string", "enum": ["amparo", "stop_ncii", "ncmec", "csv", "local_file"]}
    api = {"name": "api", "in": "path", "required": True, "schema": apis}
    keys = _object({}, credential_json={"type": "object", "additionalProperties": text})
    address = {**_object({"address": text}), "additionalProperties": False}
    new_exchange = _object({"bank": bank["schema"], "api": apis, "api_json": address})
    kind_in_path = {**kind, "name": "signal", "in": "path", "required": True}
    form = _form()
    banks = {"type": "array", "items": {"$ref": "#/components/schemas/Bank"}}
    one_bank = {"$ref": "#/components/schemas/Bank"}
    ratio = {"type": "number", "minimum": 0, "maximum": 1}
    new_bank = _object({"name": text}, enabled_ratio=ratio, enabled={"type": "boolean"})
    change = _object({}, name=text, enabled_ratio=ratio, enabled={"type": "boolean"})
    signals = _object({}, pdq=_HEX64, note={"type": "string", "maxLength": 255})
    config = _object({}, disable_until_ts=_COUNT, note={"type": "string", "maxLength": 255})
    names = {"type": "array", "items": text}
    shown = [_query(name, {"type": "boolean"}) for name in ("include_signals", "include_metadata")]
    url = _query("url", text)
    signal_path = "/c/signal_type/{signal}"
    return {
        "/h/hash": {"get": _theirs(_OBJECT, [url]), "post": _theirs(_OBJECT, [], form)},
        "/m/raw_lookup": {"get": _theirs(_OBJECT, [signal, kind, *many])},
        "/m/lookup": {"get": _theirs(_OBJECT, [signal, kind, url, *many]), "post": _theirs(_OBJECT, many, form)},
        "/m/compare": {"post": _theirs(_OBJECT, [], _json({"type": "object"}))},
        "/m/index/status": {"get": _theirs(_OBJECT, [kind])},
        "/c/banks": {"get": _theirs(banks), "post": _theirs(one_bank, [], _json(new_bank), made=True)},
        "/c/bank/{bank}": {
            "get": _theirs(one_bank, [bank]),
            "put": _theirs(one_bank, [bank], _json(change)),
            "delete": _theirs(_MESSAGE, [bank]),
        },
        "/c/bank/{bank}/content": {"post": _theirs(_OBJECT, [bank], form)},
        "/c/bank/{bank}/signal": {"post": _theirs(_OBJECT, [bank], _json(signals))},
        "/c/bank/{bank}/content/{content}": {
            "get": _theirs(_OBJECT, [bank, content, *shown]),
            "put": _theirs(_OBJECT, [bank, content], _json(config)),
            "delete": _theirs(_OBJECT, [bank, content]),
        },
        "/c/exchanges/apis": {"get": _theirs(names)},
        "/c/exchanges/api/{api}": {"get": _theirs(_OBJECT, [api]), "post": _theirs(_OBJECT, [api], _json(keys))},
        "/c/exchanges/api/{api}/schema": {"get": _theirs(_OBJECT, [api])},
        "/c/exchanges": {"get": _theirs(names), "post": _theirs(_MESSAGE, [], _json(new_exchange), made=True)},
        "/c/exchange/{exchange}": {
            "get": _theirs(_OBJECT, [exchange]),
            "put": _theirs(_OBJECT, [exchange], _json(_object({}, enabled={"type": "boolean"}))),
            "delete": _theirs(_MESSAGE, [exchange]),
        },
        "/c/exchange/{exchange}/status": {"get": _theirs(_OBJECT, [exchange])},
        "/c/signal_type": {"get": _theirs({"type": "array", "items": _OBJECT})},
        "/c/signal_type/index": {"get": _theirs(_OBJECT, [kind])},
        signal_path: {"put": _theirs(_OBJECT, [kind_in_path], _json(_object({"enabled_ratio": ratio})))},
        "/c/content_type": {"get": _theirs({"type": "array", "items": _OBJECT})},
    }


def _asked(told: str, answer: _Json, parameters: list[_Json] | None = None, body: _Json | None = None) -> _Json:
    """An operation of our own API."""
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    errors = {401: "No key, or a wrong one", 403: "A key without the right", 503: "Not now"}
    if body is not None:
        errors[422] = "Something that cannot be used as it is"
    if any(parameter["in"] == "path" for parameter in parameters or ()):
        errors[404] = "There is no such thing"
    responses = {"200": {"description": "As asked", "content": {"application/json": {"schema": answer}}}}
    responses |= {str(status): {"description": text, "content": problem} for status, text in errors.items()}
    return _operation(told, responses, parameters, body)


def _theirs(
    answer: _Json, parameters: list[_Json] | None = None, body: _Json | None = None, *, made: bool = False
) -> _Json:
    """An operation of HMA's API."""
    told = {"application/json": {"schema": {"$ref": "#/components/schemas/Message"}}}
    listed = {"application/json": {"schema": {"type": "array", "items": _OBJECT}}}
    texts = {400: "Cannot be used", 401: "No key", 403: "Refused", 404: "Not found", 408: "Too slow", 413: "Too long"}
    responses: _Json = {
        "201" if made else "200": {"description": "As asked", "content": {"application/json": {"schema": answer}}}
    }
    responses |= {str(status): {"description": text, "content": told} for status, text in texts.items()}
    responses["422"] = {"description": "A parameter is missing or not valid", "content": listed}
    responses["503"] = {"description": "Not now", "content": told}
    return _operation("As in hasher-matcher-actioner 1.1.7.", responses, parameters, body)


def _operation(told: str, responses: _Json, parameters: list[_Json] | None, body: _Json | None) -> _Json:
    operation: _Json = {"summary": told, "responses": responses}
    if parameters:
        operation["parameters"] = parameters
    if body is not None:
        operation["requestBody"] = body
    return operation


def _query(name: str, schema: _Json, told: str = "") -> _Json:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": told}


def _object(required: _Json, **optional: _Json) -> _Json:
    return {"type": "object", "required": list(required), "properties": {**required, **optional}}


def _json(schema: _Json) -> _Json:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _bytes(kind: str) -> _Json:
    return {"required": True, "content": {kind: {"schema": {"type": "string", "format": "binary"}}}}


def _form() -> _Json:
    file = {"type": "string", "format": "binary"}
    schema = {"type": "object", "properties": {"photo": file, "video": file}}
    return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}
