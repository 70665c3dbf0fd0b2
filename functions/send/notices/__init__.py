"""Reports in mail: what became of mail that came by SMTP. All of it is pure.

notice            the report to a sender, and the Batch that carries it
words             what it says to a person
delivery_status   what it says to a program (RFC 3464, RFC 6533)
multipart_report  the mail around both (RFC 6522)
"""
