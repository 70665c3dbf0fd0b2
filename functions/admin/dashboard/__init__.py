"""The dashboard: pages over the operator API, made on the server; nothing comes from elsewhere.

site       every request: static files, the door, the pages; what goes wrong is a page, too
door       logging in and out, and what each form has to carry
session    the cookie and the token of a form (pure)
slowing    wrong logins wait (pure)
headers    what every answer says to the browser (pure)
visit      one request of who is logged in, as a page sees it
api        the operator API, called in the visitor's name
plots      figures as SVG (pure)
renderer   the templates in html/, and how times, sizes and numbers are written
pages/     one module for each group of pages
static/    style sheet, script, icon
"""
