"""Flask, run by gunicorn."""

from flask import Flask, request
from seen import ROUTES, text, variables

METHODS = ["GET", "POST"]
app = Flask("zoo", static_folder=None)


def endpoint(handler):
    def answer(rest=""):
        path = request.path if handler == "none" else f"{handler}/{rest}"
        return text(handler, path, variables(request.environ)), {"content-type": "text/plain"}

    return answer


for route in ROUTES:
    app.add_url_rule(f"{route}/<path:rest>", route, endpoint(route), methods=METHODS)
    app.add_url_rule(f"{route}/", f"{route}/", endpoint(route))
app.add_url_rule("/<path:rest>", "none", endpoint("none"))
