"""The readers' records in the operational tables: a practice's export becomes its console. Again and again: only what changed is written.

One source keeps the book of a location: the best that tells of visits there (practice system before FHIR before HL7). Locations made so are
in the mode "beside"; once a location is switched to "master", imports leave it alone. Nothing here deletes.
"""
