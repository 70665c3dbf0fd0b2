"""Who is sent to, how fast, and who is spared: a queue per destination, not per Bag.

    scheduler    all queues of one process: finds the one for a mail, holds back what cannot go
    queue        one destination: what waits for it, and the lanes that carry it
    lane         one connection's work, from opening it to saying QUIT
    site         what queues with the same provider share: the pace, and permits to connect
    mail         an Envelope (or several of the same bytes) as the SMTP client sees it

Pure: `limits` (what a provider takes), `pace` (what it takes now), `warmup` (what a new sending
address may send).
"""
