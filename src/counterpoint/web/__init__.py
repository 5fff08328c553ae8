"""The common parts of the package's web applications: the frame, a small store, static files and the server.

Pages load nothing from other servers. The listening test and the studio use this package, which does not depend on
them.
"""

from counterpoint.web.app import create_app
from counterpoint.web.bodies import read_object
from counterpoint.web.errors import WebError
from counterpoint.web.pages import Pages
from counterpoint.web.serving import lock_folder, open_socket, serve
from counterpoint.web.store import Store

__all__ = ["Pages", "Store", "WebError", "create_app", "lock_folder", "open_socket", "read_object", "serve"]
