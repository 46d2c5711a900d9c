"""Patients: found as one types; one page a person; registered, changed, consents and proxies; emergency access."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from carewheel.practice.access import NotFound, Permission, Refused
from carewheel.practice.consents import record_consent
from carewheel.practice.emergency import break_glass
from carewheel.practice.models import Consent, Patient
from carewheel.practice.patients import (
    add_proxy,
    end_links,
    patient,
    register_patient,
    search_patients,
    update_patient,
)
from carewheel.practice.registers import messages_of
from carewheel.spokes.operations.queries_booking import visits_of
from carewheel.web.shell import Shell, done, offer_choices, page, part, part_asked, patients_file, shell

MOST = 50


class PatientForm(forms.Form):
    """Who somebody is and how to reach them."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    given_name = forms.CharField(
        max_length=120, required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    family_name = forms.CharField(
        max_length=120, required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    birth_date = forms.DateField(
        required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    sex = forms.ChoiceField(required=False, choices=[("", "Not said"), ("female", "Female"), ("male", "Male"), ("other", "Other"), ("unknown", "Unknown")])  # fmt: skip
    phone = forms.CharField(
        max_length=40, required=False, widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "off"})
    )
    email = forms.EmailField(
        required=False, label="E-mail", widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    language = forms.CharField(max_length=35, required=False, help_text="As a code: en, es, de …")
    preferred_channel = forms.ChoiceField(
        required=False, choices=Patient.Channel.choices, label="Best reached by"
    )
    home_location_id = forms.TypedChoiceField(
        coerce=int, required=False, empty_value=None, label="Home location"
    )

    def __init__(self, frame: Shell, *args: Any, **words: Any) -> None:
        super().__init__(*args, **words)
        offer_choices(self, home_location_id=[("", "None"), *((p.id, p.name) for p in frame.places)])


class ConsentForm(forms.Form):
    """A yes or no to a purpose by a channel."""

    purpose = forms.ChoiceField(choices=Consent.Purpose.choices)
    channel = forms.ChoiceField(choices=[c for c in Patient.Channel.choices if c[0]], label="By")
    given = forms.TypedChoiceField(choices=[("yes", "Yes"), ("no", "No")], coerce=lambda word: word == "yes", label="Answer")  # fmt: skip
    how = forms.CharField(max_length=120, required=False, label="How it was given")


class ProxyForm(forms.Form):
    """Somebody who may act for the patient."""

    name = forms.CharField(max_length=200)
    relation = forms.CharField(max_length=40)
    phone = forms.CharField(max_length=40, required=False)
    email = forms.EmailField(required=False, label="E-mail")
    ends_on = forms.DateField(
        required=False, widget=forms.DateInput(attrs={"type": "date"}), label="Until", help_text="Inclusive."
    )


def patients(request: HttpRequest) -> HttpResponse:
    """The search; for htmx its results."""
    text = request.GET.get("q", "")
    found = search_patients(shell(request).actor, text, MOST)
    words = {"found": found, "q": text, "most": MOST}
    if part_asked(request):
        return part(request, "patients/found.html", words)
    return page(request, "patients/patients.html", words)


def patients_csv(request: HttpRequest) -> HttpResponse:
    """What the search found."""
    found = search_patients(shell(request).actor, request.GET.get("q", ""), MOST)
    return patients_file(request, "patients", ("number", "name", "birth_date", "phone"), ((p.id, p.name, p.birth_date, p.phone) for p in found))  # fmt: skip


def patient_page(request: HttpRequest, patient_id: int) -> HttpResponse:
    """One person: visits, messages, consents, proxies. Whoever may break the glass is shown how."""
    frame = shell(request)
    try:
        return page(request, "patients/patient.html", _words(frame, patient_id))
    except NotFound:
        if not frame.actor.may(Permission.EMERGENCY):
            raise
        return page(request, "patients/emergency.html", {"patient_id": patient_id, "reason": ""}, status=404)


def new(request: HttpRequest) -> HttpResponse:
    """Register a patient."""
    frame = shell(request)
    frame.actor.need(Permission.PATIENT_WRITE)
    start = {"home_location_id": frame.here.id if frame.here else None, "family_name": request.GET.get("q", "").title()}  # fmt: skip
    form = PatientForm(frame, request.POST or None, initial=start)
    error = None
    if request.method == "POST" and form.is_valid():
        values = {k: v for k, v in form.cleaned_data.items() if k != "version"}
        try:
            made = register_patient(frame.actor, **values)
        except Refused as refused:
            error = refused
        else:
            return done(request, f"{made.name} is registered.", f"/patients/{made.id}/")
    return page(request, "patients/edit.html", {"form": form, "p": None}, error=error)


def edit(request: HttpRequest, patient_id: int) -> HttpResponse:
    """Change who somebody is."""
    frame = shell(request)
    known = patient(frame.actor, patient_id)
    start = {name: getattr(known, name) for name in PatientForm.base_fields}
    form = PatientForm(frame, request.POST or None, initial=start)
    error = None
    if request.method == "POST" and form.is_valid():
        values = dict(form.cleaned_data)
        try:
            update_patient(frame.actor, patient_id, values.pop("version") or 0, **values)
        except Refused as refused:
            error = refused
        else:
            return done(request, "Saved.", f"/patients/{patient_id}/")
    return page(request, "patients/edit.html", {"form": form, "p": known}, error=error)


def consent(request: HttpRequest, patient_id: int) -> HttpResponse:
    """Note a yes or no."""
    frame = shell(request)
    form = ConsentForm(request.POST)
    if not form.is_valid():
        return page(request, "patients/patient.html", _words(frame, patient_id) | {"consent_form": form}, status=400)  # fmt: skip
    record_consent(frame.actor, patient_id, **form.cleaned_data)
    return done(request, "The answer is noted.", f"/patients/{patient_id}/")


def proxy(request: HttpRequest, patient_id: int) -> HttpResponse:
    """Let somebody act for the patient."""
    frame = shell(request)
    form = ProxyForm(request.POST)
    error = None
    if form.is_valid():
        try:
            add_proxy(frame.actor, patient_id, **form.cleaned_data)
        except Refused as refused:
            if isinstance(refused, NotFound):
                raise
            error = refused
        else:
            return done(request, "Noted who may act.", f"/patients/{patient_id}/")
    return page(request, "patients/patient.html", _words(frame, patient_id) | {"proxy_form": form}, error=error, status=400)  # fmt: skip


def links(request: HttpRequest, patient_id: int) -> HttpResponse:
    """End the links to their visits that the patient was sent."""
    end_links(shell(request).actor, patient_id)
    return done(request, "The links that were sent are over.", f"/patients/{patient_id}/")


def emergency(request: HttpRequest, patient_id: int) -> HttpResponse:
    """Open the record beyond one's locations, for an hour, with a reason."""
    reason = request.POST.get("reason", "")
    try:
        break_glass(shell(request).actor, patient_id, reason)
    except Refused as refused:
        if isinstance(refused, NotFound):
            raise
        return page(request, "patients/emergency.html", {"patient_id": patient_id, "reason": reason}, error=refused)  # fmt: skip
    return redirect("patient", patient_id)


def _words(frame: Shell, patient_id: int) -> dict[str, Any]:
    known = patient(frame.actor, patient_id)
    visits = visits_of(frame.actor, patient_id)
    now = frame.actor.at
    return {
        "p": known,
        "ahead": [v for v in reversed(visits) if v.ends_at > now and v.status != "cancelled"],
        "before": [v for v in visits if v.ends_at <= now or v.status == "cancelled"],
        "sent": messages_of(frame.actor, patient_id),
        "purposes": dict(Consent.Purpose.choices),
        "channels": dict(Patient.Channel.choices),
        "consent_form": ConsentForm(auto_id="consent_%s"),
        "proxy_form": ProxyForm(auto_id="proxy_%s"),
        "home": next((place.name for place in frame.places if place.id == known.home_location_id), ""),
    }
