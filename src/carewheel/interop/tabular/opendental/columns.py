"""The columns that `writing` writes, table by table, with Open Dental's own names and in its order."""

from __future__ import annotations

COLUMNS: dict[str, tuple[str, ...]] = {
    table: tuple(names.split())
    for table, names in {
        "clinic": "ClinicNum Description Abbr Address City State Zip Phone TimeZone IsHidden ItemOrder",
        "provider": "ProvNum Abbr ItemOrder LName FName IsHidden IsSecondary NationalProvID",
        "operatory": "OperatoryNum OpName Abbrev ItemOrder IsHidden ProvDentist ProvHygienist IsHygiene ClinicNum IsWebSched",
        "definition": "DefNum Category ItemOrder ItemName ItemValue ItemColor IsHidden",
        "patient": "PatNum LName FName PatStatus Gender Birthdate SSN Address City State Zip HmPhone WirelessPhone Guarantor Email "
        "Bal_0_30 Bal_31_60 Bal_61_90 BalOver90 InsEst BalTotal PriProv DateFirstVisit ClinicNum TxtMsgOk PreferRecallMethod",
        "carrier": "CarrierNum CarrierName ElectID IsHidden",
        "insplan": "PlanNum GroupName GroupNum PlanType CarrierNum",
        "inssub": "InsSubNum PlanNum Subscriber DateEffective DateTerm SubscriberID",
        "patplan": "PatPlanNum PatNum Ordinal Relationship InsSubNum",
        "appointmenttype": "AppointmentTypeNum AppointmentTypeName ItemOrder IsHidden Pattern",
        "appointment": "AptNum PatNum AptStatus Pattern Confirmed Op Note ProvNum ProvHyg AptDateTime NextAptNum IsNewPatient "
        "Assistant ClinicNum IsHygiene DateTStamp DateTimeArrived DateTimeSeated DateTimeDismissed AppointmentTypeNum "
        "SecDateTEntry Priority",
        "histappointment": "HistApptNum HistDateTStamp HistApptAction ApptSource AptNum PatNum AptStatus Pattern Op ProvNum "
        "ProvHyg AptDateTime IsNewPatient ClinicNum IsHygiene AppointmentTypeNum SecDateTEntry",
        "procedurecode": "CodeNum ProcCode Descript AbbrDesc IsHygiene",
        "procedurelog": "ProcNum PatNum AptNum PlannedAptNum ProcDate ProcFee Surf ToothNum ProcStatus ProvNum CodeNum ClinicNum "
        "UnitQty BaseUnits Discount DateTP DateComplete",
        "claim": "ClaimNum PatNum DateService DateSent DateSentOrig DateResent ClaimStatus DateReceived PlanNum ProvTreat ClaimFee "
        "InsPayEst InsPayAmt DedApplied WriteOff ClaimType ProvBill CorrectionType ClaimIdentifier InsSubNum ClinicNum SecDateEntry",
        "claimproc": "ClaimProcNum ProcNum ClaimNum PatNum ProvNum FeeBilled InsPayEst DedApplied Status InsPayAmt Remarks "
        "ClaimPaymentNum PlanNum InsSubNum DateCP WriteOff CodeSent ProcDate ClinicNum ClaimAdjReasonCodes IsTransfer",
        "claimpayment": "ClaimPaymentNum CheckDate CheckAmt CheckNum ClinicNum CarrierName IsPartial",
        "payment": "PayNum PayType PayDate PayAmt CheckNum PatNum ClinicNum",
        "paysplit": "SplitNum SplitAmt PatNum ProcDate PayNum ProvNum DatePay ClinicNum",
        "adjustment": "AdjNum AdjDate AdjAmt PatNum AdjType ProvNum ProcDate ProcNum ClinicNum",
        "recall": "RecallNum PatNum DateDueCalc DateDue DatePrevious RecallInterval RecallStatus IsDisabled RecallTypeNum "
        "DisableUntilDate DateScheduled Priority",
        "schedule": "ScheduleNum SchedDate StartTime StopTime SchedType ProvNum BlockoutType Note Status EmployeeNum ClinicNum",
        "scheduleop": "ScheduleOpNum ScheduleNum OperatoryNum",
        "referral": "ReferralNum LName FName Specialty IsDoctor NotPerson IsHidden PatNum",
        "refattach": "RefAttachNum ReferralNum PatNum ItemOrder RefDate RefType RefToStatus ProcNum",
    }.items()
}
