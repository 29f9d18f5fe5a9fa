"""aiohttp."""

import asyncio
import os

from aiohttp import web
from seen import PORTS, ROUTES, text


def endpoint(handler):
    async def answer(request):
        path = request.path if handler == "none" else f"{handler}/{request.match_info['rest']}"
        await request.read()
        return web.Response(body=text(handler, path, request.headers.items()))

    return answer


async def start(name, app):
    if name in PORTS:
        runner = web.AppRunner(app, access_log=None, keepalive_timeout=600)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", int(PORTS[name])).start()


async def main():
    app = web.Application()
    for route in ROUTES:
        app.router.add_route("*", route + "/{rest:.*}", endpoint(route))
    app.router.add_route("*", "/{rest:.*}", endpoint("none"))
    await start("aiohttp", app)
    files = web.Application()
    files.router.add_static("/", os.environ["ZOO_FILES"])
    await start("aiohttp-files", files)
    await asyncio.Event().wait()


asyncio.run(main())
