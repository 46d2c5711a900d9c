"""Faults of claims and of payers' answers: delivered twice, cut off, out of balance, overpaid, for claims unknown."""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal

from carewheel.invented.faults.sites import Planted, Site

ANSWERS, CLAIMS = "claims/835-*.edi", "claims/837p-*.edi"
CLAIM_ROWS, LINE_ROWS, CHECK_ROWS = (
    f"opendental/{name}.csv" for name in ("claim", "claimproc", "claimpayment")
)
MODIFIER = "25"  # a separate examination on the day of another service
MORE_THAN_CHARGED = Decimal("10.00")
_CLAIM = re.compile(r"(?<=~\nCLM\*)[^*]+")
_ANSWERED = re.compile(r"(?<=~\nCLP\*)([^*]+)\*([^*]+)")
_FIRST_CODE = re.compile(r"(?<=~\nSV1\*HC:)(\d+)(?=\*)")
_TRACE = re.compile(r"(?<=~\nTRN\*1\*)[^*~]+")
_CONTRACT = re.compile(r"(?<=~\nCAS\*CO\*45\*)([\d.]+)")


def modifiers_dropped(site: Site, share: float) -> list[Planted]:
    """The claim names a modifier, the payer's answer for the same line does not."""
    texts = {name: site.text(name) for name in site.names(CLAIMS)}
    answered = {claim for name in site.names(ANSWERS) for claim, _ in _ANSWERED.findall(site.text(name))}
    claims = sorted(answered & {claim for text in texts.values() for claim in _CLAIM.findall(text)})
    chosen = set(site.choose("modifiers-dropped", claims, share))
    planted = []
    for name, text in texts.items():
        head, *parts = re.split(r"(?<=~\n)(?=CLM\*)", text)
        keys = []
        for index, part in enumerate(parts):
            claim = part.split("*", 2)[1]
            if claim in chosen:
                parts[index] = _FIRST_CODE.sub(rf"\1:{MODIFIER}", part, count=1)
                keys.append(claim)
        if keys:
            site.put_text(name, head + "".join(parts))
            planted.append(Planted(name, tuple(dict.fromkeys(keys))))
    return planted


def delivered_twice(site: Site, share: float) -> list[Planted]:
    """The same file of payers' answers lies there under another name too."""
    planted = []
    for name in site.choose("delivered-twice", site.names(ANSWERS), share):
        copy = name.replace("835-", "835-again-")
        text = site.text(name)
        site.put_text(copy, text)
        site.take("file", (name, copy))
        planted.append(Planted(copy, tuple(_TRACE.findall(text))))
    return planted


def cut_off(site: Site, share: float) -> list[Planted]:
    """A transfer broke off and was repeated: half of a file lies beside the whole one."""
    planted = []
    for name in site.choose("cut-off", [*site.names(ANSWERS), *site.names("fhir/Appointment.ndjson")], share):
        text = site.text(name)
        if name.endswith(".edi"):
            # In the middle of the first remittance, so that nothing of it is whole.
            text = text[: text.index("~\nSE*") * 3 // 4]
        else:
            # In the middle of a line.
            text = text[: text.index("\n", len(text) // 3) + 200]
        copy = name.replace(".", "-part.", 1)
        site.put_text(copy, text)
        site.take("file", (name, copy))
        planted.append(Planted(copy, (copy,)))
    return planted


def out_of_balance(site: Site, share: float) -> list[Planted]:
    """A contractual adjustment is a dollar too high: the remittance does not add up."""
    sets = []
    for name in site.names(ANSWERS):
        for one in re.split(r"(?<=~\n)(?=ST\*)", site.text(name))[1:]:
            if _CONTRACT.search(one):
                sets.append((name, _TRACE.findall(one)[0]))
    planted = []
    for name, trace in site.choose("out-of-balance", sets, share):
        before, after = site.text(name).split(f"TRN*1*{trace}*", 1)
        after = _CONTRACT.sub(lambda found: f"{Decimal(found[1]) + 1}", after, count=1)
        site.put_text(name, f"{before}TRN*1*{trace}*{after}")
        site.take("remittance", (trace,))
        planted.append(Planted(name, (trace,)))
    return planted


def unknown_claim(site: Site, share: float) -> list[Planted]:
    """A payer answers under a claim number that nobody has."""
    texts = {name: site.text(name) for name in site.names(ANSWERS)}
    seen = Counter(claim for name in site.names(ANSWERS) for claim, _ in _ANSWERED.findall(texts[name]))
    # An answer that nothing else speaks of, in a remittance that is not refused.
    single = []
    for name, text in texts.items():
        for one in re.split(r"(?<=~\n)(?=ST\*)", text)[1:]:
            if site.free("remittance", _TRACE.findall(one)[0]):
                single += [
                    (name, claim)
                    for claim, status in _ANSWERED.findall(one)
                    if status == "1" and seen[claim] == 1
                ]
    planted = []
    for name, claim in site.choose("unknown-claim", single, share):
        stranger = f"{site.location_id}-X{claim.rpartition('-')[2]}"
        texts[name] = texts[name].replace(f"~\nCLP*{claim}*", f"~\nCLP*{stranger}*", 1)
        site.put_text(name, texts[name])
        planted.append(Planted(name, (stranger,)))
    return planted


def overpaid(site: Site, share: float) -> list[Planted]:
    """The practice system holds a payment of more than was charged."""
    if not site.has(CLAIM_ROWS):
        return _overpaid_answers(site, share)
    claims, lines, checks = site.rows(CLAIM_ROWS), site.rows(LINE_ROWS), site.rows(CHECK_ROWS)
    answers = Counter(row["ClaimNum"] for row in lines)
    paid = {row["ClaimNum"]: row for row in lines if row["Status"] == "1" and row["InsPayAmt"] != "0.00"}
    by_number = {row["ClaimPaymentNum"]: row for row in checks}
    # Claims of one line, decided once.
    simple = [row for row in claims if row["ClaimNum"] in paid and answers[row["ClaimNum"]] == 1]
    chosen = site.choose("overpaid", simple, share)
    for claim in chosen:
        line = paid[claim["ClaimNum"]]
        amount = Decimal(claim["ClaimFee"]) + MORE_THAN_CHARGED
        check = by_number[line["ClaimPaymentNum"]]
        check["CheckAmt"] = str(Decimal(check["CheckAmt"]) - Decimal(line["InsPayAmt"]) + amount)
        line["InsPayAmt"] = claim["InsPayAmt"] = str(amount)
    for file, rows in ((CLAIM_ROWS, claims), (LINE_ROWS, lines), (CHECK_ROWS, checks)):
        site.put_rows(file, rows)
    return [Planted(LINE_ROWS, tuple(row["ClaimIdentifier"] for row in chosen))] if chosen else []


def _overpaid_answers(site: Site, share: float) -> list[Planted]:
    answers = site.resources("ExplanationOfBenefit")
    claim_of = [one["claim"]["reference"].partition("/")[2] for one in answers]
    seen = Counter(claim_of)
    simple = [
        (claim, one)
        for claim, one in zip(claim_of, answers, strict=True)
        if seen[claim] == 1 and one.get("payment", {}).get("amount", {}).get("value", 0) > 0
    ]
    chosen = site.choose("overpaid", simple, share)
    for _, one in chosen:
        charged = sum(Decimal(str(item["net"]["value"])) for item in one["item"])
        one["payment"]["amount"]["value"] = float(charged + MORE_THAN_CHARGED)
    site.put_resources("ExplanationOfBenefit", answers)
    return (
        [Planted("fhir/ExplanationOfBenefit.ndjson", tuple(claim for claim, _ in chosen))] if chosen else []
    )
