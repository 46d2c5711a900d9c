"""All addresses. Each has a name, and each name stands in `policy`."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("account/", include("allauth.urls"))]
