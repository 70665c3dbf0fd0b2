"""notify: tells the Webhooks of a Domain what happened.

stage      one call: load, decide, tell, log, write what comes next
messages   what is told: lines of a source → messages → POSTs (pure)
decide     what an answer means, when the next try is (pure)
turn       the POSTs of one call
endpoint   one Webhook in this process: its connections, its turn to speak
standing   how long a Webhook has been failing, in its record
"""
