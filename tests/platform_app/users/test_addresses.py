"""The address book: bounds, versions, the default, and nobody else's."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from platform_app.users.schemas import AddressChange, NewAddress
from tests.platform_app.sandbox.homes import change
from tests.platform_app.users.support import call, log_in
from tests.platform_app.world import Platform

HOME: dict[str, Any] = {
    "contact": "王芳",
    "phone": "13900000077",
    "province": "浙江省",
    "city": "杭州市",
    "district": "西湖区",
    "street": "文三路 99 号",
    "detail": "3 幢 2 单元 501",
    "label": "家",
    "lat": 30.276851,
    "lng": 120.131932,
}


async def test_addresses_come_change_and_go(platform: Platform) -> None:
    await platform.start("users")
    me = await log_in(platform)
    made = await call(platform, "POST", "/me/addresses", me, json=HOME)
    assert (made.status, made.headers["ETag"]) == (201, '"1"')
    assert made.body | HOME == made.body
    assert made.body["default"] is True, "the first one"
    path = f"/me/addresses/{made.body['id']}"
    changed = await call(platform, "PATCH", path, me, json={"label": "老家", "lat": 30.5, "version": 1})
    assert (changed.body["label"], changed.body["lat"], changed.body["lng"]) == ("老家", 30.5, 120.131932)
    assert changed.body["version"] == 2
    assert (await call(platform, "GET", path, me)).body == changed.body
    assert (await call(platform, "DELETE", path, me)).status == 204
    assert (await call(platform, "GET", path, me)).status == 404
    assert (await call(platform, "GET", "/me/addresses", me)).body == {"items": []}


async def test_a_change_names_the_version_that_it_was_made_from(platform: Platform) -> None:
    await platform.start("users")
    me = await log_in(platform)
    path = f"/me/addresses/{(await call(platform, 'POST', '/me/addresses', me, json=HOME)).body['id']}"
    wish = {"label": "公司"}
    assert (await call(platform, "PATCH", path, me, json=wish)).status == 428
    assert (await call(platform, "PATCH", path, me, json={**wish, "version": 2})).status == 409
    stale = await call(platform, "PATCH", path, me, json=wish, headers={"If-Match": '"2"'})
    assert (stale.status, stale.body["version"]) == (412, 1)
    assert (await call(platform, "PATCH", path, me, json=wish, headers={"If-Match": "nonsense"})).status == 412
    assert (await call(platform, "PATCH", path, me, json=wish, headers={"If-Match": '"1"'})).status == 200
    assert (await call(platform, "DELETE", path, me, headers={"If-Match": '"1"'})).status == 412
    wishes = [{"label": f"第{n}", "version": 2} for n in range(5)]
    answers = await asyncio.gather(*(call(platform, "PATCH", path, me, json=w) for w in wishes))
    assert sorted(a.status for a in answers) == [200, 409, 409, 409, 409], "of five at once, one wins"


async def test_there_is_one_default(platform: Platform) -> None:
    await platform.start("users")
    me = await log_in(platform)
    ids = [(await call(platform, "POST", "/me/addresses", me, json=HOME)).body["id"] for _ in range(3)]
    await asyncio.gather(*(call(platform, "POST", f"/me/addresses/{i}/default", me) for i in ids))

    async def defaults() -> list[int]:
        return [a["id"] for a in (await call(platform, "GET", "/me/addresses", me)).body["items"] if a["default"]]

    assert len(await defaults()) == 1
    await call(platform, "POST", f"/me/addresses/{ids[0]}/default", me)
    assert await defaults() == [ids[0]]
    await call(platform, "DELETE", f"/me/addresses/{ids[0]}", me)
    assert await defaults() == [ids[2]], "the one changed last takes its place"
    new = await call(platform, "POST", "/me/addresses", me, json={**HOME, "default": True})
    assert await defaults() == [new.body["id"]]


async def test_the_book_has_an_end_also_for_many_at_once(platform: Platform) -> None:
    change(platform.folder, "users", addresses=4)
    await platform.start("users")
    me = await log_in(platform)
    answers = await asyncio.gather(*(call(platform, "POST", "/me/addresses", me, json=HOME) for _ in range(8)))
    assert sorted(a.status for a in answers) == [201] * 4 + [409] * 4
    assert next(a for a in answers if a.status == 409).code == "too_many_addresses"


async def test_neighbours_get_an_address_in_full_operators_masked(platform: Platform) -> None:
    await platform.start("users")
    me, operator = await log_in(platform), await log_in(platform, 99)
    made = (await call(platform, "POST", "/me/addresses", me, json=HOME)).body
    status, full = await platform.internal("users", "GET", f"/internal/users/1/addresses/{made['id']}")
    assert (status, full["street"], full["phone"]) == (200, HOME["street"], HOME["phone"])
    assert (await platform.internal("users", "GET", f"/internal/users/2/addresses/{made['id']}"))[0] == 404
    seen = (await call(platform, "GET", "/users/1", operator)).body
    assert seen["addresses"][0]["phone"] == "139****0077"
    assert not {"detail", "lat", "lng", "label"} & set(seen["addresses"][0])
    assert "99 号" not in str(seen)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("phone", "123"),
        ("phone", "１３９００００００７７"),
        ("contact", "   "),
        ("contact", "王" * 21),
        ("street", "a\x00b"),
        ("street", "\ud800"),
        ("detail", "x" * 81),
        ("lat", 3.0),
        ("lat", 91),
        ("lng", -120.1),
        ("lng", float("nan")),
        ("lng", float("inf")),
        ("lat", "north"),
        ("lat", None),
        ("owner", 2),
        ("default", "perhaps"),
    ],
)
async def test_every_field_is_bounded_and_named(sqlite_platform: Platform, field: str, value: object) -> None:
    await sqlite_platform.start("users")
    me = await log_in(sqlite_platform)
    answer = await call(sqlite_platform, "POST", "/me/addresses", me, json={**HOME, field: value})
    assert (answer.status, answer.code) == (422, "invalid")
    assert [e["field"] for e in answer.body["errors"]] == [f"body.{field}"]
    assert not answer.body["errors"][0]["message"].isascii(), "in the customer's language"


@pytest.mark.parametrize("number", ["0", "-1", "x", "9" * 30, str(2**63), "1.5", "%00"])
async def test_no_id_is_too_strange(sqlite_platform: Platform, number: str) -> None:
    await sqlite_platform.start("users")
    me = await log_in(sqlite_platform)
    assert (await call(sqlite_platform, "GET", f"/me/addresses/{number}", me)).status == 422


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*HOME, "version", "x"]), st.one_of(st.none(), st.text(), st.floats(), st.integers())
    )
)
def test_what_is_taken_fits_the_columns(wish: dict[str, Any]) -> None:
    """Whatever is accepted can be stored: bounded, encodable, within the map."""
    for schema in (NewAddress, AddressChange):
        try:
            taken = schema.model_validate({**HOME, **wish} if schema is NewAddress else wish)
        except ValidationError:
            continue
        for name, value in taken.model_dump().items():
            if isinstance(value, str):
                value.encode()
                assert len(value) <= 80, name
                assert "\x00" not in value
        assert taken.lat is None or 3.8 <= taken.lat <= 53.6
