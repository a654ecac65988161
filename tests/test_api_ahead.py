"""The short way of the busiest requests brings what the usual way would bring."""

from typing import Any

import httpx2

from test_websocket import served

PAGE = "https://shop.example"
SAID = [{"role": "user", "content": "Where is my order?"}]
ASKED: dict[str, dict[str, Any]] = {
    "chat/completions": {"model": "auto", "messages": SAID},
    "responses": {"model": "auto", "input": "Where is my order?"},
    "messages": {"model": "auto", "max_tokens": 50, "messages": SAID},
}
CHANGING = {"date", "content-length", "request-id", "tonewise-decision", "tonewise-reason"}


def client(server, **headers: str) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url=server.url, headers=headers, trust_env=False)


async def test_a_client_is_told_what_a_page_is_told_but_for_what_only_browsers_need():
    async with (
        served(origins=(PAGE,)) as server,
        client(server) as shop,
        client(server, origin=PAGE) as page,
    ):
        for path, body in ASKED.items():
            for asked in (body, body | {"stream": True}):
                short = await shop.post(f"v1/{path}", json=asked)
                usual = await page.post(f"v1/{path}", json=asked)
                assert (short.status_code, usual.status_code) == (200, 200)
                assert set(usual.headers) - set(short.headers) == {
                    "access-control-allow-origin",
                    "access-control-expose-headers",
                }
                for name in set(short.headers) - CHANGING:
                    assert short.headers[name] == usual.headers[name], name


async def test_who_would_be_turned_away_is_turned_away():
    async with served(token="a-long-token-of-the-shop") as server, client(server) as anyone:
        path, body = "v1/chat/completions", ASKED["chat/completions"]
        strange = await anyone.post(path, json=body, headers={"origin": "https://evil.example"})
        renamed = await anyone.post(path, json=body, headers={"host": "evil.example"})
        keyless = await anyone.post(path, json=body)
        misread = await anyone.get(path)
        codes = [answer.status_code for answer in (strange, renamed, keyless, misread)]
        assert codes == [403, 403, 401, 405]
        assert keyless.headers["x-content-type-options"] == "nosniff"
        assert keyless.headers["vary"] == "origin"


async def test_requests_are_counted_on_either_way():
    async with (
        served(origins=(PAGE,)) as server,
        client(server) as shop,
        client(server, origin=PAGE) as page,
    ):
        for asking in (shop, page):
            for body in (ASKED["chat/completions"], {"model": "auto"}):
                await asking.post("v1/chat/completions", json=body)
        told = (await shop.get("metrics")).text
        counted = 'tonewise_api_requests_total{client="none",endpoint="/v1/chat/completions"'
        assert f'{counted},status="200"}} 2.0' in told
        assert f'{counted},status="400"}} 2.0' in told
        assert "tonewise_api_requests_in_hand 0.0" in told
