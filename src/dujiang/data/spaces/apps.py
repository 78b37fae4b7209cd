"""The app of data spaces."""

from django.apps import AppConfig


class Spaces(AppConfig):
    """Data spaces: a part of the data plane with tables of its own."""

    name = "dujiang.data.spaces"
    label = "spaces"
