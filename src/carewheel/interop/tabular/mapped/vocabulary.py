"""Words by which columns are known in the field, for proposing mappings: names, codes and what must never be proposed."""

from __future__ import annotations

import re

# Never proposed: secrets, names, ways to reach a person, free text. Tested against the name in lower case with spaces.
PRIVATE = re.compile(
    r"\b(ssn|social security|nhs number|insurance number|passwords?|passwd|pwd|pin|secret|security|"
    r"names?|firstname|lastname|fname|lname|forename|surname|initials|salutation|title of person|nickname|"
    r"phones?|mobile|cell|fax|tel|telephone|sms number|e ?mails?|email|address\d?|street|city|zip|zipcode|postcode|"
    r"postal|birthdate|birth date|dob|date of birth|"
    r"notes?|comments?|text|free text|message|body|memo|remarks?|description|feedback|review text|verbatim|author)\b"
)
PRIVATE_VALUES = (
    re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,}", re.I),
    re.compile(r"\d{3}-\d{2}-\d{4}"),
    re.compile(r"\+?[\d() .-]{6,}\d[\d() .-]{3,}"),
)

# Table → field → words in the column's name. The first field that a column fits best gets it.
WORDS: dict[str, dict[str, str]] = {
    "appointment": {
        "appointment_id": r"(appointment|appt|apt|visit|booking)s? ?(id|num|number|no|key|nr)",
        "patient_key": r"(patient|pat|client|p) ?(id|num|number|no|key|guid)|mrn|chart number",
        "provider_key": r"(provider|doctor|dentist|clinician|practitioner|physician|prov|dr) ?(id|num|number|code|key)?",
        "resource_id": r"operatory|room|chair|op|operatory id",
        "location_id": r"location|clinic|site|surgery|office|facility|branch|neighbourhood|location id",
        "status": r"status|appt status|outcome|no show|noshow|attended|attendance|dna|arrival status",
        "starts_at": r"(appointment|appt|visit|start)s? ?(day|date|time|datetime|at|start)?( time)?|scheduled for|start",
        "ends_at": r"end ?(time|date|at)?|ends at",
        "booked_at": r"(booked|created|scheduled|create|booking|date appointed) ?(on|at|day|date|time)?",
        "cancelled_at": r"(cancelled|canceled|cancel|broken) ?(on|at|date|time)?",
        "minutes": r"minutes|duration|length|mins|duration minutes",
        "visit_type": r"(appointment|appt|visit|service) ?type|reason code|type",
    },
    "payment": {
        "amount": r"(amount|paid|payment|sales|value|split amt|total|receipt|collected)s?( amount| paid)?",
        "posted_date": r"(posted|payment|paid|deposit|transaction|receipt)? ?(date|day|on)",
        "patient_key": r"(patient|pat|client|customer|master) ?(id|num|number|no|key)",
        "claim_id": r"claim ?(id|num|number|no)",
        "method": r"method|pay(ment)? ?type|tender",
        "location_id": r"location|clinic|site|office|facility|location id",
    },
    "charge": {
        "amount": r"(charge|fee|billed|charges|billed amount|fee amount|charge amount|gross)( amount)?",
        "service_date": r"(service|procedure|proc|treatment) ?date|date of service|dos",
        "patient_key": r"(patient|pat|client) ?(id|num|number|no|key)",
        "provider_key": r"(provider|doctor|dentist|clinician|prov) ?(id|num|code)?",
        "code": r"(procedure|proc|service|cpt|cdt|ada)? ?code",
        "quantity": r"quantity|qty|units",
        "claim_id": r"claim ?(id|num|number|no)",
        "location_id": r"location|clinic|site|office|facility|location id",
    },
    "survey_response": {
        "score": r"score|nps|rating|csat|answer score|rating score|likelihood|recommend|response",
        "answered_at": r"(answered|submitted|completed|responded)( (at|date|time|on))?|(response|survey)? ?(date|time|timestamp)",
        "question": r"question|survey|metric|measure",
        "raw_answer": r"rating|answer",
        "patient_key": r"(patient|respondent|client) ?(id|num|number|key)",
        "appointment_id": r"(appointment|appt|visit) ?(id|num|number|key)",
        "location_id": r"location|clinic|site|surgery|office|facility|practice|location id",
        "channel": r"channel|source",
    },
    "review": {
        "rating": r"rating|stars|star rating",
        "site": r"site|platform|website|source",
        "posted_at": r"(posted|review|published|created)? ?(at|date|time|on)",
        "replied_at": r"(replied|reply|response|responded) ?(at|date|on|time)?",
        "location_id": r"location|clinic|office|branch|location id",
    },
    "marketing_spend": {
        "channel": r"channel|campaign|medium|platform",
        "amount": r"(spend|cost|amount|spent|budget)( amount)?",
        "starts_date": r"(week|month|start|starts|period|date|day)( start| date|ing)?",
        "ends_date": r"(end|ends|to)( date)?",
        "location_id": r"location|clinic|site|office|location id",
    },
    "expense": {
        "amount": r"amount|cost|total|expense",
        "expense_date": r"(expense|invoice|posting|booking)? ?date",
        "category": r"category|account|type|ledger",
        "location_id": r"location|clinic|site|office|location id",
    },
    "staff_spell": {
        "staff_key": r"(staff|employee|person|worker) ?(id|num|number|no|key)",
        "role": r"role|position|job|job role|department",
        "started_date": r"(start|hire|hired|joined|started|employment start)( date| on)?|date hired",
        "ended_date": r"(end|leave|left|terminated|termination|leaving)( date| on)?|date left",
        "fte": r"fte|full time equivalent",
        "end_kind": r"(leaving|termination|end) ?(reason|kind|type)",
        "location_id": r"location|clinic|site|office|location id",
    },
    "visit_event": {
        "appointment_id": r"case ?(id|number)|(visit|encounter|appointment) ?(id|number)",
        "event": r"activity|event|step",
        "raw_event": r"activity|event|step",
        "happened_at": r"(complete |start |event )?(timestamp|time|datetime)|happened at",
        "performer_group": r"(org )?(group|resource)|team",
    },
    "referral": {
        "referred_date": r"(referred|referral) ?(date|on|at)",
        "direction": r"direction|in out",
        "referrer_kind": r"(referrer|referral) ?(kind|type|source)",
        "referrer_key": r"referrer ?(id|key)",
        "patient_key": r"(patient|pat|client) ?(id|num|number|key)",
        "status": r"status",
        "location_id": r"location|clinic|site|office|location id",
    },
    "contact": {
        "contact_key": r"(contact|record|person)? ?id",
        "created_at": r"(created|create|added)( date| at| on)?",
        "stage": r"(lifecycle )?stage",
        "channel": r"(original |lead )?(traffic )?source|channel",
        "last_contacted_at": r"last (contacted|activity)( date| at)?",
    },
}

STATUS_WORDS: tuple[tuple[str, str], ...] = (
    (r"no.?show|dna|did not attend|missed|failed|absent", "noshow"),
    (r"late cancel.*|cancel.*|broken|rescheduled", "cancelled"),
    (r"complete.*|kept|attended|fulfilled|checked.?out|done|seen|walked out", "fulfilled"),
    (r"arrived", "arrived"),
    (r"checked.?in|in room|in session", "checked-in"),
    (r"scheduled|booked|confirmed|unconfirmed|not confirmed|reminded|open", "booked"),
)


def plain(name: str) -> str:
    """A column's name in lower case with spaces between its words.

    >>> plain("AppointmentDay"), plain("No-show"), plain("pat_id")
    ('appointment day', 'no show', 'pat id')
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return re.sub(r"[^a-z0-9]+", " ", spaced.lower()).strip()
