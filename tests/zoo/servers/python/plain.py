"""A WSGI program without a framework, for mod_wsgi."""

import os


def application(environ, start_response):
    path = environ["SCRIPT_NAME"] + environ["PATH_INFO"]
    routes = os.environ["ZOO_ROUTES"].split()
    handler = next((it for it in routes if path == it or path.startswith(it + "/")), "none")
    lines = [handler, path]
    lines += [f"{name}={value}" for name, value in environ.items() if isinstance(value, str)]
    # Variables hold bytes as Latin-1 (PEP 3333).
    body = "\n".join(lines).encode("latin-1", "replace")
    headers = [("content-type", "text/plain"), ("content-length", str(len(body)))]
    start_response("200 OK", headers)
    return [body]
