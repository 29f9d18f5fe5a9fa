"""Django, run by gunicorn."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path as route_of
from seen import ROUTES, text, variables

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="zoo", MIDDLEWARE=[])


def endpoint(handler):
    def answer(request, rest):
        path = request.path_info if handler == "none" else f"{handler}/{rest}"
        return HttpResponse(text(handler, path, variables(request.META)), "text/plain")

    return answer


urlpatterns = [
    *(route_of(f"{route[1:]}/<path:rest>", endpoint(route)) for route in ROUTES),
    route_of("<path:rest>", endpoint("none")),
]
app = get_wsgi_application()
