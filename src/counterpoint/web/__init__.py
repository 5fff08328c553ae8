"""What web pages of the package share: the application's frame, a small store, static files and the server.

Everything is served from this process and nothing is loaded from elsewhere. The listening test and the studio build on
it; the frame knows neither of them.
"""

from counterpoint.web.app import create_app
from counterpoint.web.bodies import read_object
from counterpoint.web.errors import WebError
from counterpoint.web.pages import Pages
from counterpoint.web.serving import lock_folder, open_socket, serve
from counterpoint.web.store import Store

__all__ = ["Pages", "Store", "WebError", "create_app", "lock_folder", "open_socket", "read_object", "serve"]
