"""All addresses. Each has a name, and each name stands in `policy`."""

from __future__ import annotations

import allauth.urls
from django.urls import include, path

from carewheel.web.pages import (
    access,
    booking,
    data,
    day,
    free_times,
    patients,
    places,
    public,
    schedule,
    setup,
    trail,
    visits,
    waitlist,
    wheel,
)
from carewheel.web.second_factor import watched

urlpatterns = [
    path("account/", include(watched(allauth.urls.urlpatterns))),
    path("", wheel.home, name="home"),
    path("measures/<str:measure_id>/", wheel.measure, name="measure"),
    path("measures/<str:measure_id>/table.csv", wheel.measure_csv, name="measure_csv"),
    path("measures/table.csv", wheel.wheel_csv, name="wheel_csv"),
    path("turn/<str:kind>/", wheel.turn_file, name="turn_file"),
    path("location/", places.choose, name="location"),
    path("day/", day.day, name="day"),
    path("day/table.csv", day.day_csv, name="day_csv"),
    path("visits/<int:visit_id>/", visits.visit_page, name="visit"),
    path("visits/<int:visit_id>/step/", day.step, name="step"),
    path("visits/<int:visit_id>/move/", visits.move, name="move"),
    path("visits/<int:visit_id>/cancel/", visits.cancel, name="cancel"),
    path("visits/<int:visit_id>/confirm/", visits.confirm, name="confirm"),
    path("schedule/", schedule.schedule_page, name="schedule"),
    path("schedule/table.csv", schedule.schedule_csv, name="schedule_csv"),
    path("schedule/find/", free_times.find, name="find"),
    path("schedule/book/", booking.book, name="book"),
    path("schedule/people/", booking.people, name="people"),
    path("patients/", patients.patients, name="patients"),
    path("patients/table.csv", patients.patients_csv, name="patients_csv"),
    path("patients/new/", patients.new, name="patient_new"),
    path("patients/<int:patient_id>/", patients.patient_page, name="patient"),
    path("patients/<int:patient_id>/edit/", patients.edit, name="patient_edit"),
    path("patients/<int:patient_id>/consent/", patients.consent, name="consent"),
    path("patients/<int:patient_id>/proxy/", patients.proxy, name="proxy"),
    path("patients/<int:patient_id>/links/", patients.links, name="links"),
    path("patients/<int:patient_id>/emergency/", patients.emergency, name="emergency"),
    path("waitlist/", waitlist.waitlist_page, name="waitlist"),
    path("waitlist/table.csv", waitlist.waitlist_csv, name="waitlist_csv"),
    path("waitlist/join/", waitlist.join, name="join"),
    path("waitlist/<int:entry_id>/leave/", waitlist.leave, name="leave"),
    path("outbound/", waitlist.outbound_page, name="outbound"),
    path("outbound/<int:outbound_id>/close/", waitlist.outbound_close, name="outbound_close"),
    path("settings/", setup.settings_page, name="settings"),
    path("settings/places/new/", setup.place_new, name="place_new"),
    path("settings/places/<int:location_id>/", setup.place, name="place"),
    path("settings/places/<int:location_id>/resources/<int:resource_id>/", setup.resource, name="resource"),
    path("settings/types/new/", setup.visit_type_new, name="visit_type_new"),
    path("settings/types/<int:visit_type_id>/", setup.visit_type, name="visit_type"),
    path("settings/members/", setup.member_page, name="members"),
    path("settings/members/add/", setup.member_page, name="member_add"),
    path("settings/members/<int:membership_id>/end/", setup.member_end, name="member_end"),
    path("book/<slug:slug>/", public.book, name="public_book"),
    path("book/<slug:slug>/confirm/", public.confirm, name="public_confirm"),
    path("my-visit/<str:token>/", public.visit, name="own_visit"),
    path("offer/<str:token>/", public.offer, name="offer"),
    path("access/", access.access, name="access"),
    path("access/table.csv", access.access_csv, name="access_csv"),
    path("access/lab/", access.lab, name="access_lab"),
    path("data/", data.data, name="data"),
    path("data/findings.csv", data.findings_csv, name="findings_csv"),
    path("audit/", trail.audit, name="audit"),
    path("audit/table.csv", trail.audit_csv, name="audit_csv"),
    path("audit/emergency/<int:emergency_id>/", trail.audit_review, name="audit_review"),
    path("jobs/", trail.jobs, name="jobs"),
    path("jobs/<int:job_id>/again/", trail.job_again, name="job_again"),
]
handler400 = "carewheel.web.errors.unreadable"
handler403 = "carewheel.web.errors.denied"
handler404 = "carewheel.web.errors.missing"
handler500 = "carewheel.web.errors.broken"
