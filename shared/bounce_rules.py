r"""Whose wording means what: the table behind `shared/bounce_classes.py`. Pure data.

One regular expression a line, `#` begins a comment. They are searched for in

    <code> <enhanced> <text>        such as     550 5.1.1 ~ user unknown

in lower case, `-` where there is no code, `~` in the place of addresses and ids. The first class
with a match decides, so what is said precisely stands above what is said loosely.
"""

TEXTS: list[tuple[str, str]] = [
    (
        "rate_limited",
        r"""
        # Gmail, with the code of a closed mailbox
        receiving mail (?:too quickly|at a rate)
        """,
    ),
    (
        "tls",
        r"""
        # Postfix, Exim
        must issue a starttls|(?:starttls|tls) (?:is )?required
        server certificate|certificate (?:not|is not|verif|has )|tls handshake
        cannot start tls|tls (?:is )?(?:currently )?(?:un|not )available
        # Gmail
        (?:wasn't|was not|not) sent over a? ?tls
        [45]\.7\.29\b
        # RFC 8460 §4.3
        mta-sts|\bsts[- ]policy|\bdane\b|tlsa
        requires? (?:a )?(?:secure connection|encryption|tls)|encryption (?:is )?(?:required|needed)
        """,
    ),
    (
        "auth_failure",
        r"""
        # RFC 7372; Gmail has more
        ^\S+ [45]\.7\.(?:2[0-7]|3[0-2]|40)\b
        [45]\.7\.(?:26|27|30|32|40)\b
        unauthenticated (?:sender|e?-?mail)|email is unauthenticated
        # Outlook: DMARC, "the required authentication level"
        [45]\.7\.5(?:09|15)\b
        # Yahoo: DMARC, said as policy
        ^554 5\.7\.9 message not accepted for policy
        # Everybody
        dmarc (?:policy|verif|check|fail|eval|sender|reject)|(?:pass|fail\w*|violat\w+) dmarc
        (?:spf|sender policy framework|dkim)\W+(?:\w+ ){0,3}(?:fail|not pass|reject|policy|check)
        (?:fail\w*|violat\w+|reject\w*|due to) (?:\w+ ){0,3}(?:spf|dkim)\b
        not (?:authori[sz]ed|allowed|permitted) to send (?:e?-?mail|messages) (?:from|on behalf|for)
        # Gmail, GMX, Postfix, Comcast
        \bptr\b.{0,20}record|bad dns ptr|reverse[ -]dns|\brdns\b
        cannot (?:find|resolve) your (?:reverse )?(?:hostname|address)
        # A smarthost: RFC 4954 §6
        ^53[058]\b
        """,
    ),
    (
        "policy",
        r"""
        # Postfix, Exim, Orange: what they do not know is the sender, not the Recipient.
        sender (?:address )?rejected
        sender (?:address )?verif|verifying (?:the )?sender|callback setup failed
        sender (?:domain |address )?(?:does )?(?:not|unknown|invalid)\b(?! authori[sz]ed)
        (?:unknown|invalid|bad) (?:envelope )?sender|sender is invalid|emetteur invalide
        helo command rejected|(?:invalid|bad) (?:helo|ehlo)
        # qmail, Exchange
        badmailfrom
        resolver\.rst|sendernotauthenticated
        """,
    ),
    (
        "rate_limited",
        r"""
        # Gmail
        [45]\.7\.28\b
        unusual rate of
        # Yahoo
        unexpected volume|user complaints|\[tss?0[1-8]\]
        # Outlook
        4\.7\.(?:5\d\d|65[0-2])\b
        \brp-00\d
        rate.?limit
        # Orange, QQ, NetEase, Comcast, MessageLabs
        ofr\w*_104|trop de connexions
        frequency limited
        hl:i[tf]c|mi:[isd][mf]l|dt:frl
        \brl00000\d
        \[7\.2\]
        # Everybody
        throttl|slow down|too much mail
        (?:connection|concurrency|session)s? (?:rate )?limit
        max(?:imum)? (?:number of )?(?:connections|sessions|recipients)
        too many (?:\w+ ){0,3}(?:e?-?mail|message|connection|session|recipient|rcpt|login)
        (?:sending|daily|hourly|outbound) (?:\w+ )?(?:quota|limit)
        (?:recipient|message|mail)s? (?:received |sent )?(?:this|per) (?:hour|minute|day)
        exceed\w* (?:the )?(?:\w+ )?(?:rate|number of (?:messages|connections|recipients))
        """,
    ),
    (
        "spam",
        r"""
        # Spamhaus, SURBL, URIBL: our domain or our links, not our address
        dbl\.spamhaus|\bsurbl|\buribl
        """,
    ),
    (
        "blocked_address",
        r"""
        # The lists: Spamhaus, SpamCop, Barracuda, Abusix …
        spamhaus|spamcop|barracudacentral|sorbs\.net|uceprotect|abuseat|abusix|invaluement
        dnsbl|\brbl\b|(?:black|block|deny) ?list|blocked using|listed (?:at|by|in|on) \S+\.
        # Proofpoint (Apple asks it too), Barracuda, Cloudmark
        ipcheck\.proofpoint|proofpoint\.com/dnsbl|barracudanetworks\.com/reputation|cloudmark
        # Outlook, Hotmail
        5\.7\.6(?:0[6-9]|[1-4]\d)\b
        banned sending ip|\bs31[45]0\b|\b(?:sc|dy|ou)-00\d\b
        # Gmail
        very low reputation of the sending ip
        # Yahoo
        \[tss?(?:09|11)\]|\[bl2\d\]|permanently deferred
        # GMX, web.de, T-Online
        nemesis|[?&]c=(?:bip|bl)\b|tosa|\bip=\S+ - a problem occurred
        # Orange
        adresse ip source bloqu|ofr\w*_10[268]
        # Comcast, Cox, AT&T
        \bbl00000\d|comcast block|\baup#(?:bl|dnsbl|in-)|_is_blocked
        # Cisco, MessageLabs, Postfix
        poor reputation|access to this mail system has been rejected
        connection rejected by policy
        client host (?:rejected: access denied|blocked)
        # Everybody
        (?:your|client|sending|source) (?:ip|server|host)\b.{0,28} (?:block|bann|refus|deni)
        \bip(?: address)? (?:is )?(?:block|bann|black)|black ip
        no smtp service here|blocked for spam
        """,
    ),
    (
        "spam",
        r"""
        # Gmail, Yandex, mail.ru
        unsolicited|suspicious due to|suspicion of spam
        # Orange, La Poste, Apple, Yahoo, NetEase, QQ, MessageLabs
        (?:ofr|lpn)\w*_?50\d
        \[(?:cs|hm|hc)\d\d\]
        \[ph01\]|\[vs\d
        dt:spm|mail content denied
        message filtered\b
        # SpamAssassin, rspamd, Amavis, cPanel
        spamassassin|spam message|gtube
        (?:spam|junk) ?(?:mail|content)? ?(?:detect|reject|score|filter|refus|block|rule|suspect)
        (?:reject|block|refus|classif|identif|consider|suspect|detect|flag|look)\w*.{0,30}\b(?:spam|junk)
        (?:is|likely|probably|possible|probability of|this) spam\b
        # Everybody
        content (?:reject|restriction|filter)|bulk e?-?mail|phish
        """,
    ),
    (
        "greylisted",
        r"""
        # postgrey, SQLgrey, milter-greylist, Exim's greylistd
        gr[ea]y-?list
        come back (?:in|later)|try again in (?:\d|a few|some)|retry in \d
        # rspamd
        ^4\d\d (?:4\.7\.[01]|-) (?:please )?try again(?: later)?\W*$
        # Mimecast
        internal resources? (?:are |is )?temporarily unavailable
        """,
    ),
    (
        "mailbox_full",
        r"""
        # Gmail, Outlook, Yahoo, Apple, Dovecot
        over ?-?quota|quota (?:is |has been |was )?(?:exceeded|full|reached)
        exceed\w*(?: \S+){0,4} quota
        (?:mailbox|inbox|account|storage)(?: \S+){0,3} full\b|\bfull (?:mailbox|inbox)
        out of storage|storage (?:allocation|limit|quota)|mailbox size limit
        (?:not enough|insufficient|no) (?:\w+ )?(?:space|room|storage) (?:in|for|left)
        # cPanel, Courier
        (?:blocks?|inodes?) limit exceeded
        # Orange, and other languages
        destinataire pleine|ofr\w*_417|postfach (?:ist )?voll|casella piena|buz[oó]n lleno
        """,
    ),
    (
        "policy",
        r"""
        # Size
        (?:message|mail|attachment|size|body)\b.{0,30}(?:too (?:large|big|long)|exceeds)
        exceeds? .{0,30}(?:size|message limit)|size limit
        # Relaying: Postfix, Exim, qmail, Outlook, MessageLabs
        relay(?:ing)?(?: access)? (?:denied|not (?:allowed|permitted))
        (?:not|cannot|unable to|won't|no) relay|as a relay|allowed rcpthosts|tenantattribution
        # Amavis, Gmail
        \bbanned\b|infected|virus|malware|security (?:issue|polic|threat)|executable
        # Exim, Mimecast
        administrative prohibition|anti-?spoofing|envelope blocked
        # Exchange
        transport\.rules|restrictedrecipient|rejectmessage|only accepts? (?:mail|messages) from
        not permitted to (?:send|mail|post)|(?:you|sender) (?:are|is) not (?:allowed|authori[sz]ed)
        # Everybody
        (?:local|due to|by|security|message) polic(?:y|ies)
        policy (?:reason|violation|restrict|reject)
        rfc ?2?[58]22|rfc compliant|missing (?:\w+ )?header|duplicate header
        """,
    ),
    (
        "unreachable",
        r"""
        # Postfix, Exim, qmail, Exchange, in their reports
        connection (?:timed out|refused|reset|closed|dropped|lost)|lost connection
        no route to host|network is unreachable|smtp connection
        (?:unable|failed|not able) to (?:\w+ )?connect
        host not found, try again|temporary (?:lookup|dns|name)|dns query failed
        (?:retry time|retry timeout|delivery time|message) (?:has )?(?:expired|exceeded|not reached)
        timed out while|timeout (?:while|waiting|after)|no answer from host
        too many hops|hop count|mail loop|loops back
        """,
    ),
    (
        "other",
        r"""
        temporarily (?:disabled|suspended|locked|deactivated|inactive)
        """,
    ),
    (
        "invalid_recipient",
        r"""
        # Postfix, sendmail, Exim, qmail, cPanel
        user unknown|unknown (?:local )?(?:user|recipient|address|mailbox|account|local.?part|host)
        no such (?:\w+ )?(?:user|recipient|mailbox|person|address|account|domain|alias|name)
        unroute?able (?:mail )?(?:address|domain)|undeliverable address|no mailbox (?:here|found|by)
        couldn't find any host|host (?:or domain )?(?:name )?(?:is )?(?:not found|unknown)|nxdomain
        # RFC 7505, and domains that are gone
        null ?mx|indicated no smtp service|does not accept mail|mx records point to non-existent
        domain (?:name )?(?:does ?n[o']t exist|not found|unknown|invalid)
        non-?existe\w* (?:domain|user|mailbox|recipient|address|account)
        # Gmail, Outlook, Yahoo, Apple
        (?:account|user|mailbox|address|recipient|inbox)\b.{0,50} (?:n[o']t|doesn't) (?:exist|found)
        (?:account|user|mailbox|address)\b.{0,40} (?:is|has been|was)(?: \w+)? (?:disabled|inactive)
        (?:account|user|mailbox|address)\b.{0,40}\b(?:suspended|closed|deleted|deactivated|terminated)
        recip\w*notfound|^5\d\d 5\.4\.1 recipient address rejected: access denied
        ^5\d\d \S+ .{0,30}mailbox (?:name )?(?:unavailable|not allowed|invalid|disabled|inactive)
        this user doesn't have
        # mail.ru, Comcast, Cisco, Orange, Mimecast, Domino
        local mailbox ~ is unavailable|not our customer|ofr\w*_416|not listed in (?:domino|public)
        ^5\d\d (?:5\.1\.[0-6]|-) (?:#5\.1\.\d )?(?:~:? )?address rejected
        # Everybody
        (?:invalid|illegal|bad|incorrect) (?:\w+ )?(?:recipient|mailbox|user|address|destination)
        (?:recipient|user|address|mailbox) (?:\S+ )?(?:is )?(?:not (?:found|known|valid)|invalid)
        not an? (?:known |valid |local )*(?:user|customer|recipient|mailbox|address)
        no longer (?:\w+ )?(?:accept|valid|avail|active|here|employ|with|in use|exist|work)
        # Other languages
        empf[aä]nger (?:\w+ )?(?:unbekannt|existiert)|destinataire \S* ?(?:invalide|inconnu)
        destinatario (?:sconosciuto|desconocido)|usuario (?:desconocido|inexistente)
        """,
    ),
]

CODES: list[tuple[str, str]] = [
    (
        "tls",
        r"""
        # RFC 3463 §3.8
        ^\S+ [45]\.7\.1[01]\b
        """,
    ),
    ("auth_failure", r"^\S+ [45]\.7\.[89]\b"),
    ("rate_limited", r"^421 4\.7\.0\b"),
    ("greylisted", r"^4\d\d 4\.7\.1\b"),
    ("policy", r"^\S+ [45]\.1\.[78]\b"),
    (
        "invalid_recipient",
        r"""
        # RFC 3463 §3.2, RFC 7505 §4.2
        ^\S+ [45]\.1\.(?:[1-46]|10)\b
        # A mailbox that is disabled; one that has another owner now (RFC 7293 §14)
        ^\S+ [45]\.2\.1\b
        ^\S+ [45]\.7\.1[78]\b
        # Unable to route: no such domain
        ^\S+ 5\.4\.(?:4|310)\b
        """,
    ),
    ("mailbox_full", r"^\S+ [45]\.2\.2\b"),
    ("rate_limited", r"^\S+ [45]\.(?:5\.3|2\.12[12])\b"),
    ("policy", r"^\S+ [45]\.(?:2\.3|3\.4|6\.\d+|7\.\d+)\b"),
    ("unreachable", r"^\S+ [45]\.(?:4\.\d+|3\.2)\b"),
    # What a reply code says by itself: RFC 5321 §4.2.2, RFC 7504.
    ("mailbox_full", r"^552 (?:-|5\.0\.0)"),
    ("invalid_recipient", r"^55[16] (?:-|5\.0\.0)"),
    ("unreachable", r"^(?:421|521) (?:-|\d\.0\.0)"),
]


def patterns(table: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """(class, one regular expression for all of its lines), in order."""
    joined: list[tuple[str, str]] = []
    for name, block in table:
        lines = [line.strip() for line in block.splitlines()]
        joined.append((name, "|".join(line for line in lines if line and line[0] != "#")))
    return joined
