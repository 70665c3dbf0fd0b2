"""The sweep as a function: a timer calls it, and it wakes what is due and what was forgotten.

sweeping   one sweep: due work, forgotten work, what was woken too often
waking     how a stage elsewhere is told: by its URL, or by the bucket
"""
