"""A Domain keeps things for a shorter time than the installation does.

    wanted      which kinds, for how many days at least; when something is too old. Pure
    wishes      what Domains have said                         → control/retention/wishes/
    stretches   which stretches of time are walked for which Domains. Pure
    records     how far it is                                  → control/retention/
    open_work   what is still on its way, and stays
    counted     what the statistics have read, and need no more
    listings    the ids of Batches, oldest first; how much a turn may do
    heads       what Batches say of how long they are kept
    batches     Batches that are too old, and what keeps them
    forgetting  what hangs on a Batch goes
    by_time     events, received mail and calls: their keys say when they were made
    rounds      one turn: some Domains, some of their Batches
    turns       when

A bucket's own rules know no Domains. They stay as they are: whichever ends first counts.
"""
