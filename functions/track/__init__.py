"""track: what people do with a mail that they got: open it, follow its links, unsubscribe.

face        /o/<token> a pixel, /c/<token> leads on, /u/<token> unsubscribes
visitors    is it a person, a mail provider's proxy, or a program
recorder    events, many in one object, durable before the answer
pages       what a person sees
"""
