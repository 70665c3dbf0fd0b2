"""What became of mail, for operators and apps: read from the bucket, within bounds.

newest     the newest Batches, of one Domain or of all
counts     a Batch's Deliveries by state, counted Bag by Bag
search     Deliveries of a Batch, only those in one state
timeline   all that is known of one Delivery, in order
words      the same as a sentence that a person understands
reader     all of these over one store, with what they remember
"""
