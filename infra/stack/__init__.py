"""The distributed form on one machine, without Kubernetes: `make stack`, `make stack-demo`.

    SeaweedFS ── one webhook ──► pod: receiver ──► submit validate dispatch send bounce notify
                                 SMTP listeners     each its own functions-framework process
    timer ─────────────────────────────────────► sweep
    readers ───────────────────────────────────► track
    operators, browsers ───────────────────────► admin

seaweed     the bucket
parts       which processes there are, and their configuration
processes   started, watched, started again when they die, stopped
stack       all of it as a context manager
demo        a Batch through it
"""
