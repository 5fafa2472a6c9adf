"""aiohttp: one session, one task for each request in flight."""

import asyncio
import ssl

import aiohttp
import common


async def worker(session, given, work):
    while (request := work.take()) is not None:
        async with session.request(given.method, request.url, data=request.body) as answer:
            work.finish(request, answer.status, await answer.read())


async def main():
    given = common.Given()
    context = ssl.create_default_context(cafile=given.ca) if given.ca else None
    connector = aiohttp.TCPConnector(limit=given.in_flight, ssl=context)
    async with aiohttp.ClientSession(connector=connector, headers=given.headers) as session:
        work = common.Work(given)
        await asyncio.gather(*[worker(session, given, work) for _ in range(given.in_flight)])
        work.stop()


asyncio.run(main())
