"""What gunicorn runs in a process of its own: the Flask application, with and without the request log."""

from __future__ import annotations

import os
from pathlib import Path

from smartify_core.requestlog import RequestLog
from smartify_core.requestlog.files import JsonLinesFile
from smartify_core.requestlog.flask import install

from ._serving import both_wsgi
from .test_flask import make

_folder = Path(os.environ["STATIC_FOLDER"])
app = both_wsgi(install(make(_folder), RequestLog(JsonLinesFile(os.environ["REQUEST_LOG"]))), make(_folder))
