"""Fact tables of an invented place, continued: what patients say, where they come from, staff, stock and spending."""

from __future__ import annotations

from carewheel.invented import book as b
from carewheel.invented.book import Book
from carewheel.invented.exports.fragments import Keys, day, local, moment, money, words


def further_selects(book: Book, keys: Keys) -> dict[str, tuple[str, str, dict[str, str]]]:
    """Fact table → (FROM clause, SQL of its local date, its columns as SQL); see `facts.selects`."""
    known = book.words
    loc = keys.location_id
    low = words("t.question", tuple(str(low) for low, _ in b.SCALES))
    high = words("t.question", tuple(str(high) for _, high in b.SCALES))
    pulse_low = words("t.question", tuple(str(low) for low, _ in b.PULSE_SCALES))
    pulse_high = words("t.question", tuple(str(high) for _, high in b.PULSE_SCALES))
    plays = (*known.change_plays, "")
    return {
        "survey_invitation": ("invitation AS t", local("t.sent_at"), {
            "source_id": keys.row("invitation"), "invitation_id": keys.row("invitation"),
            "patient_key": keys.person("p", "t.patient"), "appointment_id": keys.visit("t.visit"),
            "channel": words("t.channel", ("sms", "email")), "survey": "'after the visit'", "sent_at": moment("t.sent_at")}),
        "survey_response": ("answer AS t JOIN invitation AS i ON t.invitation = i.invitation JOIN visit AS v ON i.visit = v.visit",
                            local("t.answered_at"), {
            "source_id": keys.row("answer"), "invitation_id": f"'{loc}-invitation-' || t.invitation",
            "patient_key": keys.person("p", "i.patient"), "appointment_id": keys.visit("i.visit"),
            "provider_key": keys.person("s", "v.provider"), "question": words("t.question", b.QUESTIONS),
            "raw_answer": "CAST(t.score AS VARCHAR)", "score": "CAST(t.score AS DOUBLE)", "scale_min": low, "scale_max": high,
            "channel": words("i.channel", ("sms", "email")),
            "visit_type": words("v.kind", tuple(k.name for k in book.location.visit_kinds)), "answered_at": moment("t.answered_at")}),
        "review": ("review AS t", local("t.posted_at"), {
            "source_id": keys.row("review"), "site": words("t.site", b.SITES), "rating": "CAST(t.rating AS DOUBLE)",
            "scale_max": "5.0", "posted_at": moment("t.posted_at"), "replied_at": moment("t.replied_at")}),
        "referral": ("referral AS t", day("t.referred_day"), {
            "source_id": keys.row("referral"), "direction": "'in'", "referrer_kind": words("t.referrer_kind", b.REFERRER_KINDS),
            "referrer_key": f"CASE WHEN t.referrer_kind = 0 THEN {keys.person('p', 't.referrer')} ELSE {keys.person('x', 't.referrer')} END",
            "patient_key": keys.person("p", "t.patient"),
            "status": "CASE WHEN t.kept_day >= 0 THEN 'kept' WHEN t.booked_day >= 0 THEN 'booked' ELSE 'open' END",
            "channel": words("CASE WHEN t.referrer_kind = 0 THEN 0 ELSE 4 END", b.ACQUISITION_CHANNELS),
            "referred_date": day("t.referred_day"), "booked_date": day("t.booked_day"), "kept_date": day("t.kept_day"),
            "paid_date": day("t.paid_day")}),
        "contact": ("contact AS t", local("t.created_at"), {
            "source_id": keys.person("c", "t.contact"), "contact_key": keys.person("c", "t.contact"),
            "patient_key": keys.person("p", "t.patient"),
            "stage": "CASE WHEN t.became_day >= 0 THEN 'customer' ELSE 'lead' END", "channel": words("t.channel", b.ACQUISITION_CHANNELS),
            "created_at": moment("t.created_at"), "became_patient_date": day("t.became_day")}),
        "marketing_spend": ("spend AS t", day("t.starts_day"), {
            "source_id": keys.row("spend"), "channel": words("t.channel", b.ACQUISITION_CHANNELS),
            "kind": words("t.kind", ("marketing", "sales")), "amount": money("t.cents"), "starts_date": day("t.starts_day"),
            "ends_date": day("t.ends_day")}),
        "expense": ("expense AS t", day("t.day"), {
            "source_id": keys.row("expense"), "category": words("t.category", known.expense_categories), "amount": money("t.cents"),
            "expense_date": day("t.day")}),
        "staff_spell": ("staff AS t", day("t.started_day"), {
            "source_id": keys.row("staff"), "staff_key": keys.person("s", "t.staff"), "role": words("t.role", b.ROLES),
            "started_date": day("t.started_day"), "ended_date": day("t.ended_day"), "end_kind": words("t.end_kind", b.END_KINDS),
            "fte": "t.fte"}),
        "staff_pulse": ("pulse AS t", day("t.day"), {
            "source_id": keys.row("pulse"), "question": words("t.question", b.PULSE_QUESTIONS), "score": "CAST(t.score AS DOUBLE)",
            "scale_min": pulse_low, "scale_max": pulse_high, "team": "'everybody'", "answered_date": day("t.day")}),
        "training": ("training AS t", day("t.completed_day"), {
            "source_id": keys.row("training"), "staff_key": keys.person("s", "t.staff"), "course": words("t.course", known.courses),
            "hours": "t.hours", "assigned_date": day("t.assigned_day"), "completed_date": day("t.completed_day"),
            "cost": money("t.cents")}),
        "recognition": ("recognition AS t", day("t.day"), {
            "source_id": keys.row("recognition"), "staff_key": keys.person("s", "t.staff"),
            "kind": words("t.kind", ("patient care", "efficiency")), "given_date": day("t.day")}),
        "stock_move": ("stock_move AS t", local("t.moved_at"), {
            "source_id": keys.row("stock_move"), "item_id": words("t.item", known.items), "kind": words("t.kind", b.STOCK_KINDS),
            "quantity": "CAST(t.quantity AS DOUBLE)", "on_hand": "CAST(t.on_hand AS DOUBLE)", "par_level": "CAST(t.par AS DOUBLE)",
            "amount": money("t.cents"), "moved_at": moment("t.moved_at")}),
        "investment": ("investment AS t", day("t.day"), {
            "source_id": keys.row("investment"), "component": words("t.component", b.COMPONENTS),
            "category": words("t.category", known.investment_categories), "amount": money("t.cents"), "invested_date": day("t.day")}),
        "change": ("change AS t", day("t.starts_day"), {
            "source_id": keys.row("change"), "change_id": keys.row("change"), "play": words("t.play", plays),
            "component": words("t.component", b.COMPONENTS), "title": words("t.title", known.change_titles),
            "starts_date": day("t.starts_day")}),
    }  # fmt: skip
