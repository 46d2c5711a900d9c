"""Independent counts over raw files: plain Python, none of the product's readers."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

Resource = dict[str, Any]


def text_of(path: Path) -> str:
    data = path.read_bytes()
    return (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8-sig")


def table_rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(text_of(path).splitlines()))


def resources(folder: Path) -> Iterator[Resource]:
    """Every FHIR resource in a folder, from NDJSON, Bundles and single resources; amounts as decimals."""
    for path in sorted(folder.iterdir()):
        text = text_of(path)
        try:
            documents = [json.loads(text, parse_float=Decimal)]
        except json.JSONDecodeError:
            documents = [json.loads(line, parse_float=Decimal) for line in text.splitlines() if line.strip()]
        for document in documents:
            if document.get("resourceType") == "Bundle":
                yield from (entry["resource"] for entry in document["entry"])
            elif "resourceType" in document:
                yield document


def distinct(found: Iterator[Resource]) -> dict[tuple[str, str], Resource]:
    """By type and id; of a resource that is told twice the last. Those without an id are told apart by their content."""
    return {
        (one["resourceType"], one.get("id") or json.dumps(one, sort_keys=True, default=str)): one
        for one in found
    }


def fhir_totals(found: dict[tuple[str, str], Resource]) -> dict[str, Any]:
    """What FHIR resources say: rows a fact table, kept visits a month, charges and collections.

    A claim is charged by its total. An ExplanationOfBenefit without a Claim stands for its own claim; the total it
    submitted is its charge.
    """
    kinds = Counter(kind for kind, _ in found)
    claims = [one for (kind, _), one in found.items() if kind == "Claim"]
    benefits = [one for (kind, _), one in found.items() if kind == "ExplanationOfBenefit"]
    alone = [one for one in benefits if not one.get("claim", {}).get("reference")]
    charges = sum((one["total"]["value"] for one in claims), Decimal(0))
    for one in alone:
        charges += sum(
            total["amount"]["value"]
            for total in one["total"]
            if "submitted" in [c.get("code") for c in total["category"]["coding"]]
        )
    # Facts hold four places; Synthea prints the noise of binary fractions beyond them.
    paid = [
        Decimal(one["payment"]["amount"]["value"]).quantize(Decimal("0.0001"))
        for one in benefits
        if one.get("payment", {}).get("amount")
    ]
    visits = Counter(
        one["period"]["start"][:7]
        for (kind, _), one in found.items()
        if kind == "Encounter" and one["status"] == "finished"
    )
    return {
        "location": kinds["Organization"] + kinds["Location"],
        "provider": kinds["Practitioner"] + kinds["PractitionerRole"],
        "patient": kinds["Patient"],
        "coverage": kinds["Coverage"],
        "appointment": kinds["Encounter"],
        "procedure": kinds["Procedure"],
        "claim": len(claims) + len(alone),
        "claim_event": len(claims) + len(alone) + len(benefits),
        "payment": len(paid),
        "visits": dict(visits),
        "charges": Decimal(charges),
        "collections": sum(paid, Decimal(0)),
    }


class X12Totals:
    """What the used 837 and 835 say, each claim, line and payment once however often it is sent.

    A line of a claim is named by billing provider, CLM01 and its place; of several submissions the one whose set was made
    last (BHT04, BHT05) counts. A payment is named by TRN03, TRN02, CLP07, CLP01 and its occurrence in the set.
    """

    def __init__(self) -> None:
        self.claims: set[tuple[str, str]] = set()
        self.lines: dict[tuple[str, str, int], tuple[str, int, Decimal]] = {}
        self.payments: dict[tuple[str, ...], Decimal] = {}
        self.charged = self.collected = Decimal(0)
        self._order = 0

    def take(self, segments: list[list[str]]) -> None:
        made = billing = base = ""
        claim: tuple[str, str] | None = None
        number, estimate = 0, False
        seen: Counter[tuple[str, ...]] = Counter()
        for s in segments:
            if s[0] == "BHT":
                made, seen = "".join(s[4:6]), Counter()
            elif s[0] == "NM1" and s[1] == "85":
                billing = s[9] if len(s) > 9 else ""
            elif s[0] == "REF" and s[1] == "EI" and not billing:
                billing = s[2]
            elif s[0] == "CLM":
                claim, number, estimate = (billing, s[1]), 0, len(s) > 19 and s[19] == "PB"
                self.claims.add(claim)
                self.charged += 0 if estimate else Decimal(s[2])
            elif s[0] in ("SV1", "SV2", "SV3") and claim and not estimate:
                number += 1
                amount = Decimal(s[3] if s[0] == "SV2" else s[2])
                self._order += 1
                key, entry = (*claim, number), (made, self._order, amount)
                self.lines[key] = max(self.lines.get(key, entry), entry)
            elif s[0] == "BPR":
                self.collected += Decimal(s[2])
            elif s[0] == "TRN":
                base, seen = f"{s[3]}|{s[2]}", Counter()
            elif s[0] == "CLP":
                name = (base, s[7] if len(s) > 7 else "", s[1])
                seen[name] += 1
                self.payments[(*name, str(seen[name]))] = Decimal(s[4])
            elif s[0] == "PLB":
                for reason, taken in zip(s[3::2], s[4::2], strict=False):
                    if taken:
                        seen["PLB", reason] += 1
                        self.payments[base, "PLB", reason, str(seen["PLB", reason])] = -Decimal(taken)
