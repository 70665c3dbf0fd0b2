"""What the world sees of a Domain, against what it should see: DNS, and the servers it names.

`run.py: check` looks at all of it side by side. What is expected is in `subject.py`; one module
for each matter judges what was found (pure); `look.py`, `tracking_host.py` and `port_25.py` ask.
Everything that comes from DNS is a stranger's: it is bounded, and shown escaped.
"""
