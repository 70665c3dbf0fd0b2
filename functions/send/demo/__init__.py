"""The demo sender (`send.route = demo:`): the whole relay runs, and nothing leaves this machine.

transmitter  takes the place of the SMTP client
answers      what the imagined servers say: the table of magic recipients
reports      what comes back later, as real mail and events
"""
