"""The API document of catalog and orders: each endpoint of ours has an example, each refusal its words."""

from __future__ import annotations

import pytest

from tests.platform_app.world import Platform

OURS = {
    "catalog": ("/categories", "/services", "/offerings"),
    "orders": ("/providers/{provider_id}",),
}


@pytest.mark.parametrize("service", OURS)
async def test_examples_and_refusals_are_documented(sqlite_platform: Platform, service: str) -> None:
    platform = sqlite_platform
    await platform.start(service)
    paths = (await platform.request(service, "GET", "/openapi.json"))[1]["paths"]
    found = {path: verbs for path, verbs in paths.items() if path.removeprefix("/api/v1").startswith(OURS[service])}
    assert len(found) == 6
    for path, verbs in found.items():
        for verb, said in verbs.items():
            good = next(answer for status, answer in said["responses"].items() if status.startswith("2"))
            assert good["content"]["application/json"]["example"], (verb, path)
            for status, answer in said["responses"].items():
                problems = answer.get("content", {}).get("application/problem+json", {}).get("examples", {})
                assert status.startswith("2") or problems, (verb, path, status)
                for code, example in problems.items():
                    body = example["value"]
                    assert (body["status"], body["code"]) == (int(status), code)
                    assert not body["detail"].isascii(), "customers read Chinese"
