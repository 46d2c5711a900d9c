"""The Django app of the shared tables."""

from django.apps import AppConfig


class PracticeConfig(AppConfig):
    name = "carewheel.practice"
    label = "practice"
    verbose_name = "Practice"
    default_auto_field = "django.db.models.BigAutoField"
