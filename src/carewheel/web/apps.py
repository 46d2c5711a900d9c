"""The Django app of the shared pages."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "carewheel.web"
    label = "web"
