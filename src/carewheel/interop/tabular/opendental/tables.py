"""Which table of Open Dental a CSV is, by its columns alone."""

from __future__ import annotations

from carewheel.interop.files import ReadSettings, Sample

KIND = "opendental"

# Table → columns that must be there; "!" before a name: must not. The first that fits, top to bottom.
SIGNATURES: tuple[tuple[str, str], ...] = (
    ("histappointment", "AptNum HistApptAction"),
    ("appointment", "AptNum AptStatus AptDateTime"),
    ("claimproc", "ClaimProcNum Status InsPayAmt"),
    ("procedurelog", "ProcNum ProcStatus !ClaimProcNum"),
    ("procedurecode", "CodeNum ProcCode !ProcNum"),
    ("definition", "DefNum Category ItemName"),
    ("claim", "ClaimNum ClaimStatus !ClaimProcNum"),
    ("claimpayment", "ClaimPaymentNum CheckAmt"),
    ("paysplit", "SplitNum SplitAmt"),
    ("payment", "PayNum PayAmt !SplitNum"),
    ("adjustment", "AdjNum AdjAmt"),
    ("patplan", "PatPlanNum PatNum InsSubNum"),
    ("inssub", "InsSubNum PlanNum Subscriber"),
    ("insplan", "PlanNum CarrierNum"),
    ("carrier", "CarrierNum CarrierName"),
    ("recall", "RecallNum DateDue"),
    ("scheduleop", "ScheduleNum OperatoryNum !SchedDate"),
    ("schedule", "ScheduleNum SchedDate"),
    ("operatory", "OperatoryNum OpName"),
    ("refattach", "ReferralNum RefType"),
    ("refattach", "ReferralNum IsFrom RefDate"),
    ("referral", "ReferralNum IsDoctor"),
    ("appointmenttype", "AppointmentTypeNum AppointmentTypeName"),
    ("commlog", "CommlogNum CommDateTime"),
    ("clockevent", "ClockEventNum EmployeeNum"),
    ("supply", "SupplyNum LevelDesired"),
    ("etrans835", "Etrans835Num EtransNum"),
    ("asapcomm", "AsapCommNum FKey"),
    ("patient", "PatNum PatStatus"),
    ("provider", "ProvNum Abbr IsHidden"),
    ("provider", "ProvNum IsSecondary"),
    ("clinic", "ClinicNum Abbr !ProvNum !PatNum"),
    ("clinic", "ClinicNum Description !ProvNum !PatNum"),
)


def recognise(sample: Sample, settings: ReadSettings) -> str:
    """The table's name, or "" for what is no table of Open Dental."""
    header = {name.lower() for name in sample.header}
    if not header:
        return ""
    for table, columns in SIGNATURES:
        names = columns.lower().split()
        if all((name[1:] not in header) if name[0] == "!" else (name in header) for name in names):
            return table
    return ""
