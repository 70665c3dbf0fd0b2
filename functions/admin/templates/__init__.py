"""Templates made ready: from MJML, with inlined CSS, with a text part, and tried out (P14).

    what the author wrote                    Wish
      → mjml     MJML compiled               mjml-python (mrml)
      → css      rules into style="…"        css-inline
      → plain    the text part               inscriptis
      → build    the Template, checked as `submit` and `dispatch` will
    apart        all that in a process with bounds
    preview      rendered as `dispatch` renders

The libraries know nothing of Jinja2: `marks` hides its tags from them and puts them back, `markup`
says where in the HTML each stands, and each step proves that none was lost or moved. What cannot
be done is a `Fault` with its line and column, never another mail than the author meant.
"""
