"""What the servers in Python share."""

import os

# The folders for which there are handlers, such as /v1/payments.
ROUTES = os.environ.get("ZOO_ROUTES", "").split()
PORTS = dict(entry.split("=") for entry in os.environ.get("ZOO_PORTS", "").split())


def text(handler, path, variables):
    """The handler, the path that chose it, and what a program sees."""
    lines = [handler, path, *(f"{name}={value}" for name, value in variables)]
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def variables(environ):
    """The variables of a WSGI program."""
    return [(name, value) for name, value in environ.items() if isinstance(value, str)]
