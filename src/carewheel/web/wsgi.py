"""The WSGI application: pages and their data."""

from __future__ import annotations

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "carewheel.web.settings")
application = get_wsgi_application()
# What is loaded stays. Left among what is collected it would be walked through every few pages, a tenth of a second each time.
gc.collect()
gc.freeze()
