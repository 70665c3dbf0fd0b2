"""What a Domain's objects say about one person's address: shown, or deleted (P13).

There is no index by address: one would be a list of all Recipients, and cost a write for each
Delivery. So everything is read once: all Batches of the bucket, for their keys do not say whose
they are, then the Domain's events and received mail.

person      is it this address, and what stands in its place later
rewriting   objects without the person
walking     the objects in question, one after the other
exporting   what they say
deleting    the same objects, rewritten or gone
"""
