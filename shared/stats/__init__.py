"""Statistics: what became of the mail, counted by the hour, for each Domain, tag and recipient
domain. docs/statistics.md says what each number means, docs/adr/0014 why it is counted like this.

counts      the numbers, and tables of them                           pure
window      what is counted of the Batches of a quarter of an hour    pure
day_events  what is counted of a Domain's events of a day             pure
schedule    what is looked at when                                    pure
ranges      a span of time, cut into hours, days or months            pure
listing     what there is, read from the keys
progress    a Batch's Outcomes, counted by Bag, for reading back
batches     Outcomes → window records
happened    events → day records
publish     records → stats/<domain>/<day>/
compact     one round of all of that
turns       when a process has its round
query       hourly counts → what was asked for
export      raw Outcomes and events of a day → files
"""
