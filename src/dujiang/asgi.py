"""The ASGI application that granian serves."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dujiang.settings")
django = get_asgi_application()

from dujiang.data.streaming import Uploads  # noqa: E402 - its models need Django to be set up

application = Uploads(django)
