"""Who is sent to, how fast, and who is spared: a queue per destination, not per Bag.

    scheduler    all queues of one process: finds the one for a mail, holds back what is paused
    queue        one destination: what waits for it, and its lanes, each one connection's work
    shift        what a lane does on one connection, and what it learns from the answers
    opening      finding a server that opens a session; `idle`: connections kept for the next mail
    site         what queues with the same provider share: the pace, and permits to connect
    jobs         permits for connections in all, without the slow ones keeping out the others
    mail         an Envelope (or several of the same bytes) as the SMTP client sees it

Pure: `limits` (what a provider takes), `pace` (what it takes now), `progress` (what a queue takes
in time), `warmup` (what a new sending address may send).
"""
