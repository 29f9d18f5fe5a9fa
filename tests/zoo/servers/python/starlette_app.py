"""Starlette, run by uvicorn."""

import asyncio
import os

import uvicorn
from seen import PORTS, ROUTES, text
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Host, Mount, Route
from starlette.staticfiles import StaticFiles

METHODS = ["GET", "POST"]


def endpoint(handler):
    async def answer(request):
        rest = request.path_params["rest"]
        path = request.scope["path"] if not handler.startswith("/") else f"{handler}/{rest}"
        await request.body()
        return Response(text(handler, path, request.headers.items()), media_type="text/plain")

    return answer


def application():
    routes = [Route(route + "/{rest:path}", endpoint(route), methods=METHODS) for route in ROUTES]
    return Starlette(routes=[*routes, Route("/{rest:path}", endpoint("none"))])


def files():
    folder = StaticFiles(directory=os.environ["ZOO_FILES"], html=True)
    return Starlette(routes=[Mount("/", folder)])


def hosts():
    def only(host):
        return Starlette(routes=[Route("/{rest:path}", endpoint(host))])

    named = [Host(host, only(host)) for host in ("open.test", "closed.test")]
    return Starlette(routes=[*named, Mount("/", only("default"))])


async def main():
    servers = {
        "starlette": (application(), "httptools"),
        "starlette-h11": (application(), "h11"),
        "starlette-files": (files(), "httptools"),
        "starlette-hosts": (hosts(), "httptools"),
    }
    running = []
    for name, (app, http) in servers.items():
        if name in PORTS:
            config = uvicorn.Config(
                app, host="127.0.0.1", port=int(PORTS[name]), http=http, access_log=False,
                log_level="warning", lifespan="off", timeout_keep_alive=600,
            )
            running.append(uvicorn.Server(config).serve())
    await asyncio.gather(*running)


asyncio.run(main())
