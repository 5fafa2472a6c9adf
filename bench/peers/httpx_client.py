"""httpx: one asynchronous client, one task for each request in flight; HTTP/2 by h2."""

import asyncio

import common
import httpx


async def worker(client, given, work):
    while (request := work.take()) is not None:
        answer = await client.request(given.method, request.url, content=request.body)
        work.finish(request, answer.status_code, answer.content)


async def main():
    given = common.Given()
    async with httpx.AsyncClient(
            headers=given.headers, timeout=60, trust_env=False, verify=given.ca or True,
            http1=given.version == "1.1", http2=given.version == "2",
            limits=httpx.Limits(max_connections=given.in_flight,
                                max_keepalive_connections=given.in_flight)) as client:
        work = common.Work(given)
        await asyncio.gather(*[worker(client, given, work) for _ in range(given.in_flight)])
        work.stop()


asyncio.run(main())
